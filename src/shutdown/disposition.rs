//! What a signal does to this process.
#![allow(
    unsafe_code,
    reason = "a handler may be no good; the default is one, and none is installed by asking"
)]

use nix::libc;
use nix::sys::signal::{SigHandler, Signal, raise, signal};

/// Ends this process by a signal, as its child was ended, so that its parent sees the same status.
pub fn die_of(by: Signal) {
    // SAFETY: the default action runs no code of ours.
    let _ = unsafe { signal(by, SigHandler::SigDfl) };
    let _ = raise(by);
}

/// Whether a signal is ignored. nix asks only while it sets another action.
pub(super) fn is_ignored(asked: Signal) -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: nothing is set, and the action is written to where there is room for one.
    let told = unsafe { libc::sigaction(asked as libc::c_int, std::ptr::null(), now.as_mut_ptr()) };
    // SAFETY: all zeros are an action too, the default.
    told == 0 && unsafe { now.assume_init() }.sa_sigaction == libc::SIG_IGN
}
