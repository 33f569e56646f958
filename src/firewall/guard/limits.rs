//! What a guard does for its caller, and what it refuses: ports of other users, and what root's
//! policy does not allow.
//!
//! Root itself is not limited. Nor is a guard that is not root: the system lets it do no more than
//! its user.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::net::IpAddr;

use super::journal::GuardRecord;
use super::policy::Allowance;
use super::wire::{USER_GATES, USER_INTERFACES, USER_PEERS};
use crate::firewall::Peer;
use crate::sockets::{Does, Occupant, SocketOwner};

/// What the guard asks of the system around it; apart so that a test can answer.
pub(super) trait Surroundings {
    /// Every socket whose own port is one of these.
    fn at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>>;
    /// Whether there is an interface of this name.
    fn has_interface(&self, name: &str) -> bool;
    /// Takes the socket that came with a request, and sees that this user has bound it to this
    /// port: its address.
    fn passed(&self, port: u16, uid: u32) -> Result<IpAddr, String>;
    /// Closes sockets that came and were not asked for.
    fn forget_passed(&self);
}

/// Addresses of one gate: a front has two at most. A gate whose listeners have more is for all.
const MOST_ADDRESSES: usize = 8;

/// Whose guard this is, and what it may do.
pub(super) struct CallerLimits {
    uid: u32,
    held_to: Option<HeldTo>,
}

/// What a user is held to.
struct HeldTo {
    /// The user's name, or number.
    user: String,
    allowance: Allowance,
    surroundings: Box<dyn Surroundings>,
}

/// Why a request is not obeyed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestRefusal {
    /// A listener, a connection or a gate of another user is at the port; another port may do.
    #[error("{0}")]
    OfAnother(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<String> for RequestRefusal {
    fn from(why: String) -> RequestRefusal {
        RequestRefusal::Other(why)
    }
}

/// Another user, who is at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stranger {
    port: u16,
    uid: Option<u32>,
    does: Does,
}

impl CallerLimits {
    /// Of root itself, or of a guard that is not root: none.
    pub(super) fn none(uid: u32) -> CallerLimits {
        CallerLimits { uid, held_to: None }
    }

    /// Of a user who started root's guard.
    pub(super) fn of(
        uid: u32,
        user: String,
        allowance: Allowance,
        surroundings: Box<dyn Surroundings>,
    ) -> CallerLimits {
        CallerLimits { uid, held_to: Some(HeldTo { user, allowance, surroundings }) }
    }

    /// The user whose gates they are.
    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    /// Whether there are any, so that there is something to look after.
    pub(super) fn are_there(&self) -> bool {
        self.held_to.is_some()
    }

