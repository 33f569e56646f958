//! The kernel's socket tables as text: /proc/net/tcp and tcp6 (proc(5)). Each is as long as there
//! are sockets, and is read where the kernel cannot be asked for one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::occupant::{Does, Ends, Occupant, SocketOwner, same};

/// `TCP_LISTEN`, as the tables write it.
const LISTEN: &str = "0A";

pub(crate) fn owner(ends: Ends) -> SocketOwner {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| owner_in(&table, ends))
        .unwrap_or(SocketOwner::NoProcess)
}

/// The peer's own end of the connection is the row whose local address is the peer's.
pub(crate) fn owner_in(table: &str, ends: Ends) -> Option<SocketOwner> {
    table.lines().skip(1).find_map(|row| {
        let mut columns = row.split_whitespace().skip(1);
        let (local, remote) = (address(columns.next()?)?, address(columns.next()?)?);
        if !same(local, ends.peer) || !same(remote, ends.front) {
            return None;
        }
        let (uid, inode) = (columns.nth(4)?.parse().ok()?, columns.nth(1)?);
        Some(if inode == "0" { SocketOwner::NoProcess } else { SocketOwner::Uid(uid) })
    })
}

/// The sockets of both families whose own port is one of these.
///
/// # Errors
/// If the tables cannot be read, or a row is not as proc(5) has it.
pub(crate) fn occupants(ports: &[u16]) -> io::Result<Vec<Occupant>> {
    let mut found = occupants_in(&std::fs::read_to_string("/proc/net/tcp")?, ports)?;
    match std::fs::read_to_string("/proc/net/tcp6") {
        Ok(table) => found.extend(occupants_in(&table, ports)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {} // no IPv6 here
        Err(error) => return Err(error),
    }
    Ok(found)
}

fn occupants_in(table: &str, ports: &[u16]) -> io::Result<Vec<Occupant>> {
    let rows = table.lines().skip(1).map(|row| {
        row_of(row).ok_or_else(|| io::Error::other("a row of /proc/net/tcp is not as proc(5) has it"))
    });
    let is_asked_for =
        |row: &io::Result<Occupant>| row.as_ref().map_or(true, |row| ports.contains(&row.local.port()));
    rows.filter(is_asked_for).collect()
}

fn row_of(row: &str) -> Option<Occupant> {
    let mut columns = row.split_whitespace().skip(1);
    let (local, _remote, state) = (address(columns.next()?)?, columns.next()?, columns.next()?);
    let (uid, inode) = (columns.nth(3)?.parse().ok()?, columns.nth(1)?);
    let owner = if inode == "0" { SocketOwner::NoProcess } else { SocketOwner::Uid(uid) };
    let does = if state == LISTEN { Does::Listen } else { Does::Connect };
    Some(Occupant { local, only_v6: false, owner, does }) // which it is the tables do not tell
}

/// An address of proc(5): `0100007F:1F90`, 32-bit words in the machine's byte order, the port in
/// hexadecimal.
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
