//! Starting a dlv that listens.

use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;

use super::argv::Argv;
use super::find::{FindError, INSTALL, find};
use super::ports::{PortLease, PortPlan, PortPool};
use super::process::Delve;
use super::reaper::Reaper;
use super::streams::Streams;
use super::target::Target;

/// How many dlvs in a row may get a port that another session has still. Its gate refuses the next.
const MAX_ON_OTHERS: u32 = 8;

/// Why there is no dlv for a session. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// There is none.
    #[error(transparent)]
    NotFound(#[from] FindError),
    /// The system could not start it.
    #[error("dlv cannot be started from {}: {said}{}", path.display(), remedy(said))]
    CannotStart {
        /// The program.
        path: PathBuf,
        /// What the system said.
        said: io::Error,
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
    /// It cannot listen on a Unix socket (Delve before 1.22.1, `cmd/dlv/cmds/commands.go`).
    #[error(
        "{} is too old for --dlv-port unix, which needs Delve 1.22.1 or newer: {INSTALL}; or leave --dlv-port out",
        path.display()
    )]
    NoUnix {
        /// The program.
        path: PathBuf,
    },
    /// There can be no folder for Unix sockets.
    #[error("--dlv-port unix: no private folder for dlv's socket: {0}")]
    NoFolder(#[source] io::Error),
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
    /// It prints a lot, and no ready line.
    #[error("{} printed 64 KiB and no ready line, and was ended. It began with {said:?}: is it a dlv?", path.display())]
    NoDelve {
        /// The program.
        path: PathBuf,
        /// The beginning of what it printed.
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

/// What to do where a program cannot be started. Only some of the reasons are about its path.
fn remedy(said: &io::Error) -> String {
    match Errno::from_raw(said.raw_os_error().unwrap_or_default()) {
        Errno::ENOENT | Errno::ENOTDIR => format!(". Is the path right? {INSTALL}"),
        Errno::EACCES | Errno::EPERM => format!(". Is it the right file, and may you run it? {INSTALL}"),
        Errno::ENOEXEC => format!(". It is not a program for this system: {INSTALL}"),
        Errno::EAGAIN => {
            "; your user has too many processes (see `ulimit -u`): end some, and try again".to_owned()
        }
        Errno::ENOMEM => "; too little memory is free: end some programs, and try again".to_owned(),
        Errno::EMFILE | Errno::ENFILE => {
            "; too many files are open (see `ulimit -n`): allow more, and try again".to_owned()
        }
        _ => String::new(),
    }
}

fn quoted(said: &str) -> String {
    if said.is_empty() { ", and said nothing".to_owned() } else { format!(" and said: {said}") }
}

/// How to start a dlv, each time alike.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// `--dlv`; without it dlv is looked for.
    pub program: Option<PathBuf>,
    /// The folder that dlv runs and builds in; ours where there is none.
    pub folder: Option<PathBuf>,
    /// Variables that dlv's environment has besides ours, or instead.
    pub environment: Vec<(&'static str, OsString)>,
    /// Its command line, but for the address to listen on.
    pub argv: Argv,
    /// Where dlv may listen.
    pub ports: PortPool,
    /// How long dlv may take until its ready line; for ever where nothing is said.
    pub limit: Option<Duration>,
    /// Its standard streams.
    pub streams: Streams,
    /// Ends dlv's processes if dlvgate is killed.
    pub reaper: Reaper,
}

impl Launcher {
    /// Starts a dlv and waits for its ready line. Dropping the future ends the dlv.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub async fn launch(&self) -> Result<Delve, LaunchError> {
        let path = self.path()?;
        let (mut after, mut on_others) = (0, 0);
        loop {
            let Some(lease) = self.ports.lease(after).map_err(LaunchError::NoFolder)? else {
                return Err(LaunchError::PortInUse { plan: self.ports.plan() });
            };
            after = lease.port();
            let mut delve = self.spawn_from(&path, lease)?;
            match delve.ready(self.limit).await {
                Err(LaunchError::Ended { said, .. })
                    if after > 0 && said.contains("address already in use") =>
                {
                    tracing::debug!(target: "dlvgate::delve", port = after, "port in use, trying the next");
                }
                Err(LaunchError::Ended { said, .. }) if said.contains("unknown command \"dap\"") => {
                    return Err(LaunchError::TooOld { path });
                }
                Err(LaunchError::Ended { said, .. })
                    if self.ports.plan() == PortPlan::Unix && said.contains("listen tcp") =>
                {
                    return Err(LaunchError::NoUnix { path });
                }
                Err(error) => return Err(error),
                Ok(()) if on_others < MAX_ON_OTHERS && !delve.claim_port() => {
                    let address = delve.address();
                    tracing::debug!(target: "dlvgate::delve", %address, "the port is another session's still, starting another dlv");
                    delve.stop(Signal::SIGTERM, pending()).await;
                    on_others += 1;
                }
                Ok(()) => {
                    delve.announce("");
                    return Ok(delve);
                }
            }
        }
    }

    /// Starts a dlv and does not wait: [`Delve::ready`] does, and [`Delve::stop`] ends it at any
    /// time.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub fn spawn(&self) -> Result<Delve, LaunchError> {
        let lease = self.ports.lease_free().map_err(LaunchError::NoFolder)?;
        let lease = lease.ok_or(LaunchError::PortInUse { plan: self.ports.plan() })?;
        self.spawn_from(&self.path()?, lease)
    }

    /// Whether it listens on a port; else on a Unix socket.
    pub fn is_on_a_port(&self) -> bool {
        self.ports.plan() != PortPlan::Unix
    }

    /// Whether another dlv at another port is as good as this one.
    pub fn may_be_started_again(&self) -> bool {
        let in_place = matches!(self.streams, Streams::InPlace(_));
        self.ports.plan() == PortPlan::Any && self.argv.waits_for_a_client() && !in_place
    }

    /// What would be started now.
    ///
    /// # Errors
    /// Where there is no dlv.
    pub fn target(&self) -> Result<Target, LaunchError> {
        Target::of(self)
    }

    pub(super) fn path(&self) -> Result<PathBuf, LaunchError> {
        let home = self.environment.iter().find(|(key, _)| *key == "HOME").map(|(_, home)| home.as_os_str());
        Ok(find(self.program.as_deref(), home)?)
    }

    fn spawn_from(&self, path: &Path, lease: PortLease) -> Result<Delve, LaunchError> {
        Delve::spawn(path, self, lease)
            .map_err(|said| LaunchError::CannotStart { path: path.to_owned(), said })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_reasons_of_the_path_name_the_path() {
        for (errno, path, says) in [
            (Errno::ENOENT, true, "path right"),
            (Errno::EACCES, true, "may you run it"),
            (Errno::ENOEXEC, true, "for this system"),
            (Errno::EAGAIN, false, "ulimit -u"),
            (Errno::ENOMEM, false, "memory"),
            (Errno::EMFILE, false, "ulimit -n"),
            (Errno::ETXTBSY, false, "busy"),
        ] {
            let error = LaunchError::CannotStart { path: "/x/dlv".into(), said: errno.into() }.to_string();
            assert!(error.contains(says) && error.contains("install it") == path, "{error}");
        }
    }
}
