//! Asks the kernel for the route to an address, over netlink, as rtnetlink(7) lays it out: whether
//! it ends here.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, connect, recv, send, socket,
};

/// `struct nlmsghdr`: length, type, flags, sequence number, sender; then `struct rtmsg`, whose
/// eighth byte is the type.
const HEADER: usize = 16;
const ROUTE: usize = 12;
const TYPE: usize = HEADER + 7;

/// `RTM_NEWROUTE`, `RTM_GETROUTE`, `NLMSG_ERROR`.
const FOUND: u16 = 24;
const FIND: u16 = 26;
const ERROR: u16 = 2;

/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;

/// `RTA_DST`, `RTA_OIF`.
const DESTINATION: u16 = 1;
const INTERFACE: u16 = 4;

/// `RTN_LOCAL`: packets for the address are delivered here.
const LOCAL: u8 = 2;

/// Room for a route with its attributes.
const DATAGRAM: usize = 2048;

/// Whether packets for this address are delivered to this machine; `interface` is a link-local
/// address's, else 0.
///
/// # Errors
/// If the kernel does not say.
pub(super) fn is_local(ip: IpAddr, interface: u32) -> io::Result<bool> {
    let socket = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    connect(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    send(socket.as_raw_fd(), &question(ip, interface), MsgFlags::MSG_DONTWAIT)?;
    let mut datagram = [0; DATAGRAM];
    // Never waits: the kernel has answered when the question is sent.
    let length = recv(socket.as_raw_fd(), &mut datagram, MsgFlags::MSG_DONTWAIT)?;
    answer(&datagram[..length])
}

fn question(ip: IpAddr, interface: u32) -> Vec<u8> {
    let (family, bytes) = match ip {
        IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, ip.octets().to_vec()),
    };
    let attribute = |kind: u16, value: &[u8]| {
        [&(4 + value.len() as u16).to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat()
    };
    let mut attributes = attribute(DESTINATION, &bytes);
    if interface != 0 {
        attributes.extend(attribute(INTERFACE, &interface.to_ne_bytes()));
    }
    let mut out = Vec::new();
    out.extend(((HEADER + ROUTE + attributes.len()) as u32).to_ne_bytes());
    out.extend(FIND.to_ne_bytes());
    out.extend(REQUEST.to_ne_bytes());
    out.extend([0; 8]); // its number, and the sender, which the kernel fills in
    out.extend([family as u8, bytes.len() as u8 * 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(attributes);
    out
}

fn answer(datagram: &[u8]) -> io::Result<bool> {
    let cut = || {
        io::Error::new(io::ErrorKind::InvalidData, "what the kernel answered is no answer of rtnetlink(7)")
    };
    let kind = datagram.get(4..).and_then(|rest| rest.first_chunk()).copied().map(u16::from_ne_bytes);
    match kind {
        Some(FOUND) => datagram.get(TYPE).map(|kind| *kind == LOCAL).ok_or_else(cut),
        Some(ERROR) => {
            let errno =
                datagram.get(HEADER..).and_then(|rest| rest.first_chunk()).copied().map(i32::from_ne_bytes);
            match errno.ok_or_else(cut)?.saturating_neg() {
                // There is no way to it, so it is not here.
                libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EACCES => Ok(false),
                errno => Err(io::Error::from_raw_os_error(errno)),
            }
        }
        _ => Err(cut()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_loopback_address_is_local() {
        for own in ["127.0.0.1", "127.1.2.3"] {
            assert!(is_local(own.parse().unwrap(), 0).unwrap(), "{own}");
        }
        assert!(!is_local("198.51.100.7".parse().unwrap(), 0).unwrap());
    }

    #[test]
    fn cut_answer_is_an_error() {
        let mut route = vec![0; HEADER + ROUTE];
        route[4..6].copy_from_slice(&FOUND.to_ne_bytes());
        route[TYPE] = LOCAL;
        assert!(answer(&route).unwrap());
        for length in 0..TYPE {
            assert!(answer(&route[..length]).is_err(), "{length}");
        }
        let mut refused = vec![0; HEADER];
        refused[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        assert!(answer(&refused).is_err());
        refused.extend((-libc::ENETUNREACH).to_ne_bytes());
        assert!(!answer(&refused).unwrap());
    }
}
