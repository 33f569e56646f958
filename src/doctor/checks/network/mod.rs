//! Checks the way from a client to the port.

pub(super) mod application;
pub(super) mod filter;
pub(super) mod leftovers;
pub(super) mod listener;
pub(super) mod loopback;
pub(super) mod neighbours;
pub(super) mod pf;
pub(super) mod restart;
pub(super) mod route;
