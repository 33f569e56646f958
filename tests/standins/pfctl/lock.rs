//! A lock that ends with its process, however it ends.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

const LOCK_EX: i32 = 2;

// std has `File::lock` from Rust 1.89 on, which is later than this project's oldest compiler.
unsafe extern "C" {
    fn flock(fd: i32, operation: i32) -> i32;
}

/// Waits for the lock; it is held until the file is dropped.
pub fn exclusive(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    loop {
        // SAFETY: flock takes two integers, and the descriptor is open for the length of the call.
        if unsafe { flock(file.as_raw_fd(), LOCK_EX) } == 0 {
            return Ok(file);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