    /// Whether a gate at this port may be opened for these peers. `socket`: a bound one came with
    /// the request. Returns the addresses at which it is one: those of the caller's listeners;
    /// none: all.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub(super) fn may_open(
        &self,
        port: u16,
        peers: &[Peer],
        socket: bool,
    ) -> Result<Vec<IpAddr>, RequestRefusal> {
        let Some(HeldTo { user, allowance, surroundings }) = &self.held_to else { return Ok(Vec::new()) };
        allowance.allows_port(port, user)?;
        allowance.allows_peers(peers, user)?;
        let is_absent = |peer: &&Peer| peer.interface().is_some_and(|name| !surroundings.has_interface(name));
        if let Some(peer) = peers.iter().find(is_absent) {
            let why = format!("{peer} is on an interface that this machine does not have");
            return Err(RequestRefusal::Other(format!("{why}; name one that is there with --allow")));
        }
        let passed = if socket { Some(surroundings.passed(port, self.uid)?) } else { None };
        let there = surroundings.at(&[port]).map_err(|error| cannot_tell(port, &error))?;
        let is_own = |one: &&Occupant| one.does != Does::Connect && one.owner == SocketOwner::Uid(self.uid);
        let own: Vec<IpAddr> = there.iter().filter(is_own).map(|one| one.local.ip()).chain(passed).collect();
        let at = specific(&own);
        if let Some(stranger) = strangers(&there, self.uid, |_| &at).next() {
            let why = format!("{stranger}; a gate would open or cut off what is not yours. Use another port");
            return Err(RequestRefusal::OfAnother(why));
        }
        match !own.is_empty() {
            true => Ok(at),
            false => Err(RequestRefusal::Other(format!(
                "no process of {user} listens on port {port}: the guard opens what its user's own processes listen on"
            ))),
        }
    }

    /// Whether the caller keeps within what one user may have open by all guards together;
    /// `records` are all journals.
    ///
    /// # Errors
    /// What there is too much of.
    pub(super) fn keep_quota<'a>(
        &self,
        records: impl Iterator<Item = &'a GuardRecord>,
    ) -> Result<(), String> {
        let Some(HeldTo { user, .. }) = &self.held_to else { return Ok(()) };
        let own = records.filter(|record| record.uid == self.uid);
        let gates: Vec<&[Peer]> =
            own.flat_map(|record| &record.gates).map(|gate| gate.peers.as_slice()).collect();
        if gates.len() > USER_GATES {
            return Err(format!(
                "{user} has {USER_GATES} gates already, over all guards; end a session first"
            ));
        }
        let peers: usize = gates.iter().map(|peers| peers.len()).sum();
        if peers > USER_PEERS {
            let why = format!(
                "the gates of {user} would have {peers} peers, over all guards; {USER_PEERS} is the most"
            );
            return Err(format!("{why}. Name a network instead of its addresses, or end a session first"));
        }
        let named = |peers: &&[Peer]| peers.iter().filter_map(Peer::interface).collect::<BTreeSet<_>>().len();
        let interfaces: usize = gates.iter().map(named).sum();
        if interfaces > USER_INTERFACES {
            let why = format!("the peers of {user} would name {interfaces} interfaces, over all guards");
            return Err(format!("{why}; {USER_INTERFACES} is the most. Name fewer with --allow"));
        }
        Ok(())
    }

    /// Whether another user's guard has a gate at this port.
    ///
    /// # Errors
    /// Whose.
    pub(super) fn keep_out_of_others<'a>(
        &self,
        port: u16,
        mut records: impl Iterator<Item = &'a GuardRecord>,
    ) -> Result<(), RequestRefusal> {
        if !self.are_there() {
            return Ok(());
        }
        let is_anothers = |record: &&GuardRecord| {
            record.uid != self.uid && record.gates.iter().any(|gate| gate.port == port)
        };
        match records.find(is_anothers) {
            None => Ok(()),
            Some(record) => Err(RequestRefusal::OfAnother(format!(
                "port {port} has a gate of user {}, whose guard is process {}; it is theirs to end. Use another port",
                record.uid, record.guard.pid
            ))),
        }
    }

    /// Returns one other user for each of these ports that has one. Each port comes with the
    /// addresses at which it is gated; none: all. A socket that is bound and no more does not
    /// count: a gate does nothing to it, and to bind must not be enough to end another user's gate.
    ///
    /// # Errors
    /// If the system does not say.
    pub(super) fn strangers_at(&self, gates: &BTreeMap<u16, Vec<IpAddr>>) -> io::Result<Vec<Stranger>> {
        let Some(HeldTo { surroundings, .. }) = &self.held_to else { return Ok(Vec::new()) };
        let ports: Vec<u16> = gates.keys().copied().collect();
        let at = |port| gates.get(&port).map_or(&[][..], Vec::as_slice);
        let there = surroundings.at(&ports)?;
        let mut found: Vec<Stranger> =
            strangers(&there, self.uid, at).filter(|stranger| stranger.does != Does::Wait).collect();
        found.sort_by_key(|stranger| stranger.port);
        found.dedup_by_key(|stranger| stranger.port);
        Ok(found)
    }

    /// Closes sockets that came with a request that did not ask for them.
    pub(super) fn forget_passed(&self) {
        if let Some(HeldTo { surroundings, .. }) = &self.held_to {
            surroundings.forget_passed();
        }
    }
}

impl Stranger {
    /// Where they are.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stranger { port, uid, does } = self;
        match uid {
            Some(uid) => write!(f, "user {uid} ")?,
            None => f.write_str("a socket of an unknown user ")?,
        }
        match does {
            Does::Listen => write!(f, "listens on port {port}"),
            Does::Wait => write!(f, "has bound port {port}"),
            Does::Connect => write!(f, "has a connection from port {port}"),
        }
    }
}

/// The addresses of these sockets, each once; none where one of them is at every address.
/// Link-local ones are the same on each interface, so that such a gate is for all too.
fn specific(sockets: &[IpAddr]) -> Vec<IpAddr> {
    let at: BTreeSet<IpAddr> = sockets.iter().map(IpAddr::to_canonical).collect();
    let is_one = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => !ip.is_unspecified(),
        IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_unicast_link_local(),
    };
    if at.len() <= MOST_ADDRESSES && at.iter().all(is_one) { at.into_iter().collect() } else { Vec::new() }
}

/// Whether what goes to one of these addresses may come to this socket; none: all.
fn is_at(one: &Occupant, addresses: &[IpAddr]) -> bool {
    let local = one.local.ip().to_canonical();
    let takes = |ip: &IpAddr| ip.is_ipv4() == local.is_ipv4() || local.is_ipv6() && !one.only_v6;
    addresses.is_empty()
        || addresses.contains(&local)
        || local.is_unspecified() && addresses.iter().any(takes)
}

/// The sockets of others, at the addresses that a port is gated at. What no process holds is left
/// of a connection, and does not count; but the owner of a listener must be known.
fn strangers<'a>(
    there: &'a [Occupant],
    uid: u32,
    gated_at: impl Fn(u16) -> &'a [IpAddr],
) -> impl Iterator<Item = Stranger> {
    there.iter().filter(move |one| is_at(one, gated_at(one.local.port()))).filter_map(move |one| {
        let uid = match (one.owner, one.does) {
            (SocketOwner::Uid(owner), _) if owner == uid => return None,
            (SocketOwner::Uid(owner), _) => Some(owner),
            (SocketOwner::NoProcess, Does::Listen | Does::Wait) => None,
            (SocketOwner::NoProcess, Does::Connect) => return None,
        };
        Some(Stranger { port: one.local.port(), uid, does: one.does })
    })
}

fn cannot_tell(port: u16, error: &io::Error) -> String {
    format!("the system does not say who uses port {port} ({error}), so that it could be another user's")
}

#[cfg(test)]
pub(super) mod tests;
