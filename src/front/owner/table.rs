//! The kernel's socket tables as text: /proc/net/tcp and tcp6 (proc(5)). Each is as long as there are sockets, and is read
//! where the kernel cannot be asked for one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Ends, Owner, same};

pub(super) fn owner(ends: Ends) -> Owner {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| owner_in(&table, ends))
        .unwrap_or(Owner::Nobody)
}

/// The peer's own end of the connection is the row whose local address is the peer's.
pub(super) fn owner_in(table: &str, ends: Ends) -> Option<Owner> {
    table.lines().skip(1).find_map(|row| {
        let mut columns = row.split_whitespace().skip(1);
        let (local, remote) = (address(columns.next()?)?, address(columns.next()?)?);
        if !same(local, ends.peer) || !same(remote, ends.front) {
            return None;
        }
        let (uid, inode) = (columns.nth(4)?.parse().ok()?, columns.nth(1)?);
        Some(if inode == "0" { Owner::Nobody } else { Owner::Uid(uid) })
    })
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
