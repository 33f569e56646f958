//! Ending by a signal.
#![allow(unsafe_code, reason = "signal(2) may install a handler that is no good; the default is")]

use nix::sys::signal::{SigHandler, Signal, raise, signal};

/// Ends this process by a signal, as its child was ended, so that whoever waits for it sees the same.
pub fn die_of(by: Signal) {
    // SAFETY: the default action runs no code of ours.
    let _ = unsafe { signal(by, SigHandler::SigDfl) };
    let _ = raise(by);
}
