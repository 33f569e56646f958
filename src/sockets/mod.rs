//! What the kernel says of TCP sockets: whose a connection is, and who is at a port.

#[cfg(target_os = "linux")]
pub(crate) mod kernel;
#[cfg(target_os = "linux")]
mod namespace;
#[cfg(target_os = "linux")]
pub(crate) mod netlink;
mod occupant;
#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "tried on every system, asked on one"))]
pub(crate) mod pcblist;
mod ports;
#[cfg(target_os = "linux")]
pub(crate) mod sock_diag;
#[cfg(target_os = "macos")]
pub(crate) mod sysctl;
#[cfg(target_os = "linux")]
pub(crate) mod table;

#[cfg(target_os = "linux")]
pub(crate) use namespace::is_of_this_network;
pub(crate) use occupant::{Does, Ends, Occupant, SocketOwner};
pub(crate) use ports::Ports;
