//! nft's listings, as their fuzz target sees them.

use serde_json::Value;

use super::gate::{NftGate, WantedGate};
use super::listing::Listing;
use super::{gates, ruleset, verify};
use crate::firewall::{GateOwner, Peer};

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

/// Reads a listing; `None` if it is none.
pub fn read(json: &str, port: u16, peers: &[Peer]) -> Option<Read> {
    let listing = Listing::parse(json).ok()?;
    let gate = NftGate::new(port, peers, &[], GateOwner { pid: 4711, uid: 1000 });
    let states = [WantedGate::Guarded, WantedGate::Shut, WantedGate::Gone];
    Some(Read {
        gates: gates(&listing).len(),
        holds: states.map(|state| verify::missing(&listing, &gate, state).is_none()),
        commands: states.map(|state| ruleset::transaction(&listing, &gate, state)),
    })
}
