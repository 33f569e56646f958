//! Starting a child as the leader of a process session of its own.
//!
//! A session id is inherited and survives its leader: it is how the debugged program is found after dlv died
//! (dlv puts it into its own process group, so a signal to dlv's group does not reach it). A terminal's Ctrl-C
//! does not reach the child either: dlvgate decides the order in which things end.
#![allow(unsafe_code)] // `pre_exec` is the one way to call setsid(2) between fork and exec

use tokio::process::Command;

/// Makes the child a session leader and, where the system can, has it asked to end (SIGTERM) when the thread
/// that starts it ends: dlv then kills the debugged program, even where dlvgate was killed itself.
pub(super) fn in_own_session(command: &mut Command) -> &mut Command {
    // SAFETY: the closure runs in the forked child before exec and makes two async-signal-safe system calls;
    // it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| {
            nix::unistd::setsid()?;
            #[cfg(target_os = "linux")]
            nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM)?;
            Ok(())
        })
    }
}
