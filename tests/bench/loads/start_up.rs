//! With a real dlv: from nothing to `initialize` answered, by a client that starts dlv itself and
//! by one that connects to dlvgate, which starts it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use tempfile::TempDir;

use super::{DIRECT, Series, Tables, Unit};
use crate::connection::Connection;
use crate::options::Options;
use crate::process::Running;
use crate::rounds::interleaved;
use crate::targets::{Kind, Target};
use crate::watchdog;

const ROUNDS: usize = 40;
/// The suffix of a build's name where a dlv waits already.
pub const WARM: &str = ", warm";
/// How long a session's end, or a spare dlv, is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a machine under load does wrong is said, and tried again.
const TRIES: usize = 3;
/// By default dlv looks for its client in /proc/net/tcp, which is not read at one moment: where the
/// table is long or changes meanwhile, it does not find it, takes it for another user's and ends.
/// Switched off in both ways.
const DLV_FLAG: &str = "--only-same-user=false";

/// A table for each dlv.
pub fn measure(options: &Options) -> anyhow::Result<Tables> {
    let dlvs = options.dlvs();
    if dlvs.is_empty() {
        eprintln!("  no dlv in target/toolchains: left out (tests/setup/install-delve installs some)");
    }
    dlvs.iter().map(|(name, dlv)| Ok((name.clone(), Unit::Milliseconds, series(options, dlv)?))).collect()
}

fn series(options: &Options, dlv: &Path) -> anyhow::Result<Vec<Series>> {
    let mut ways = vec![Way::Direct];
    for build in options.builds() {
        ways.push(Way::Server(Server::start(build, dlv, false)?));
        if has_warm(build)? {
            ways.push(Way::Server(Server::start(build, dlv, true)?));
        }
    }
    let figures = interleaved(&mut ways, options.rounds(ROUNDS), |way| {
        let mut done = way.measure(dlv);
        for _ in 0..TRIES {
            let Err(error) = &done else { break };
            eprintln!("  {}: {error:#}; once more", way.name());
            done = way.measure(dlv);
        }
        done
    })?;
    Ok(Series::all(ways.iter().map(|way| way.name().to_owned()), figures))
}

enum Way {
    Direct,
    Server(Server),
}

impl Way {
    fn name(&self) -> &str {
        match self {
            Way::Direct => DIRECT,
            Way::Server(server) => &server.name,
        }
    }

    fn measure(&mut self, dlv: &Path) -> anyhow::Result<f64> {
        watchdog::progress();
        match self {
            Way::Direct => direct(dlv),
            Way::Server(server) => server.session(),
        }
    }
}

/// As an editor that starts dlv.
fn direct(dlv: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new(dlv);
    command.args(["dap", "--listen=127.0.0.1:0", DLV_FLAG]).stderr(Stdio::null());
    let begin = Instant::now();
    let mut dlv = Running::start(&mut command)?;
    let address = dlv.ready()?;
    let connection = Connection::open(address)?;
    let took = begin.elapsed();
    connection.leave()?;
    dlv.wait()?;
    Ok(took.as_secs_f64() * 1e3)
}

/// Whether the build has dlvs in store.
fn has_warm(build: &Target) -> anyhow::Result<bool> {
    let Kind::Dlvgate { program, .. } = &build.kind else { return Ok(false) };
    let help = Command::new(program).args(["serve", "--help"]).output()?;
    Ok(String::from_utf8_lossy(&help.stdout).contains("--warm "))
}

/// A dlvgate that starts a dlv for each client.
struct Server {
    name: String,
    process: Running,
    address: std::net::SocketAddr,
    log: PathBuf,
    is_warm: bool,
    _folder: TempDir,
}

impl Server {
    fn start(build: &Target, dlv: &Path, is_warm: bool) -> anyhow::Result<Server> {
        let Kind::Dlvgate { program, .. } = &build.kind else { anyhow::bail!("not a build of dlvgate") };
        let folder = tempfile::Builder::new().prefix("dlvgate-bench-").tempdir()?;
        let log = folder.path().join("log");
        let mut command = Command::new(program);
        command.args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--firewall",
            "off",
            "--log-format",
            "json",
            "--dlv",
        ]);
        command.arg(dlv).current_dir(folder.path()).stderr(std::fs::File::create(&log)?);
        if is_warm {
            command.args(["--warm", "1"]);
        }
        command.args(["--", DLV_FLAG]);
        let mut process = Running::start(&mut command)?;
        let address = process.ready().with_context(|| format!("{} does not start", build.name))?;
        let name = if is_warm { format!("{}{WARM}", build.name) } else { build.name.clone() };
        Ok(Server { name, process, address, log, is_warm, _folder: folder })
    }

    /// One session; what came before has ended, and where dlv is kept in store, it is there.
    fn session(&mut self) -> anyhow::Result<f64> {
        if self.is_warm {
            self.until("there is no spare dlv", |log| log.count("spare_ready") > log.count("first_byte"))?;
        }
        let begin = Instant::now();
        let took = Connection::open(self.address).map(|connection| (begin.elapsed(), connection));
        let took = took.and_then(|(took, connection)| connection.leave().map(|()| took));
        self.until("a session does not end", |log| log.count("closed") == log.count("first_byte"))?;
        Ok(took?.as_secs_f64() * 1e3)
    }

    /// Waits until the log says so.
    fn until(&mut self, otherwise: &str, is_so: impl Fn(&Log) -> bool) -> anyhow::Result<()> {
        let begin = Instant::now();
        while !is_so(&Log(std::fs::read_to_string(&self.log)?)) {
            anyhow::ensure!(!self.process.has_ended(), "{} has ended", self.name);
            anyhow::ensure!(begin.elapsed() < PATIENCE, "{}: {otherwise}", self.name);
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

/// A log, a JSON object a line.
struct Log(String);

impl Log {
    /// How often this transition is in it.
    fn count(&self, transition: &str) -> usize {
        self.0.matches(&format!(r#""transition":"{transition}""#)).count()
    }
}
