//! What pfctl prints of our gates, as its fuzz target sees it.

use super::ruleset::{self, GateRuleset};
use super::token::{self, EnableToken};
use crate::firewall::{GateOwner, Peer};

/// Whether these lines are the rules of a gate, as they are read back: guarded, shut.
pub fn holds(printed: &str, port: u16, peers: &[Peer], uid: u32) -> [bool; 2] {
    let lines: Vec<&str> = printed.lines().collect();
    let owner = owner(uid);
    [GateRuleset::guarded(port, peers, &[], owner).is(&lines), GateRuleset::shut(port, &[], owner).is(&lines)]
}

/// The rules that are loaded for a gate: guarded, shut.
pub fn loaded(port: u16, peers: &[Peer], uid: u32) -> [String; 2] {
    let owner = owner(uid);
    [GateRuleset::guarded(port, peers, &[], owner).text(), GateRuleset::shut(port, &[], owner).text()]
}

fn owner(uid: u32) -> GateOwner {
    GateOwner { pid: 4711, uid }
}

/// The slot in an anchor's name, and that slot's name.
pub fn slot(anchor: &str) -> Option<(u16, String)> {
    ruleset::slot_of(anchor).map(|slot| (slot, ruleset::anchor(slot)))
}

/// The gate in a rule's label.
pub fn gate(rule: &str) -> Option<(u32, u16)> {
    ruleset::gate_of(rule)
}

/// How many enable tokens this text names.
pub fn tokens(said: &str) -> usize {
    token::listed(said).len()
        + usize::from(EnableToken::parse(said, 1).is_some())
        + usize::from(token::is_stale(said))
}
