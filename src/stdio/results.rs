//! A command's result, for the reader of standard output.

use std::io::{self, StdoutLock, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};

/// Standard output that is locked. Once its reader is gone (`| head`) it takes everything and
/// writes nothing, and the command ends as it would otherwise. Other errors name the stream.
#[derive(Debug)]
pub(crate) struct Results {
    stdout: StdoutLock<'static>,
    is_read: bool,
}

/// Standard output for a command's result.
pub(crate) fn stdout() -> Results {
    Results { stdout: io::stdout().lock(), is_read: true }
}

/// Writes a command's result.
///
/// # Errors
/// The stream's own, such as a full disk; none where the reader is gone.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

impl Results {
    fn done<T>(&mut self, written: io::Result<T>, all: T) -> io::Result<T> {
        match written {
            Err(error) if is_reader_gone(&error) => {
                self.is_read = false;
                Ok(all)
            }
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(io::Error::new(error.kind(), format!("standard output: {error}")))
            }
            written => written,
        }
    }
}

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_read {
            return Ok(bytes.len());
        }
        let written = self.stdout.write(bytes);
        self.done(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.is_read {
            return Ok(());
        }
        let flushed = self.stdout.flush();
        self.done(flushed, ())
    }
}

/// Whether an error of standard output means that its reader is gone: a closed pipe, or a terminal
/// that is gone (EIO). A disk has EIO too, and then something is wrong.
pub(crate) fn is_reader_gone(error: &io::Error) -> bool {
    let is_device = || {
        fstat(io::stdout().as_fd())
            .is_ok_and(|stat| SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR)
    };
    error.kind() == io::ErrorKind::BrokenPipe
        || (error.raw_os_error() == Some(Errno::EIO as i32) && is_device())
}
