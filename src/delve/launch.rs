//! Starting `dlv dap` and waiting until it says that it listens.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use super::argv;
use super::family::Family;
use super::find::find;
use super::output::{Tail, pass_on};
use super::ports::{PortLease, PortPlan, PortPool};
use super::ready::ReadyLine;
use super::spawn::in_own_session;

/// Bytes that dlv may print before its ready line; warnings take a few hundred.
const PREAMBLE_LIMIT: usize = 64 * 1024;

/// After dlv's end, how long its last words on standard error are waited for. They are in the pipe already.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A wait this long for the ready line is worth a line in the log.
const LONG_WAIT: Duration = Duration::from_secs(2);

/// How to get a dlv, said wherever one is missing or too old.
const INSTALL: &str = "install it with `go install github.com/go-delve/delve/cmd/dlv@latest`, `brew install delve` \
                       or `apt install delve`, or name it with --dlv PATH";

/// Why there is no dlv for a session. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// No dlv in PATH or where `go install` and Homebrew put it.
    #[error("dlv was not found in PATH, GOBIN, GOPATH/bin, ~/go/bin or Homebrew's folders: {INSTALL}")]
    NotFound,
    /// The system could not start it.
    #[error("dlv cannot be started from {}: {said}. Is the path right? {INSTALL}", path.display())]
    CannotStart {
        /// The program.
        path: PathBuf,
        /// What the system said.
        said: std::io::Error,
    },
    /// It does not know `dap` (Delve before 1.6.1).
    #[error("{} is too old: it has no `dlv dap` (Delve 1.7 or newer is needed): {INSTALL}", path.display())]
    TooOld {
        /// The program.
        path: PathBuf,
    },
    /// Every port of the plan is taken.
    #[error(
        "no port for dlv: --dlv-port {plan} is in use, by another session or another program \
         (`lsof -nP -iTCP:{plan}` tells which); free it, give a range A-B, or use --dlv-port 0"
    )]
    PortInUse {
        /// The plan.
        plan: PortPlan,
    },
    /// It ended first. dlv's exit status says little: it is 0 even for a usage error.
    #[error("{} ended ({status}) before it was ready{}", path.display(), quoted(said))]
    Ended {
        /// The program.
        path: PathBuf,
        /// The exit status.
        status: ExitStatus,
        /// What it printed.
        said: String,
    },
    /// No ready line in time.
    #[error(
        "{} printed no ready line within {} s{}; on a slow or freshly installed machine give it more with --start-timeout",
        path.display(), limit.as_secs(), quoted(said)
    )]
    TimedOut {
        /// The program.
        path: PathBuf,
        /// How long it was waited for.
        limit: Duration,
        /// What it printed.
        said: String,
    },
}

fn quoted(said: &str) -> String {
    if said.is_empty() { ", and said nothing".to_owned() } else { format!(" and said: {said}") }
}

/// How to start a dlv, for every session alike.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// `--dlv`; without it dlv is looked for.
    pub program: Option<PathBuf>,
    /// The folder that dlv runs and builds in; ours where there is none.
    pub folder: Option<PathBuf>,
    /// Variables that dlv's environment has besides ours, or instead.
    pub environment: Vec<(&'static str, OsString)>,
    /// Flags for `dlv dap` besides `--listen`.
    pub flags: Vec<OsString>,
    /// Where dlv may listen.
    pub ports: PortPool,
    /// How long dlv may take until its ready line.
    pub limit: Duration,
}

