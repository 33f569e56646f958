//! Starting a child: as the leader of a process session of its own, or in our place at a terminal.
//!
//! A session id is inherited and survives its leader: it is how the debugged program is found after
//! dlv died (dlv puts it into its own process group, so a signal to dlv's group does not reach it).
//! A terminal's Ctrl-C does not reach the child either: dlvgate decides the order in which things
//! end.
#![allow(
    unsafe_code,
    reason = "`pre_exec` is the one way to call setsid(2) and dup2(2) between fork and exec, and a descriptor that we were \
              started with has no owner until we say that it is ours"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;
use tokio::process::Command;

use super::reaper::ReaperSocket;
use crate::parent_death::die_with_parent;
use crate::rlimit;

/// Makes the child a session leader and, where the system can, has it asked to end (SIGTERM) when
/// the thread that starts it ends: dlv then kills the debugged program, even where dlvgate was
/// killed itself. The `reaper` is informed of it.
pub(super) fn in_own_session(command: &mut Command, reaper: Option<ReaperSocket>) -> &mut Command {
    // SAFETY: the closure runs in the forked child before exec and makes async-signal-safe system
    // calls; it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(move || {
            nix::unistd::setsid()?;
            if let Some(reaper) = &reaper {
                reaper.begins();
            }
            as_a_child()
        })
    }
}

/// Leaves the child in our process session, whose terminal it needs: dlv gives the terminal to the
/// debugged program. It is asked to end with us all the same. Where the system can, what it leaves
/// behind becomes our child (`PR_SET_CHILD_SUBREAPER`).
pub(super) fn in_our_session(command: &mut Command) -> &mut Command {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_child_subreaper(true);
    // SAFETY: as above.
    unsafe { command.pre_exec(as_a_child) }
}

/// What every child of ours gets.
fn as_a_child() -> io::Result<()> {
    rlimit::restore()?;
    die_with_parent()
}

/// Gives the child `theirs` as its descriptor `number`. `theirs` has to live until the child is
/// started.
pub(super) fn with_descriptor<'a>(
    command: &'a mut Command,
    theirs: &OwnedFd,
    number: RawFd,
) -> &'a mut Command {
    let theirs = theirs.as_raw_fd();
    // SAFETY: as above.
    unsafe {
        command.pre_exec(move || {
            let done = if theirs == number {
                libc::fcntl(number, libc::F_SETFD, 0)
            } else {
                libc::dup2(theirs, number)
            };
            if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        })
    }
}

/// A descriptor that we were started with. `None` if there is none of this number.
///
/// To be called before anything else is opened, which could have that number, and once for each: it
/// is ours from then on.
pub fn inherited(number: RawFd) -> Option<OwnedFd> {
    // SAFETY: F_SETFD touches no memory; it fails where the descriptor is not open. An open one
    // that nothing in this process has opened has no other owner.
    unsafe {
        let is_open = libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) == 0;
        is_open.then(|| OwnedFd::from_raw_fd(number))
    }
}
