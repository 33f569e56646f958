//! The users of a port, as far as the guard needs them.

mod occupant;

pub(crate) use occupant::{Does, Occupant, SocketOwner};
