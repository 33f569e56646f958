//! The question for one TCP socket and its answer, as sock_diag(7) and netlink(7) lay them out. No
//! I/O.
//!
//! Numbers are in the machine's byte order, but ports and addresses in the network's.

use std::net::{IpAddr, SocketAddr};

use nix::libc;

use super::occupant::{Does, Ends, Occupant, SocketOwner, same};

/// `struct nlmsghdr`: length, type, flags, sequence number, sender.
const HEADER: usize = 16;

/// `struct inet_diag_sockid`: two ports, two addresses, an interface, a cookie.
const SOCKET: usize = 48;

/// `struct inet_diag_req_v2`: family, protocol, extensions, padding, states, the socket.
const QUESTION: usize = HEADER + 8 + SOCKET;

/// `struct inet_diag_msg`: family, state, timer, retransmits, the socket, then expiry, two queues,
/// uid, inode.
const ANSWER: usize = HEADER + 4 + SOCKET + 20;

/// `SOCK_DIAG_BY_FAMILY`, of a question and of its answer (Linux, include/uapi/linux/sock_diag.h).
const BY_FAMILY: u16 = 20;

/// `NLM_F_REQUEST` without `NLM_F_DUMP`: the one socket with exactly these addresses.
const REQUEST: u16 = 1;

/// `NLM_F_REQUEST` with `NLM_F_DUMP`: every socket that the question describes.
const DUMP: u16 = 0x301;

/// `NLM_F_DUMP_INTR`: the list changed while it was read, and is not whole.
const INTERRUPTED: u16 = 0x10;

/// `NLMSG_DONE`: the end of a dump.
const DONE: u16 = 3;

/// `TCP_LISTEN`, and `TCP_BOUND_INACTIVE` (Linux 6.8): bound, and neither listening nor connected.
/// Older kernels do not list such a socket.
const LISTEN: u8 = 10;
const BOUND: u8 = 13;
/// How the kernel reports one that was asked for as [`BOUND`].
const CLOSE: u8 = 7;

/// Of an attribute behind an answer: `struct rtattr`, a length and a type.
const ATTRIBUTE: usize = 4;

/// `INET_DIAG_SKV6ONLY`, which the kernel gives for every IPv6 socket that is not connected.
const ONLY_V6: u16 = 11;

/// States that are asked for.
const ALL_STATES: u32 = u32::MAX;

/// `INET_DIAG_REQ_BYTECODE`: a program that selects the sockets of a dump.
const BYTECODE: u16 = 1;

/// `INET_DIAG_BC_JMP` and `INET_DIAG_BC_S_COND` of such a program.
const JUMP: u8 = 1;
const OWN_END: u8 = 7;

/// `NLMSG_ERROR`: an errno, and the question again.
const ERROR: u16 = 2;

/// `INET_DIAG_NOCOOKIE`: nothing is known of the socket but its addresses.
const NO_COOKIE: u32 = u32::MAX;

/// Loopback's number in every network namespace (Linux, include/net/flow.h). Named, a client that
/// has bound itself to the interface is found too; one that has not is found either way.
const LOOPBACK: u32 = 1;

/// What the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KernelAnswer {
    /// There is this socket.
    Socket(SocketOwner),
    /// There is none (ENOENT), or this kernel cannot look for one.
    None,
    /// It does not say, for this reason.
    Errno(i32),
    /// To another question.
    Another,
}

