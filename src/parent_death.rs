//! Children that end with this process, even if it is killed.
#![allow(unsafe_code, reason = "`pre_exec` is the one way to make a system call between fork and exec")]

use std::io;

use tokio::process::Command;

/// Has the child end (SIGTERM) when the thread that starts it ends, where the system can do that.
pub(crate) fn end_with_us(command: &mut Command) -> &mut Command {
    // SAFETY: it runs in the forked child before exec, and makes one async-signal-safe system call.
    unsafe { command.pre_exec(die_with_parent) }
}

/// Makes this process end with its parent's thread: between fork and exec.
pub(crate) fn die_with_parent() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM)?;
    Ok(())
}
