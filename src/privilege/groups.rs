//! The groups of a user, all of them.
#![cfg_attr(
    target_vendor = "apple",
    allow(unsafe_code, reason = "nix leaves initgroups(3) out on Apple's systems")
)]

use std::ffi::CString;
use std::io;

use nix::unistd::Gid;

#[cfg(not(target_vendor = "apple"))]
pub(super) fn take(name: &CString, gid: Gid) -> io::Result<()> {
    Ok(nix::unistd::initgroups(name, gid)?)
}

/// Its prototype differs here.
#[cfg(target_vendor = "apple")]
pub(super) fn take(name: &CString, gid: Gid) -> io::Result<()> {
    // SAFETY: the name is a C string that outlives the call; nothing else is passed but a number.
    let refused = unsafe { nix::libc::initgroups(name.as_ptr(), gid.as_raw() as nix::libc::c_int) };
    if refused == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