/// An answer that is not what the manual page says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the kernel answered is no answer of sock_diag(7): {0}")]
pub(crate) struct MalformedDump(&'static str);

/// Asks for the client's own end of a connection.
///
/// An IPv4 connection is asked for as such, also where both ends write it as IPv6: that is how the
/// kernel keeps it.
pub(crate) fn question(sequence: u32, ends: Ends) -> [u8; QUESTION] {
    let (local, remote) = (ends.peer.ip().to_canonical(), ends.front.ip().to_canonical());
    let family = if local.is_ipv4() && remote.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let mut out = beginning(REQUEST, sequence, family);
    out.extend(ends.peer.port().to_be_bytes());
    out.extend(ends.front.port().to_be_bytes());
    out.extend(words(local));
    out.extend(words(remote));
    out.extend(interface(ends.peer).to_ne_bytes());
    out.extend(NO_COOKIE.to_ne_bytes());
    out.extend(NO_COOKIE.to_ne_bytes());
    whole(&out)
}

/// Asks for the sockets of a family whose own port is one of these. The kernel chooses: a list of
/// all would be as long as any user makes it.
pub(crate) fn dump(sequence: u32, family: i32, ports: &[u16]) -> Vec<u8> {
    let mut out = beginning(DUMP, sequence, family);
    out.resize(QUESTION, 0); // whatever the addresses are
    let program = at_one_of(ports);
    out.extend((4 + program.len() as u16).to_ne_bytes());
    out.extend(BYTECODE.to_ne_bytes());
    out.extend(program);
    let length = (out.len() as u32).to_ne_bytes();
    out[..4].copy_from_slice(&length);
    out
}

/// For each port a condition and a jump to the program's end, which means yes; beyond its end means
/// no. Each instruction says by how many bytes it goes on where it holds, and where not.
fn at_one_of(ports: &[u16]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, port) in ports.iter().enumerate().rev() {
        let after = 16 * (ports.len() - 1 - at) as u16;
        let no: u16 = if after == 0 { 20 } else { 16 };
        let mut one = vec![OWN_END, 12];
        one.extend(no.to_ne_bytes());
        one.extend([0; 4]); // of any family and address
        one.extend(u32::from(*port).to_ne_bytes());
        one.extend([JUMP, 4]);
        one.extend((4 + after).to_ne_bytes());
        out.splice(..0, one);
    }
    out
}

fn beginning(flags: u16, sequence: u32, family: i32) -> Vec<u8> {
    let mut out = Vec::with_capacity(QUESTION);
    out.extend((QUESTION as u32).to_ne_bytes());
    out.extend(BY_FAMILY.to_ne_bytes());
    out.extend(flags.to_ne_bytes());
    out.extend(sequence.to_ne_bytes());
    out.extend(0_u32.to_ne_bytes()); // the sender, which the kernel fills in
    out.extend([family as u8, libc::IPPROTO_TCP as u8, 0, 0]);
    out.extend(ALL_STATES.to_ne_bytes());
    out
}

fn whole(out: &[u8]) -> [u8; QUESTION] {
    let mut question = [0; QUESTION];
    question.copy_from_slice(out);
    question
}

/// What stays on this machine comes through loopback, but for link-local addresses, which keep
/// their interface.
fn interface(peer: SocketAddr) -> u32 {
    match peer {
        SocketAddr::V6(peer) if peer.scope_id() != 0 => peer.scope_id(),
        _ => LOOPBACK,
    }
}

/// What a datagram of a dump comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DumpPart {
    /// More follows.
    More,
    /// It was the last.
    Last,
    /// The kernel does not say, for this reason.
    Errno(i32),
}

