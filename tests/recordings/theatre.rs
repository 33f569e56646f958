//! What listens for a session: a real dlv, recorded or not, or the recording.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use dlvgate_test_support::dropin::{Dlv, Running, Which};
use dlvgate_test_support::paths::repository;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;

use crate::scenarios::{Listens, Scenario, Stage};

/// Where the programs are in the recordings, wherever they are here.
pub const PROGRAMS: &str = "/home/me/go/src";

/// Go's own sources.
pub const GOROOT: &str = "/usr/local/go";

/// Where a session's recording is kept.
pub fn fixture(dlv: &str, scenario: &Scenario) -> PathBuf {
    let sessions = repository().join("fixtures/sessions");
    sessions.join(dlv).join(format!("{}.jsonl", scenario.name))
}

/// A session's program, ready to be debugged; where the client attaches, it runs.
pub struct Prepared {
    pub program: Program,
    running: Option<Child>,
}

impl Prepared {
    pub fn new(dlv: &Pair, scenario: &Scenario) -> Prepared {
        let program = match scenario.listens {
            Listens::Builds => Program::source(scenario.program),
            _ => Program::built(dlv, scenario.program),
        };
        make_older(&program.folder);
        let running = (scenario.listens == Listens::Attaches).then(|| {
            let mut command = Command::new(&program.binary);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        });
        Prepared { program, running }
    }

    /// The folder that all programs are in.
    pub fn parent(&self) -> &str {
        self.program.folder.parent().and_then(Path::to_str).expect("a folder")
    }

    pub fn pid(&self) -> i32 {
        self.running.as_ref().map_or(0, |running| i32::try_from(running.id()).expect("a pid"))
    }

    pub fn stage<'a>(&'a self, dlv: &'a Pair, front: SocketAddr) -> Stage<'a> {
        Stage { front, program: &self.program, dlv, pid: self.pid() }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}

/// `dlv connect` asks more where a source is newer than the program, and a recorded program is
/// older than today's copy.
fn make_older(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "go") {
            let file = std::fs::File::options().append(true).open(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000)).unwrap();
        }
    }
}

/// Where the pair's Go is.
pub fn goroot(dlv: &Pair) -> Option<String> {
    let (_, goroot) = dlv.env().into_iter().find(|(name, _)| *name == "GOROOT")?;
    goroot.into_string().ok()
}

/// dlv's command for a headless session.
pub fn headless(prepared: &Prepared) -> [&str; 3] {
    ["exec", prepared.program.binary.to_str().expect("a path in UTF-8"), "--accept-multiclient"]
}

/// A real dlv that listens as the session wants it.
pub fn real_dlv(dlv: &Pair, scenario: &Scenario, prepared: &Prepared) -> Running {
    let real = Dlv::new(dlv, Which::Real);
    match scenario.listens {
        Listens::Headless => {
            let words = ["--headless", "--api-version=2", "--listen=127.0.0.1:0"];
            real.args(headless(prepared)).args(words).start()
        }
        _ => real.args(["dap", "--listen=127.0.0.1:0"]).start(),
    }
}

/// Plays a session with a real dlv behind `dlvgate serve --record`; gives the recording as if it
/// had been made on a machine where the folders are elsewhere.
pub fn recorded(dlv: &Pair, scenario: &Scenario) -> String {
    let prepared = Prepared::new(dlv, scenario);
    moved(&record_prepared(dlv, scenario, &prepared), prepared.parent(), dlv)
}

/// The same as it is.
pub fn record(dlv: &Pair, scenario: &Scenario) -> String {
    record_prepared(dlv, scenario, &Prepared::new(dlv, scenario))
}

fn record_prepared(dlv: &Pair, scenario: &Scenario, prepared: &Prepared) -> String {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let mut serve = Serve::with(dlv).flags(["--once", "--record", records.to_str().unwrap()]);
    if scenario.listens == Listens::Headless {
        serve = serve.dlv_flags(headless(prepared));
    }
    let mut server = serve.start();
    (scenario.play)(&prepared.stage(dlv, server.front()));
    server.exit();
    let mut files = std::fs::read_dir(&records).unwrap();
    let file = files.next().expect("a recording").unwrap().path();
    assert!(files.next().is_none(), "one session, one file");
    std::fs::read_to_string(file).unwrap()
}

fn moved(recording: &str, parent: &str, dlv: &Pair) -> String {
    let header: serde_json::Value = serde_json::from_str(recording.lines().next().unwrap()).unwrap();
    let folder = header["settings"]["folder"].as_str().expect("a folder").to_owned();
    let mut moved = recording.replace(parent, PROGRAMS).replace(&folder, "/home/me");
    if let Some(goroot) = goroot(dlv) {
        moved = moved.replace(&goroot, GOROOT);
    }
    moved
}
