//! A lock that ends with its process, however it ends.

use std::fs::File;
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;

/// Waits for the lock; it is held until the file is dropped.
pub fn exclusive(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    // std has `File::lock` from Rust 1.89 on, which is later than this project's oldest compiler.
    retry_on_intr(|| flock(&file, FlockOperation::LockExclusive))?;
    Ok(file)
}
