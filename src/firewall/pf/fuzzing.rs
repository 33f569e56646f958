//! What pfctl prints of our gates, as its fuzz target sees it.

use super::ruleset::{self, Ruleset};
use super::token::{self, Token};
use crate::firewall::Peer;

/// Whether these lines are the rules of a gate, as they are read back: guarded, shut.
pub fn holds(printed: &str, port: u16, peers: &[Peer], uid: u32) -> [bool; 2] {
    let lines: Vec<&str> = printed.lines().collect();
    [Ruleset::guarded(port, peers, uid).is(&lines), Ruleset::shut(port).is(&lines)]
}

/// What is loaded for a gate: guarded, shut.
pub fn loaded(port: u16, peers: &[Peer], uid: u32) -> [String; 2] {
    [Ruleset::guarded(port, peers, uid).text(), Ruleset::shut(port).text()]
}

/// The gate in an anchor's name, and that name made anew.
pub fn gate(anchor: &str) -> Option<(u32, u16, String)> {
    ruleset::gate_of(anchor).map(|(pid, port)| (pid, port, ruleset::anchor(pid, port)))
}

/// How many enable tokens these words tell of.
pub fn tokens(said: &str) -> usize {
    token::listed(said).len()
        + usize::from(Token::parse(said, 1).is_some())
        + usize::from(token::is_stale(said))
}
