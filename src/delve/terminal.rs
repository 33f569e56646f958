//! A terminal between the debugged program and ours: the program finds a terminal at its standard
//! output, and what comes by can be read for dlv's ready line.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::fs::fstat;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, OutputModes, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whether standard output and standard error are the same terminal.
pub(super) fn is_one_terminal() -> bool {
    let (output, error) = (io::stdout(), io::stderr());
    let device = |stream: BorrowedFd<'_>| fstat(stream).map(|stat| stat.st_rdev).ok();
    output.is_terminal() && error.is_terminal() && device(output.as_fd()) == device(error.as_fd())
}

/// Our side of it. It keeps the size of the real one.
#[derive(Debug)]
pub(super) struct Pty {
    output: pipe::Receiver,
    size: OwnedFd,
    resized: Signal,
}

impl Pty {
    /// A terminal like the one at our standard output, with the side that a child gets.
    ///
    /// # Errors
    /// If the system has none left.
    pub(super) fn open() -> io::Result<(Pty, OwnedFd)> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let path = ptsname(&ours, Vec::new())?;
        let theirs = rustix::fs::open(
            path.as_c_str(),
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        rustix::io::fcntl_setfd(&ours, rustix::io::FdFlags::CLOEXEC)?;
        let mut modes = tcgetattr(io::stdout())?;
        // The real terminal makes a carriage return of a line feed; once is enough.
        modes.output_modes.remove(OutputModes::OPOST);
        tcsetattr(&theirs, OptionalActions::Now, &modes)?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let size = ours.try_clone()?;
        let pty = Pty {
            output: pipe::Receiver::from_owned_fd_unchecked(ours)?,
            size,
            resized: signal(SignalKind::window_change())?,
        };
        pty.resize();
        Ok((pty, theirs))
    }

    fn resize(&self) {
        if let Ok(size) = tcgetwinsize(io::stdout()) {
            let _ = tcsetwinsize(&self.size, size);
        }
    }
}

impl AsyncRead for Pty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.resized.poll_recv(cx).is_ready() {
            self.resize();
        }
        Pin::new(&mut self.output).poll_read(cx, buf)
    }
}
