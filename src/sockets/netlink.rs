//! A netlink socket to the kernel.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvfrom, sendto, socket,
};

/// Datagrams of other processes that are passed over before an answer is given up.
const STRANGERS: usize = 64;

/// Sends to the kernel, and hears the kernel alone. It is not connected: the guard may call no
/// connect(2), which would take it to Unix sockets too.
#[derive(Debug)]
pub(crate) struct Netlink(OwnedFd);

impl Netlink {
    /// # Errors
    /// If there is no netlink to be had: a kernel without it, a container that forbids it.
    pub(crate) fn open(protocol: SockProtocol) -> io::Result<Netlink> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        Ok(Netlink(socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?))
    }

    /// # Errors
    /// The kernel's own.
    pub(crate) fn send(&self, question: &[u8]) -> io::Result<()> {
        sendto(self.0.as_raw_fd(), question, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        Ok(())
    }

    /// Receives the kernel's next datagram. Never waits: the kernel has answered when a question
    /// is sent.
    ///
    /// # Errors
    /// The kernel's own, or that it has said nothing.
    pub(crate) fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        for _ in 0..STRANGERS {
            let (length, sender) = recvfrom::<NetlinkAddr>(self.0.as_raw_fd(), into)?;
            if sender.is_some_and(|sender| sender.pid() == 0) {
                return Ok(length);
            }
        }
        Err(io::Error::other("other processes answer in the kernel's place"))
    }
}
