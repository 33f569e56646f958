//! Asks the kernel for one socket, over netlink: what it costs does not grow with the number of
//! sockets.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::sys::socket::SockProtocol;

use nix::libc;

use super::netlink::Netlink;
use super::occupant::{Ends, Occupant, SocketOwner};
use super::sock_diag::{DumpPart, KernelAnswer, answer, dump, part, question};

/// Room for an answer: 88 bytes and a few attributes that were not asked for.
const DATAGRAM: usize = 1024;

/// Room for a part of a dump: the kernel fills no more than this (Linux, net/netlink/af_netlink.c).
const DUMP_PART: usize = 32 * 1024;

/// Parts of one dump: each has a hundred sockets and more, so these are all that a machine has
/// ports for.
const DUMP_PARTS: usize = 4096;

/// Answers to earlier questions that are passed over. There is none, unless an answer was cut
/// short.
const STALE: usize = 16;

/// A socket to the kernel, kept for the server's life.
#[derive(Debug)]
pub(crate) struct Kernel {
    socket: Netlink,
    /// The last question's number; held from a question until its answer.
    sequence: Mutex<u32>,
    /// It has found a socket once, so that one that it does not find is not there: a kernel without
    /// the module that looks for TCP sockets says the same.
    can_look: AtomicBool,
}

impl Kernel {
    /// # Errors
    /// If there is no netlink to be had: a kernel without it, a container that forbids it.
    pub(crate) fn open() -> io::Result<Kernel> {
        let socket = Netlink::open(SockProtocol::NetlinkSockDiag)?;
        Ok(Kernel { socket, sequence: Mutex::new(0), can_look: AtomicBool::new(false) })
    }

    /// Returns the owner of the client's end of a connection.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub(crate) fn owner(&self, ends: Ends) -> io::Result<SocketOwner> {
        match self.ask(ends)? {
            KernelAnswer::Socket(owner) => {
                self.can_look.store(true, Ordering::Relaxed);
                Ok(owner)
            }
            KernelAnswer::None if self.can_look.load(Ordering::Relaxed) => Ok(SocketOwner::NoProcess),
            KernelAnswer::None => Err(Errno::ENOENT.into()),
            KernelAnswer::Errno(errno) => Err(io::Error::from_raw_os_error(errno)),
            KernelAnswer::Another => Err(io::Error::other("it answers other questions only")),
        }
    }

    /// Never waits: the kernel has answered when the question is sent.
    fn ask(&self, ends: Ends) -> io::Result<KernelAnswer> {
        let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        *sequence = sequence.wrapping_add(1);
        self.socket.send(&question(*sequence, ends))?;
        let mut datagram = [0; DATAGRAM];
        for _ in 0..STALE {
            let length = self.socket.receive(&mut datagram)?;
            match answer(&datagram[..length], *sequence, ends).map_err(io::Error::other)? {
                KernelAnswer::Another => {}
                said => return Ok(said),
            }
        }
        Ok(KernelAnswer::Another)
    }

    /// The sockets of both families whose own port is one of these.
    ///
    /// # Errors
    /// If the kernel does not say, or not all.
    pub(crate) fn occupants(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
        let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            *sequence = sequence.wrapping_add(1);
            self.socket.send(&dump(*sequence, family, ports))?;
            self.read_dump(*sequence, &mut found)?;
        }
        // Of sockets that are bound and no more the kernel lists those at other ports too.
        found.retain(|one| ports.contains(&one.local.port()));
        Ok(found)
    }

    fn read_dump(&self, sequence: u32, found: &mut Vec<Occupant>) -> io::Result<()> {
        let mut datagram = vec![0; DUMP_PART];
        for _ in 0..DUMP_PARTS {
            let length = self.socket.receive(&mut datagram)?;
            match part(&datagram[..length], sequence, found).map_err(io::Error::other)? {
                DumpPart::More => {}
                DumpPart::Last => return Ok(()),
                DumpPart::Errno(errno) => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
        Err(io::Error::other("the list of sockets has no end"))
    }
}
