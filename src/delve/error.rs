//! Why there is no dlv for a session.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use nix::errno::Errno;

use super::find::{FindError, INSTALL};
use super::ports::PortPlan;

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
    #[error("{} printed 64 KiB and no ready line, and was stopped. It began with {said:?}: is it a dlv?", path.display())]
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
    let said = without_usage(said);
    if said.is_empty() { ", and said nothing".to_owned() } else { format!(" and said: {said}") }
}

/// dlv's error without the usage text that follows it, which is about a terminal's user.
fn without_usage(said: &str) -> &str {
    said.find("\nUsage:\n").map_or(said, |at| said[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dlv_s_usage_text_is_left_out() {
        let said = "Error: unknown flag: --nosuchflag\nUsage:\n  dlv dap [flags]\n\nFlags:\n  -h, --help\n";
        assert_eq!(without_usage(said), "Error: unknown flag: --nosuchflag");
        assert_eq!(without_usage("Usage: none"), "Usage: none");
    }

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
