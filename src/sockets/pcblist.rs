//! macOS's list of TCP sockets, `net.inet.tcp.pcblist_n`, as XNU lays it out. No I/O.
//!
//! XNU, bsd/netinet/in_pcblist.c, `get_pcblist_n`: a `struct xinpgen`; then for each socket
//! `struct xinpcb_n` with its addresses, `struct xsocket_n` with its user, buffers, statistics and
//! TCP's state; at last another `xinpgen`. Each begins with its length and, but for `xinpgen`, its
//! kind, and begins at a multiple of 8 bytes from the list's beginning. Fields are packed to 4
//! bytes (`#pragma pack(4)`), in the machine's byte order, ports and addresses in the network's.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::occupant::{Does, Ends, Occupant, SocketOwner, same};

/// `sizeof(struct xinpgen)` (bsd/netinet/in_pcb.h). No other record is as short.
const GENERATION: usize = 24;

/// What records begin at multiples of (`ROUNDUP64`).
const ALIGNMENT: usize = 8;

/// `XSO_INPCB` and `XSO_SOCKET` (bsd/sys/socketvar.h).
const ADDRESSES: u32 = 0x10;
const SOCKET: u32 = 0x01;

/// Where the fields of `struct xinpcb_n` begin (bsd/netinet/in_pcb.h): ports, which family the
/// addresses are of, addresses. An IPv4 address is the last four of sixteen bytes
/// (`struct in_addr_4in6`).
const FOREIGN_PORT: usize = 16;
const LOCAL_PORT: usize = 18;
const FAMILY: usize = 44;
const FOREIGN: usize = 48;
const LOCAL: usize = 64;
const IPV4_IN_6: usize = 12;

/// Bits of the family (`INP_IPV4`, `INP_IPV6`).
const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// Where the fields of `struct xsocket_n` begin (bsd/sys/socketvar.h): a handle, 0 where no socket
/// is left; the protocol; the effective user who made it.
const HANDLE: usize = 8;
const PROTOCOL: usize = 36;
const USER: usize = 64;

/// `IPPROTO_TCP`.
const TCP: u32 = 6;

/// A list that is not what the source says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's list of sockets is not as it is known: {0}")]
pub(crate) struct MalformedPcbList(&'static str);

/// Returns the owner of the client's end of a connection.
///
/// # Errors
/// If the list is cut, or what it says of this connection cannot be.
pub(crate) fn owner_in(list: &[u8], ends: Ends) -> Result<SocketOwner, MalformedPcbList> {
    let is_it = |addresses: &[u8]| Ok(is_client_s(addresses, ends)?.then_some(()));
    let found = sockets(list, is_it)?;
    match found.split_first() {
        None => Ok(SocketOwner::NoProcess),
        Some((((), owner), rest)) if rest.iter().all(|((), other)| other == owner) => Ok(*owner),
        Some(_) => Err(MalformedPcbList("two sockets have the same addresses")),
    }
}

/// The sockets whose own port is one of these.
///
/// # Errors
/// If the list is cut, or contradicts itself.
pub(crate) fn occupants(list: &[u8], ports: &[u16]) -> Result<Vec<Occupant>, MalformedPcbList> {
    let at_port = |record: &[u8]| {
        let port = u16::from_be_bytes(field(record, LOCAL_PORT)?);
        if !ports.contains(&port) {
            return Ok(None);
        }
        let families = field::<1>(record, FAMILY)?[0] & (IPV4 | IPV6);
        let every = (Ipv6Addr::UNSPECIFIED, port).into();
        let local = match end(record, LOCAL, LOCAL_PORT)? {
            Some(local) if families == IPV4 | IPV6 && local.ip().is_unspecified() => every, // of both
            local => local.unwrap_or(every),
        };
        let is_connected = u16::from_be_bytes(field(record, FOREIGN_PORT)?) != 0;
        Ok(Some((local, families == IPV6, if is_connected { Does::Connect } else { Does::Listen })))
    };
    let found = sockets(list, at_port)?.into_iter();
    Ok(found.map(|((local, only_v6, does), owner)| Occupant { local, only_v6, owner, does }).collect())
}

/// The sockets whose addresses this picks, with what it makes of them, and whose they are.
fn sockets<T>(
    list: &[u8],
    pick: impl Fn(&[u8]) -> Result<Option<T>, MalformedPcbList>,
) -> Result<Vec<(T, SocketOwner)>, MalformedPcbList> {
    let (mut found, mut awaited) = (Vec::new(), None);
    let mut rest = record(list)?.1;
    loop {
        let (record, after) = self::record(rest)?;
        if record.len() <= GENERATION {
            break; // the list's end
        }
        match number(record, 4)? {
            ADDRESSES if awaited.is_some() => return Err(MalformedPcbList("a socket is missing")),
            ADDRESSES => awaited = pick(record)?,
            SOCKET => {
                if let Some(picked) = awaited.take() {
                    found.push((picked, owner(record)?));
                }
            }
            _ => {}
        }
        rest = after;
    }
    if awaited.is_some() {
        return Err(MalformedPcbList("a socket is missing"));
    }
    Ok(found)
}

/// The first record, and what follows it.
fn record(list: &[u8]) -> Result<(&[u8], &[u8]), MalformedPcbList> {
    let length = number(list, 0)? as usize;
    if length < GENERATION || length > list.len() {
        return Err(MalformedPcbList("a record is longer or shorter than it can be"));
    }
    let next = length.next_multiple_of(ALIGNMENT).min(list.len());
    Ok((&list[..length], &list[next..]))
}

/// One end of a socket; `None`: it is not bound to anything.
fn end(record: &[u8], address: usize, port: usize) -> Result<Option<SocketAddr>, MalformedPcbList> {
    let family = field::<1>(record, FAMILY)?[0];
    let bytes: [u8; 16] = field(record, address)?;
    let ip = match family {
        family if family & IPV4 != 0 => IpAddr::from(field::<4>(&bytes, IPV4_IN_6)?),
        family if family & IPV6 != 0 => IpAddr::from(bytes),
        _ => return Ok(None),
    };
    Ok(Some(SocketAddr::new(ip, u16::from_be_bytes(field(record, port)?))))
}

fn is_client_s(record: &[u8], ends: Ends) -> Result<bool, MalformedPcbList> {
    let (local, foreign) = (end(record, LOCAL, LOCAL_PORT)?, end(record, FOREIGN, FOREIGN_PORT)?);
    let is = |end: Option<SocketAddr>, wanted| end.is_some_and(|end| same(end, wanted));
    Ok(is(local, ends.peer) && is(foreign, ends.front))
}

fn owner(record: &[u8]) -> Result<SocketOwner, MalformedPcbList> {
    if u64::from_ne_bytes(field(record, HANDLE)?) == 0 {
        return Ok(SocketOwner::NoProcess); // a closed socket's record always says user 0
    }
    if number(record, PROTOCOL)? != TCP {
        return Err(MalformedPcbList("a socket of TCP is not of TCP"));
    }
    number(record, USER).map(SocketOwner::Uid)
}

fn number(record: &[u8], at: usize) -> Result<u32, MalformedPcbList> {
    field(record, at).map(u32::from_ne_bytes)
}

fn field<const N: usize>(record: &[u8], at: usize) -> Result<[u8; N], MalformedPcbList> {
    let bytes = record.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().ok_or(MalformedPcbList("it is cut"))
}

#[cfg(test)]
mod tests;
