//! What the guard does before anything else: it leaves its caller's surroundings, and gives up what
//! it does not need.
//!
//! sudo hands down umask, limits, descriptors, priority and some of the environment from a caller
//! who is not root. A limit of theirs must not end root's guard and leave an opening. After
//! [`leave`] and [`enter`] the guard can change the packet filter, write its journals and ask the
//! kernel whose a socket is, and nothing else that the kernel can forbid.

mod environment;
mod error;
#[cfg(target_os = "linux")]
mod group;
mod limits;
#[cfg(target_os = "linux")]
mod loader;
#[cfg(target_os = "linux")]
mod paths;
#[cfg(target_os = "linux")]
mod privileges;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod syscalls;
#[cfg(all(debug_assertions, target_os = "linux"))]
mod trial;
#[cfg(target_os = "linux")]
mod unavailable;

use std::path::{Path, PathBuf};

use super::journal::Journals;
use super::packet_filter::system_program;
use crate::firewall::backend::{FirewallBackend, Programs};
pub use error::ConfineError;
#[cfg(all(target_os = "linux", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
use unavailable::is_not_here;

/// Leaves the caller's environment, descriptors and signal mask: this program is run again without
/// them, unless it was so already. A program that a test puts in the packet filter's place is told
/// by variables what to do, so they stay with it.
///
/// # Errors
/// If this program cannot be run again.
pub fn leave(programs: &Programs) -> Result<(), ConfineError> {
    if is_replaced(programs) { Ok(()) } else { environment::leave() }
}

/// Leaves the rest of the surroundings and gives up every power that is not needed. Threads that
/// are started later are confined too, so this comes before the runtime.
///
/// # Errors
/// If a limit cannot be lifted, or the kernel has a restriction and refuses it. What it does not
/// have is left out.
pub fn enter(backend: FirewallBackend, programs: &Programs, journals: &Journals) -> Result<(), ConfineError> {
    limits::reset()?;
    #[cfg(target_os = "linux")]
    group::leave()?;
    // The folder must exist before writing is confined to it. An error is reported later.
    let _ = journals.prepare();
    std::env::set_current_dir("/").map_err(|said| ConfineError::Surroundings { what: "folder", said })?;
    let program = (!is_replaced(programs)).then(|| system_program(backend));
    confine(journals.folder(), program)
}

/// A program of a test's own is not confined by what the system's own needs.
fn is_replaced(programs: &Programs) -> bool {
    programs.pfctl.is_some() || programs.nft.is_some()
}

#[cfg(target_os = "linux")]
fn confine(journals: &Path, program: Option<PathBuf>) -> Result<(), ConfineError> {
    #[cfg(debug_assertions)]
    trial::before();
    privileges::give_up()?;
    if let Some(program) = program {
        paths::confine(journals, &program)?;
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        syscalls::confine()?;
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        is_not_here("list of system calls for this processor");
    }
    #[cfg(debug_assertions)]
    trial::after();
    Ok(())
}

/// macOS has no such thing for a program that runs as root and is not signed for it.
#[cfg(not(target_os = "linux"))]
fn confine(_journals: &Path, _program: Option<PathBuf>) -> Result<(), ConfineError> {
    Ok(())
}
