//! nft's listings, as their fuzz target sees them.

use serde_json::Value;

use super::gate::{Gate, State};
use super::listing::Listing;
use super::{gates, proof, ruleset};
use crate::firewall::{Owner, Peer};

/// The gate of a port, as read from a listing.
#[derive(Debug, PartialEq)]
pub struct Read {
    /// Gates that are there.
    pub gates: usize,
    /// Whether the gate is in force: open, shut, gone.
    pub holds: [bool; 3],
    /// What would be loaded to bring each of the three about.
    pub commands: [Option<Value>; 3],
}

/// Reads a listing; `None` where it is none.
pub fn read(json: &str, port: u16, peers: &[Peer]) -> Option<Read> {
    let listing = Listing::parse(json).ok()?;
    let gate = Gate::new(port, peers, &[], Owner { pid: 4711, uid: 1000 });
    let states = [State::Guarded, State::Shut, State::Gone];
    Some(Read {
        gates: gates(&listing).len(),
        holds: states.map(|state| proof::missing(&listing, &gate, state).is_none()),
        commands: states.map(|state| ruleset::transaction(&listing, &gate, state)),
    })
}
