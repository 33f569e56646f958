//! The users of a port, as far as the guard needs them.

use std::net::SocketAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Uid(u32),
    NoProcess,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occupant {
    pub(crate) local: SocketAddr,
    pub(crate) only_v6: bool,
    pub(crate) owner: Owner,
    pub(crate) does: Does,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    Listen,
    Wait,
    Connect,
}
