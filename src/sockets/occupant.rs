//! Sockets: whose they are, and what they are for.

use std::net::SocketAddr;

/// An accepted connection from its client's side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// The client's own end: the socket that is asked for.
    pub(crate) peer: SocketAddr,
    /// The other end's address.
    pub(crate) front: SocketAddr,
}

/// What the system says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketOwner {
    /// This user has made the socket.
    Uid(u32),
    /// No process holds it: the kernel's tables give a closed socket to root, whichever user had
    /// it.
    NoProcess,
}

/// A socket with a local port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupant {
    /// Its own address.
    pub(crate) local: SocketAddr,
    /// It takes nothing of IPv4, as far as that is known: at `::` other sockets may.
    pub(crate) only_v6: bool,
    pub(crate) owner: SocketOwner,
    pub(crate) does: Does,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// It listens.
    Listen,
    /// It is bound, and may listen yet. Not every system lists such a socket.
    Wait,
    /// It is one end of a connection.
    Connect,
}

/// An IPv4 address may be written as an IPv6 one, on either side.
pub(super) fn same(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
}