/// Reads one datagram of a dump; adds its sockets.
///
/// # Errors
/// If it is cut, was interrupted, or is nothing that the kernel answers such a question with.
pub(crate) fn part(
    mut datagram: &[u8],
    sequence: u32,
    found: &mut Vec<Occupant>,
) -> Result<DumpPart, MalformedDump> {
    while !datagram.is_empty() {
        let mut fields = AttributeReader(datagram);
        let length = fields.u32()? as usize;
        let (kind, flags, number, _sender) = (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
        if length > datagram.len() || length < HEADER {
            return Err(MalformedDump("its length is not what it says"));
        }
        if flags & INTERRUPTED != 0 {
            return Err(MalformedDump("the sockets changed meanwhile"));
        }
        fields.0 = &fields.0[..length - HEADER];
        // Messages begin at multiples of 4 (NLMSG_ALIGN).
        datagram = &datagram[length.next_multiple_of(4).min(datagram.len())..];
        match kind {
            _ if number != sequence => {} // of a dump that was given up
            DONE => return Ok(DumpPart::Last),
            ERROR => return Ok(DumpPart::Errno((fields.u32()? as i32).saturating_neg())),
            BY_FAMILY if length < ANSWER => return Err(MalformedDump("it is too short")),
            BY_FAMILY => found.push(occupant(fields)?),
            _ => return Err(MalformedDump("of another type")),
        }
    }
    Ok(DumpPart::More)
}

fn occupant(mut fields: AttributeReader<'_>) -> Result<Occupant, MalformedDump> {
    let SocketInfo { state, local, remote: _, owner } = told(&mut fields)?;
    let does = match state {
        LISTEN => Does::Listen,
        BOUND | CLOSE => Does::Wait,
        _ => Does::Connect,
    };
    Ok(Occupant { local, only_v6: only_v6(fields)?, owner, does })
}

/// What the attributes behind `struct inet_diag_msg` say of it.
fn only_v6(mut attributes: AttributeReader<'_>) -> Result<bool, MalformedDump> {
    while !attributes.0.is_empty() {
        let (length, kind) = (usize::from(attributes.u16()?), attributes.u16()?);
        let rest = attributes.0;
        let value = length.checked_sub(ATTRIBUTE).and_then(|length| rest.get(..length));
        let value = value.ok_or(MalformedDump("an attribute is cut"))?;
        if kind == ONLY_V6 {
            return Ok(value.first().is_some_and(|only| *only != 0));
        }
        attributes.0 = &rest[value.len().next_multiple_of(4).min(rest.len())..];
    }
    Ok(false)
}

/// Four words; an IPv4 address is the first of them.
fn words(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut words = [0; 16];
            words[..4].copy_from_slice(&ip.octets());
            words
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Reads one datagram from the kernel.
///
/// # Errors
/// If it is cut, or nothing that the kernel answers such a question with.
pub(crate) fn answer(datagram: &[u8], sequence: u32, ends: Ends) -> Result<KernelAnswer, MalformedDump> {
    let mut fields = AttributeReader(datagram);
    let length = fields.u32()? as usize;
    let (kind, _flags, number, _sender) = (fields.u16()?, fields.u16()?, fields.u32()?, fields.u32()?);
    if length > datagram.len() || length < HEADER {
        return Err(MalformedDump("its length is not what it says"));
    }
    if number != sequence {
        return Ok(KernelAnswer::Another);
    }
    match kind {
        ERROR => match (fields.u32()? as i32).saturating_neg() {
            libc::ENOENT => Ok(KernelAnswer::None),
            errno => Ok(KernelAnswer::Errno(errno)),
        },
        BY_FAMILY if length < ANSWER => Err(MalformedDump("it is too short")),
        BY_FAMILY => socket(fields, ends).map(KernelAnswer::Socket),
        _ => Err(MalformedDump("of another type")),
    }
}

/// Whose the socket is. Where there is no such connection the kernel goes on and finds who listens
/// at the client's address, so that addresses have to be compared.
fn socket(mut fields: AttributeReader<'_>, ends: Ends) -> Result<SocketOwner, MalformedDump> {
    let SocketInfo { state: _, local, remote, owner } = told(&mut fields)?;
    Ok(if same(local, ends.peer) && same(remote, ends.front) { owner } else { SocketOwner::NoProcess })
}

/// The fields of `struct inet_diag_msg` for a socket.
struct SocketInfo {
    state: u8,
    local: SocketAddr,
    remote: SocketAddr,
    owner: SocketOwner,
}

fn told(fields: &mut AttributeReader<'_>) -> Result<SocketInfo, MalformedDump> {
    let [family, state, _timer, _retransmits] = fields.take()?;
    let (local_port, remote_port) = (u16::from_be_bytes(fields.take()?), u16::from_be_bytes(fields.take()?));
    let (local, remote) = (ip(family, fields.take()?)?, ip(family, fields.take()?)?);
    let _interface_and_cookie: [u8; 12] = fields.take()?;
    let _expiry_and_queues: [u8; 12] = fields.take()?;
    let (uid, inode) = (fields.u32()?, fields.u32()?);
    let owner = if inode == 0 { SocketOwner::NoProcess } else { SocketOwner::Uid(uid) };
    let (local, remote) = (SocketAddr::new(local, local_port), SocketAddr::new(remote, remote_port));
    Ok(SocketInfo { state, local, remote, owner })
}

fn ip(family: u8, words: [u8; 16]) -> Result<IpAddr, MalformedDump> {
    match i32::from(family) {
        libc::AF_INET => Ok(IpAddr::from([words[0], words[1], words[2], words[3]])),
        libc::AF_INET6 => Ok(IpAddr::from(words)),
        _ => Err(MalformedDump("of another family")),
    }
}

/// The bytes left to read.
struct AttributeReader<'a>(&'a [u8]);

impl AttributeReader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], MalformedDump> {
        let (field, rest) = self.0.split_first_chunk().ok_or(MalformedDump("it is cut"))?;
        self.0 = rest;
        Ok(*field)
    }

    fn u16(&mut self) -> Result<u16, MalformedDump> {
        self.take().map(u16::from_ne_bytes)
    }

    fn u32(&mut self) -> Result<u32, MalformedDump> {
        self.take().map(u32::from_ne_bytes)
    }
}

#[cfg(test)]
mod tests;
