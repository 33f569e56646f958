//! Whose connection it is. dlv serves its own user's processes only, and a proxy in between would take that check
//! away: dlv sees the proxy's user, whoever the client is.

use std::net::SocketAddr;

/// The uids whose processes may connect over loopback: ours, and under sudo that of whoever called it.
#[derive(Clone, Debug)]
pub struct Owners {
    uids: Vec<u32>,
}

impl Owners {
    /// The owners that this process was started for.
    pub fn of_this_process() -> Owners {
        let uid = nix::unistd::geteuid().as_raw();
        let caller = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok()).filter(|_| uid == 0);
        Owners { uids: std::iter::once(uid).chain(caller).collect() }
    }

    /// Whether the process at the other end of an accepted loopback connection belongs to one of them.
    ///
    /// # Errors
    /// Says whose it is instead, or that nobody can tell: a connection that is closed already has no owner.
    pub fn admit(&self, peer: SocketAddr, front: SocketAddr) -> Result<(), String> {
        match system::owner(peer, front) {
            Some(Known::Uid(uid)) if self.uids.contains(&uid) => Ok(()),
            Some(Known::Uid(uid)) => {
                Err(format!("it is user {uid}'s; --only-same-user=false lets everybody on this machine in"))
            }
            Some(Known::Unchecked) => Ok(()),
            None => Err("nobody's connection (it is closed already)".to_owned()),
        }
    }

    /// Whether this user is one of them.
    pub fn include(&self, uid: u32) -> bool {
        self.uids.contains(&uid)
    }

    /// Whether this system tells whose a connection is.
    pub fn can_be_told() -> bool {
        cfg!(target_os = "linux")
    }
}

#[cfg(target_os = "linux")]
pub(crate) use system::address as socket_address;

enum Known {
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Uid(u32),
    #[cfg_attr(target_os = "linux", allow(dead_code))]
    Unchecked,
}

/// Linux: the kernel, asked for this one connection; where it does not answer, its tables /proc/net/tcp and tcp6 (proc(5)).
#[cfg(target_os = "linux")]
mod system {
    use super::super::sock_diag;
    use super::{Known, SocketAddr};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    pub(super) fn owner(peer: SocketAddr, front: SocketAddr) -> Option<Known> {
        let in_tables = || {
            ["/proc/net/tcp", "/proc/net/tcp6"]
                .iter()
                .filter_map(|table| std::fs::read_to_string(table).ok())
                .find_map(|table| uid_in(&table, peer, front))
        };
        sock_diag::uid_of(peer, front).or_else(in_tables).map(Known::Uid)
    }

    /// The peer's own end of the connection is the row whose local address is the peer's.
    pub(super) fn uid_in(table: &str, peer: SocketAddr, front: SocketAddr) -> Option<u32> {
        table.lines().skip(1).find_map(|row| {
            let mut columns = row.split_whitespace().skip(1);
            let (local, remote) = (address(columns.next()?)?, address(columns.next()?)?);
            let uid = columns.nth(4)?;
            (same(local, peer) && same(remote, front)).then(|| uid.parse().ok())?
        })
    }

    fn same(one: SocketAddr, other: SocketAddr) -> bool {
        one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
    }

    /// An address of proc(5): `0100007F:1F90`, 32-bit words in the machine's byte order, the port in hexadecimal.
    pub(crate) fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let words: Vec<[u8; 4]> = (0..ip.len() / 8)
            .map(|word| u32::from_str_radix(ip.get(word * 8..word * 8 + 8)?, 16).ok().map(u32::to_ne_bytes))
            .collect::<Option<_>>()?;
        let ip: IpAddr = match words.as_slice() {
            [word] => Ipv4Addr::from(*word).into(),
            [_, _, _, _] => Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?).into(),
            _ => return None,
        };
        Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
    }
}

/// Elsewhere nobody is asked; the log says so when the server starts.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Known, SocketAddr};

    pub(super) fn owner(_: SocketAddr, _: SocketAddr) -> Option<Known> {
        Some(Known::Unchecked)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::system::uid_in;
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[cfg(target_endian = "little")]
    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0929 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   1: 0100007F:D431 0100007F:0929 01 00000000:00000000 00:00000000 00000000  1000        0 12 1 0 20 4 30 10 -1
   2: 0100007F:0929 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 13 1 0 20 4 30 10 -1
";

    #[cfg(target_endian = "little")]
    #[test]
    fn the_client_s_end_tells_the_user_and_not_ours() {
        let (peer, front) = ("127.0.0.1:54321".parse().unwrap(), "127.0.0.1:2345".parse().unwrap());
        assert_eq!(uid_in(TABLE, peer, front), Some(1000));
        assert_eq!(uid_in(TABLE, "127.0.0.1:54322".parse().unwrap(), front), None);
        assert_eq!(uid_in("", peer, front), None);
    }

    #[test]
    fn our_own_connections_are_ours_on_both_families() {
        for front in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(front) else { continue }; // no IPv6 here
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (peer, front) = (client.local_addr().unwrap(), listener.local_addr().unwrap());
            assert_eq!(Owners::of_this_process().admit(peer, front), Ok(()));
            let others = Owners { uids: vec![4_000_000] };
            assert!(others.admit(peer, front).unwrap_err().contains("--only-same-user=false"));
        }
    }
}
