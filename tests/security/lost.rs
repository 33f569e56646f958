//! Ways in which a standard stream is lost.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What a stream is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It takes everything: how it is where nothing is lost.
    Null,
    /// A pipe whose reader is gone.
    Pipe,
    /// A full disk.
    Full,
    /// A terminal that is gone.
    Terminal,
    /// A full pipe whose reader does not read.
    Stalled,
}

pub const WAYS: [Way; 4] = [Way::Pipe, Way::Full, Way::Terminal, Way::Stalled];

impl Way {
    /// What a child gets, and the end that is lost when it is dropped.
    pub fn stream(self) -> (OwnedFd, Option<OwnedFd>) {
        let open = |path| OwnedFd::from(File::options().write(true).open(path).unwrap());
        match self {
            Way::Null => (open("/dev/null"), None),
            Way::Full => (open("/dev/full"), None),
            Way::Pipe | Way::Stalled => {
                let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
                if self == Way::Stalled {
                    fill(&writer);
                }
                (writer, Some(reader))
            }
            Way::Terminal => {
                let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
                grantpt(&ours).unwrap();
                unlockpt(&ours).unwrap();
                let path = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
                let mode =
                    rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
                (rustix::fs::open(path, mode, rustix::fs::Mode::empty()).unwrap(), Some(ours))
            }
        }
    }

    /// Standard output and standard error, which are one where this is a terminal, and their other
    /// ends.
    pub fn streams(self) -> (Stdio, Stdio, Vec<OwnedFd>) {
        let (output, output_end) = self.stream();
        let (error, error_end) = match self {
            Way::Terminal => (output.try_clone().unwrap(), None),
            _ => self.stream(),
        };
        (output.into(), error.into(), output_end.into_iter().chain(error_end).collect())
    }

    /// Forgets the other ends, but for one that is there and does not read.
    pub fn lose(self, ends: &mut Vec<OwnedFd>) {
        if self != Way::Stalled {
            ends.clear();
        }
    }
}

fn fill(writer: &OwnedFd) {
    rustix::io::ioctl_fionbio(writer.as_fd(), true).unwrap();
    let mut file = File::from(writer.try_clone().unwrap());
    while file.write(&[b'x'; 4096]).is_ok() {}
    while file.write(b"x").is_ok() {}
    rustix::io::ioctl_fionbio(writer.as_fd(), false).unwrap();
}
