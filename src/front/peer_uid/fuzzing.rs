//! What the kernel says of a connection's owner, as its fuzz target sees it.

use std::net::SocketAddr;

use crate::sockets::sock_diag::{self, KernelAnswer};
use crate::sockets::{Ends, SocketOwner, pcblist, table};

/// The uid that a datagram of the kernel names as the owner of this connection.
pub fn in_answer(datagram: &[u8], sequence: u32, peer: SocketAddr, front: SocketAddr) -> Option<u32> {
    match sock_diag::answer(datagram, sequence, Ends { peer, front }) {
        Ok(KernelAnswer::Socket(SocketOwner::Uid(uid))) => Some(uid),
        _ => None,
    }
}

/// The uid that a table of proc(5) names.
pub fn in_table(text: &str, peer: SocketAddr, front: SocketAddr) -> Option<u32> {
    match table::owner_in(text, Ends { peer, front }) {
        Some(SocketOwner::Uid(uid)) => Some(uid),
        _ => None,
    }
}

/// The uid that macOS's list of sockets names.
pub fn in_list(list: &[u8], peer: SocketAddr, front: SocketAddr) -> Option<u32> {
    match pcblist::owner_in(list, Ends { peer, front }) {
        Ok(SocketOwner::Uid(uid)) => Some(uid),
        _ => None,
    }
}

/// Returns the query.
pub fn question(sequence: u32, peer: SocketAddr, front: SocketAddr) -> Vec<u8> {
    sock_diag::question(sequence, Ends { peer, front }).to_vec()
}
