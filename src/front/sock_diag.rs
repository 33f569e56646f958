//! Asking Linux whose one connection is, by its two ends: sock_diag(7). Reading the whole of /proc/net/tcp for that takes
//! milliseconds, since the kernel walks through all of its hash table; this takes microseconds.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::libc;
use socket2::{Domain, Protocol, Socket, Type};

/// Lengths of `struct nlmsghdr`, `struct inet_diag_req_v2` and `struct inet_diag_msg` (linux/netlink.h, linux/inet_diag.h).
const HEADER: usize = 16;
const REQUEST: usize = 56;
const ANSWER: usize = 72;

/// Where the uid stands in an answer: behind four bytes, a `struct inet_diag_sockid` and three words.
const UID: usize = 4 + 48 + 12;

/// `SOCK_DIAG_BY_FAMILY`, also of an answer; an error is another type.
const BY_FAMILY: u16 = 20;

/// States in which a socket has no owner (any more), or no peer (`TCP_TIME_WAIT`, `TCP_LISTEN`; net/tcp_states.h).
const TIME_WAIT: u8 = 6;
const LISTEN: u8 = 10;

/// The user of the socket that connects `local` to `remote` on this machine. `None` where there is none, or the kernel does not
/// answer: some containers forbid it, and `tcp_diag` may not be there.
pub(super) fn uid_of(local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let (local, remote) = (canonical(local), canonical(remote));
    let socket = Socket::new(
        Domain::from(libc::AF_NETLINK),
        Type::DGRAM,
        Some(Protocol::from(libc::NETLINK_SOCK_DIAG)),
    );
    let socket = socket.ok()?;
    socket.set_nonblocking(true).ok()?; // the kernel has answered when `send` returns
    socket.send(&request(local, remote)).ok()?;
    let mut answer = [0; 512];
    let len = (&socket).read(&mut answer).ok()?;
    uid_in(answer.get(..len)?, local, remote)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn request(local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    const NLM_F_REQUEST: u16 = 1;
    let family = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let mut message = Vec::with_capacity(HEADER + REQUEST);
    message.extend(((HEADER + REQUEST) as u32).to_ne_bytes());
    message.extend(BY_FAMILY.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend([0; 8]); // sequence and port: there is one answer
    message.extend([family as u8, libc::IPPROTO_TCP as u8, 0, 0]);
    message.extend(u32::MAX.to_ne_bytes()); // every state
    message.extend(local.port().to_be_bytes());
    message.extend(remote.port().to_be_bytes());
    message.extend(octets(local.ip()));
    message.extend(octets(remote.ip()));
    message.extend([0; 4]); // every interface
    message.extend([0xff; 8]); // INET_DIAG_NOCOOKIE
    message
}

/// An address in 16 bytes, as the kernel has them.
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&ip.octets());
            octets
        }
    }
}

fn uid_in(answer: &[u8], local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let found = answer.get(HEADER..HEADER + ANSWER)?;
    let (family, state) = (i32::from(found[0]), found[1]);
    let port = |at: usize| u16::from_be_bytes([found[at], found[at + 1]]);
    let ip = |at: usize| {
        let octets: [u8; 16] = found.get(at..at + 16)?.try_into().ok()?;
        Some(match family {
            libc::AF_INET => Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]).into(),
            _ => IpAddr::from(Ipv6Addr::from(octets)).to_canonical(),
        })
    };
    let ends = (SocketAddr::new(ip(8)?, port(4)), SocketAddr::new(ip(24)?, port(6)));
    // Where there is no such connection, the kernel can answer with who listens there.
    let is_it = kind == BY_FAMILY && state != TIME_WAIT && state != LISTEN && ends == (local, remote);
    is_it.then(|| found[UID..].first_chunk().map(|uid| u32::from_ne_bytes(*uid)))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_connection_has_its_user_from_either_end_and_no_other_has() {
        for front in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(front) else { continue }; // no IPv6 here
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (peer, front) = (client.local_addr().unwrap(), listener.local_addr().unwrap());
            let us = nix::unistd::geteuid().as_raw();
            let Some(uid) = uid_of(peer, front) else {
                return println!("not run: the kernel does not answer");
            };
            assert_eq!((uid, uid_of(front, peer)), (us, Some(us)));
            let nobody = SocketAddr::new(peer.ip(), 1);
            assert_eq!(uid_of(nobody, front), None);
            assert_eq!(uid_of(front, nobody), None, "who listens there is not asked for");
        }
    }

    #[test]
    fn a_client_of_a_socket_for_both_families_is_found() {
        let Ok(listener) = TcpListener::bind("[::]:0") else { return };
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (accepted, peer) = listener.accept().unwrap();
        let expected = uid_of(client.local_addr().unwrap(), client.peer_addr().unwrap());
        assert_eq!(uid_of(peer, accepted.local_addr().unwrap()), expected);
    }

    #[test]
    fn an_error_of_the_kernel_s_is_no_answer() {
        let ends = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let mut error = vec![0; 256];
        error[4] = 2; // NLMSG_ERROR
        assert_eq!(uid_in(&error, ends.0, ends.1), None);
        assert_eq!(uid_in(&[], ends.0, ends.1), None);
    }
}