impl Launcher {
    /// Starts a dlv and waits for its ready line. Dropping the future ends the dlv.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub async fn launch(&self) -> Result<Delve, LaunchError> {
        let home = self.environment.iter().find(|(key, _)| *key == "HOME").map(|(_, home)| home.as_os_str());
        let path = find(self.program.as_deref(), home).ok_or(LaunchError::NotFound)?;
        let mut after = 0;
        loop {
            let Some(lease) = self.ports.lease(after) else {
                return Err(LaunchError::PortInUse { plan: self.ports.plan() });
            };
            after = lease.port();
            match self.start(&path, lease).await {
                Err(LaunchError::Ended { said, .. })
                    if after > 0 && said.contains("address already in use") =>
                {
                    tracing::debug!(target: "dlvgate::delve", port = after, "port in use, trying the next");
                }
                Err(LaunchError::Ended { said, .. }) if said.contains("unknown command \"dap\"") => {
                    return Err(LaunchError::TooOld { path });
                }
                started => return started,
            }
        }
    }

    async fn start(&self, path: &Path, lease: PortLease) -> Result<Delve, LaunchError> {
        let mut command = Command::new(path);
        command
            .args(argv::dap(lease.port(), &self.flags))
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        let cannot_start = |said| LaunchError::CannotStart { path: path.to_owned(), said };
        let mut child = in_own_session(&mut command).spawn().map_err(cannot_start)?;
        let pipes = (child.stdout.take(), child.stderr.take(), child.id().map(|id| Pid::from_raw(id as i32)));
        let (Some(mut stdout), Some(stderr), Some(pid)) = pipes else {
            return Err(cannot_start(std::io::Error::other("it has no pipes")));
        };
        let unready = Unready { pid };
        let tail = Tail::default();
        let mut pumps = JoinSet::new();
        pumps.spawn(pass_on(stderr, tokio::io::stderr(), Vec::new(), tail.clone()));

        let waiting = wait_for_ready(&mut child, &mut stdout, pid);
        match tokio::time::timeout(self.limit, waiting).await {
            Ok(Ok((ready, rest))) => {
                std::mem::forget(unready);
                pumps.spawn(pass_on(stdout, tokio::io::stdout(), rest, Tail::default()));
                Ok(Delve {
                    child,
                    pid,
                    address: ready.address,
                    stderr: tail,
                    family: Arc::default(),
                    pumps,
                    _lease: lease,
                })
            }
            Ok(Err(NotReady { status, stdout })) => {
                let _ = tokio::time::timeout(LAST_WORDS, pumps.join_next()).await;
                let said = joined(&tail.text(), &stdout);
                Err(LaunchError::Ended { path: path.to_owned(), status, said })
            }
            Err(_) => {
                let _ = child.kill().await;
                Err(LaunchError::TimedOut { path: path.to_owned(), limit: self.limit, said: tail.text() })
            }
        }
    }
}

/// A dlv that is not ready: where it never gets so, or nobody waits for it any more, it is killed with whatever it has
/// started. It has no debugged program yet.
struct Unready {
    pid: Pid,
}

impl Drop for Unready {
    fn drop(&mut self) {
        let _ = killpg(self.pid, Signal::SIGKILL);
    }
}

struct NotReady {
    status: ExitStatus,
    stdout: String,
}

/// Reads standard output up to the ready line; returns it with what was read beyond it.
async fn wait_for_ready(
    child: &mut Child,
    stdout: &mut ChildStdout,
    pid: Pid,
) -> Result<(ReadyLine, Vec<u8>), NotReady> {
    let mut read = Vec::new();
    let mut lines_seen = 0;
    let mut patience = Box::pin(tokio::time::sleep(LONG_WAIT));
    let mut told = false;
    loop {
        let more = tokio::select! {
            more = stdout.read_buf(&mut read) => more.unwrap_or(0) > 0,
            () = &mut patience, if !told => {
                told = true;
                tracing::info!(target: "dlvgate::delve", pid = pid.as_raw(), "still waiting for dlv's ready line");
                true
            }
        };
        while let Some(end) = read[lines_seen..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&read[lines_seen..lines_seen + end]).into_owned();
            lines_seen += end + 1;
            if let Some(ready) = ReadyLine::parse(&line) {
                return Ok((ready, read.split_off(lines_seen)));
            }
        }
        if !more || read.len() > PREAMBLE_LIMIT {
            let status = if more { None } else { child.wait().await.ok() };
            let _ = child.start_kill();
            let status = match status {
                Some(status) => status,
                None => child.wait().await.unwrap_or_default(),
            };
            return Err(NotReady { status, stdout: String::from_utf8_lossy(&read).trim().to_owned() });
        }
    }
}

fn joined(stderr: &str, stdout: &str) -> String {
    [stderr, stdout].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}

/// A dlv that listens. Stop it with [`Delve::stop`]; dropping it kills dlv alone, as a last resort.
#[derive(Debug)]
pub struct Delve {
    pub(super) child: Child,
    pub(super) pid: Pid,
    address: SocketAddr,
    stderr: Tail,
    pub(super) family: Arc<Mutex<Family>>,
    pub(super) pumps: JoinSet<()>,
    _lease: PortLease,
}

impl Delve {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id, which is also the id of its process group and session.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// The last of what it and the debugged program wrote to standard error. After its end, what is still in the pipe is
    /// waited for a moment; a debugged program that outlives it keeps the pipe open.
    pub async fn last_words(&mut self) -> String {
        let rest = async { while self.pumps.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
        self.stderr.text()
    }

    /// Waits until it ends. Can be cancelled and called again.
    pub async fn exited(&mut self) -> ExitStatus {
        match self.child.wait().await {
            Ok(status) => status,
            // Only where the process cannot be waited for at all: nothing will ever be known of it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Notes which programs dlv has started, so that a binary that it built can be removed even where dlv
    /// and the program are both killed later. Runs beside the caller.
    pub fn observe(&mut self) {
        let (family, pid) = (Arc::clone(&self.family), self.pid);
        self.pumps.spawn_blocking(move || {
            family.lock().unwrap_or_else(PoisonError::into_inner).members(pid);
        });
    }
}
