//! Why something was not installed, removed, saved or restored.

use std::io;
use std::path::PathBuf;

use crate::firewall::guard::GuardError;

/// A failure. Each message says what failed and what to do next; nothing was left half done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersistError {
    /// Only root may.
    #[error("this changes files of the system: run it with sudo, or try it in a folder with --root DIR")]
    NotRoot,
    /// The user to install for is not known.
    #[error("for whom? sudo does not say who called it; name the user with --user NAME")]
    NoUser,
    /// A name that does not go into sudoers.
    #[error("`{name}` is no user that can be named in sudoers: {why}")]
    BadUser {
        /// The name.
        name: String,
        /// The problem.
        why: &'static str,
    },
    /// Options of another platform.
    #[error("{what} is for macOS: this system has no pf")]
    OtherPlatform {
        /// The option.
        what: &'static str,
    },
    /// A folder that others could write to.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// A snapshot where others than root could change it.
    #[error(
        "{} is no place for a snapshot: root would trust it, and {}: {why}. Take a folder that is root's alone, such as {better}",
        folder.display(), path.display()
    )]
    SharedPlace {
        /// The snapshot's folder.
        folder: PathBuf,
        /// What others could change: it, or a folder on its way.
        path: PathBuf,
        /// In which way.
        why: String,
        /// Another place, for a shell.
        better: String,
    },
    /// A file that is not as dlvgate wrote it, or not ours at all.
    #[error("{path} {why}; look at it, and say --force to go on all the same")]
    Changed {
        /// The file.
        path: String,
        /// In which way.
        why: &'static str,
    },
    /// Nothing to remove.
    #[error("dlvgate has installed nothing here: there is no {record}")]
    NotInstalled {
        /// Where the record would be.
        record: String,
    },
    /// A record or manifest that cannot be believed.
    #[error("{path} cannot be trusted: {why}")]
    Corrupt {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{}: {said}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        said: io::Error,
    },
    /// A program refused.
    #[error("`{command}` refuses: {said}; nothing was changed")]
    Refused {
        /// The command.
        command: String,
        /// Its words.
        said: String,
    },
    /// A program is missing.
    #[error("{program} is not there; it is needed {why}")]
    NoProgram {
        /// The program.
        program: String,
        /// What for.
        why: &'static str,
    },
    /// The loaded rules do not do what they should.
    #[error("after the load, {what}; everything was put back")]
    NotInForce {
        /// The missing part.
        what: String,
    },
    /// A plan that failed, and what of it could not be undone.
    #[error("{why}; besides, this could not be put back: {}", left.join("; "))]
    NotUndone {
        /// The failure.
        why: Box<PersistError>,
        /// The parts that are left.
        left: Vec<String>,
    },
}
