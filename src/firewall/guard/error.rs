//! Why there is no guard, or none any more.

use std::path::PathBuf;
use std::process::ExitStatus;

use super::helper::HELPER;
use crate::firewall::backend::FirewallBackend;

/// A failure of, or around, the guard. Each message says what failed and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// We are not root, and no helper is installed that could be.
    #[error(
        "guarding a port takes root, and {HELPER} is not installed. Install it once with `sudo dlvgate firewall install`, \
         or run dlvgate with sudo (`sudo dlvgate serve …` runs dlv as you all the same)"
    )]
    NoHelper,
    /// Another system's packet filter.
    #[error(
        "{backend} is not this system's packet filter; use --firewall auto, {}, or off",
        FirewallBackend::NATIVE
    )]
    NotHere {
        /// The packet filter asked for.
        backend: FirewallBackend,
    },
    /// A file, or a folder on its way, could be changed by others than root.
    #[error("root must not trust what is at {}: {why}. Without the helper, `sudo dlvgate serve …` opens gates", path.display())]
    UnsafeHelper {
        /// The file or folder.
        path: PathBuf,
        /// The problem.
        why: String,
    },
    /// sudo, or the guard itself, could not be started.
    #[error("{} cannot be started: {said}", path.display())]
    CannotStart {
        /// The program.
        path: PathBuf,
        /// What the system said.
        said: std::io::Error,
    },
    /// sudo ended without starting the guard; it has said why on standard error.
    #[error(
        "sudo does not start the guard ({status}); without a terminal it cannot ask for a password. `sudo dlvgate firewall \
         install` lets your user start exactly this program without one; `sudo -n -l {HELPER}` shows what it may"
    )]
    Refused {
        /// How it ended.
        status: ExitStatus,
    },
    /// The guard ended before its first word.
    #[error("the guard ended before it was ready ({status})")]
    Stillborn {
        /// How it ended.
        status: ExitStatus,
    },
    /// The guard's own words.
    #[error("{said}")]
    Failed {
        /// What it said.
        said: String,
    },
    /// The guard's own words: another user is at the port, or has a gate there. Another port may
    /// do.
    #[error("{said}")]
    OfAnother {
        /// What it said.
        said: String,
    },
    /// The guard speaks another version.
    #[error(
        "the guard in {HELPER} is of another dlvgate (it speaks version {theirs}): `sudo dlvgate firewall install`"
    )]
    OtherVersion {
        /// Its version.
        theirs: u32,
    },
    /// The pipe ended: the guard was killed.
    #[error(
        "the guard has ended, and with it the power over the gates; what it had opened is closed by the next start of \
         dlvgate or by `dlvgate firewall sweep`"
    )]
    Gone,
    /// The guard got a signal to end; it has closed everything.
    #[error("the guard was told to end, and has closed every gate")]
    Dismissed,
    /// No answer in time.
    #[error("the guard did not answer within {seconds} s; see `ps -ax | grep 'dlvgate.* guard'`")]
    Silent {
        /// How long it was waited for.
        seconds: u64,
    },
    /// It said something that is no answer.
    #[error("what the guard says is not understood: {said}")]
    Garbled {
        /// The problem.
        said: String,
    },
}
