//! Reads macOS's list of TCP sockets, as netstat(1) does; it needs no privilege.
// sysctlbyname(3) takes a buffer and its length; the crate that wraps it brings eight others along
#![allow(unsafe_code)]

use std::ffi::{CStr, c_void};
use std::io;
use std::ptr;

use nix::libc;

/// XNU, bsd/netinet/tcp_subr.c.
const LIST: &CStr = c"net.inet.tcp.pcblist_n";

/// How often it is asked for: between two calls there may be more sockets than there was room made
/// for.
const TRIES: usize = 5;

/// The list as the kernel gives it.
///
/// # Errors
/// If the kernel does not give it.
pub(crate) fn tcp_sockets() -> io::Result<Vec<u8>> {
    for _ in 0..TRIES {
        let mut list = vec![0; length()?];
        match fill(&mut list) {
            Ok(length) => {
                list.truncate(length);
                return Ok(list);
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("the list of sockets grows faster than it can be read"))
}

/// How long it is, with room for some more sockets.
fn length() -> io::Result<usize> {
    let mut length = 0;
    // SAFETY: the name is a C string; without a buffer the length alone is written, to a number of
    // ours.
    let refused =
        unsafe { libc::sysctlbyname(LIST.as_ptr(), ptr::null_mut(), &mut length, ptr::null_mut(), 0) };
    if refused == 0 { Ok(length) } else { Err(io::Error::last_os_error()) }
}

/// Fills the buffer; returns how much of it is the list.
fn fill(buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = buffer.len();
    let start = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: the name is a C string, and no more than `length` bytes are written from `start` on,
    // which are the buffer's.
    let refused = unsafe { libc::sysctlbyname(LIST.as_ptr(), start, &mut length, ptr::null_mut(), 0) };
    if refused == 0 { Ok(length) } else { Err(io::Error::last_os_error()) }
}
