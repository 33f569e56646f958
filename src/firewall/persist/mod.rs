//! What outlives a run of dlvgate: the installed helper, its sudoers entry, openings that are
//! restored at boot, lines in pf.conf; and snapshots of all that.
//!
//! Each command computes a [`plan`] from the files and rules at hand: files to write and to remove,
//! programs to run. A plan can be shown as a diff, and carried out whole or not at all.

mod daemon;
mod error;
mod files;
pub mod install;
mod layout;
mod pf_conf;
pub mod plan;
mod record;
pub mod rollback;
pub mod snapshot;
mod sudoers;
mod tools;
pub mod uninstall;

pub use error::PersistError;
pub use layout::{Layout, Platform};
pub use tools::Tools;
