//! The targets of measurements: a direct connection, builds of dlvgate, and other forwarders.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::roles::{Role, Runtime};

/// Buffers of `copy`: tokio's own size; and a size at which a large reply takes few calls.
const USUAL_BUFFER: usize = 8 * 1024;
const LARGE_BUFFER: usize = 64 * 1024;

/// A way from the driver to the upstream.
#[derive(Clone, Debug)]
pub struct Target {
    /// What the tables call it.
    pub name: String,
    pub kind: Kind,
}

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Direct,
    Dlvgate { program: PathBuf, is_recording: bool },
    Copy { buffer: usize, runtime: Runtime },
    Haproxy,
    Socat,
}

/// How many sessions there are at once.
#[derive(Clone, Copy, Debug)]
pub enum Sessions {
    One,
    Several(u16),
}

/// How to start one, and how its address becomes known.
pub enum Start {
    /// It prints its address.
    Prints(Command),
    /// It listens there, some time after it was started.
    At(SocketAddr, Command),
}

impl Target {
    /// The upstream itself.
    pub fn direct() -> Target {
        Target { name: "direct".to_owned(), kind: Kind::Direct }
    }

    /// A build of dlvgate.
    pub fn dlvgate(name: &str, program: &Path) -> Target {
        Target {
            name: name.to_owned(),
            kind: Kind::Dlvgate { program: program.to_owned(), is_recording: false },
        }
    }

    /// All others that there are.
    pub fn others() -> Vec<Target> {
        let named = |name: &str, kind| Target { name: name.to_owned(), kind };
        vec![
            named("copy", Kind::Copy { buffer: USUAL_BUFFER, runtime: Runtime::Lean }),
            named("copy-main", Kind::Copy { buffer: USUAL_BUFFER, runtime: Runtime::Usual }),
            named("copy-64k", Kind::Copy { buffer: LARGE_BUFFER, runtime: Runtime::Lean }),
            named("haproxy", Kind::Haproxy),
            named("socat", Kind::Socat),
        ]
    }

    /// The same build of dlvgate, recording; `None` of others.
    pub fn recording(&self) -> Option<Target> {
        let Kind::Dlvgate { program, .. } = &self.kind else { return None };
        let kind = Kind::Dlvgate { program: program.clone(), is_recording: true };
        Some(Target { name: format!("{}, recording", self.name), kind })
    }

    /// Whether there is a process between the driver and the upstream.
    pub fn has_process(&self) -> bool {
        self.kind != Kind::Direct
    }

    /// Whether it can be started here.
    pub fn is_installed(&self) -> bool {
        match self.kind {
            Kind::Haproxy => version("haproxy", "-v").is_some(),
            Kind::Socat => version("socat", "-V").is_some(),
            _ => true,
        }
    }

    /// How it is started in front of `upstream`; `None` if there is nothing to start. What it
    /// writes goes into `folder`.
    pub fn start(
        &self,
        upstream: SocketAddr,
        sessions: Sessions,
        folder: &Path,
    ) -> anyhow::Result<Option<Start>> {
        let log = std::fs::File::create(folder.join("log"))?;
        let mut start = match &self.kind {
            Kind::Direct => return Ok(None),
            Kind::Dlvgate { program, is_recording } => {
                let mut command = dlvgate(program, upstream, sessions);
                if *is_recording {
                    command.arg("--record").arg(folder.join("recordings"));
                }
                Start::Prints(command)
            }
            Kind::Copy { buffer, runtime } => {
                Start::Prints(Role::Copy { upstream, buffer: *buffer, runtime: *runtime }.command()?)
            }
            Kind::Haproxy => {
                let front = free_address()?;
                let file = folder.join("haproxy.cfg");
                std::fs::write(&file, haproxy(front, upstream))?;
                let mut command = Command::new(find("haproxy"));
                command.arg("-db").arg("-f").arg(file);
                Start::At(front, command)
            }
            Kind::Socat => {
                let front = free_address()?;
                let mut command = Command::new(find("socat"));
                command.arg(format!(
                    "TCP-LISTEN:{},bind={},fork,reuseaddr,nodelay,backlog=1024",
                    front.port(),
                    front.ip()
                ));
                command.arg(format!("TCP:{upstream},nodelay"));
                Start::At(front, command)
            }
        };
        let (Start::Prints(command) | Start::At(_, command)) = &mut start;
        command.stderr(log).current_dir(folder);
        Ok(Some(start))
    }
}

fn dlvgate(program: &Path, upstream: SocketAddr, sessions: Sessions) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", "--listen", "127.0.0.1:0", "--firewall", "off", "--upstream"]);
    command.arg(upstream.to_string());
    if let Sessions::Several(count) = sessions {
        command.args(["--headless", "--max-sessions", &count.to_string()]);
    }
    command
}

/// One thread, TCP as it comes. Splicing is off by default; said, since the comparison is with a
/// proxy that reads.
fn haproxy(front: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "global
  nbthread 1
  maxconn 4000
  nosplice
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen bench
  bind {front}
  server upstream {upstream}
"
    )
}

/// A port that was free a moment ago, for programs that cannot say which one they took.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Debian has haproxy in a folder that not every user's PATH has.
fn find(program: &str) -> PathBuf {
    let in_sbin = Path::new("/usr/sbin").join(program);
    if in_sbin.exists() { in_sbin } else { program.into() }
}

/// What it says of its version; `None` if it is not installed.
pub fn version(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(find(program)).arg(flag).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = |line: &str| {
        line.split_whitespace()
            .skip_while(|word| !word.eq_ignore_ascii_case("version"))
            .nth(1)
            .map(str::to_owned)
    };
    text.lines().find_map(word).map(|version| version.split('-').next().unwrap_or_default().to_owned())
}

/// What `dlvgate --version` prints.
pub fn dlvgate_version(program: &Path) -> anyhow::Result<String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.with_context(|| format!("{} cannot be run", program.display()))?;
    anyhow::ensure!(output.status.success(), "{} --version fails", program.display());
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}
