//! A packet's way through pf: fragments are put together where a scrub rule says so; then states,
//! then the rules.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::model::{
    Action, Connection, Direction, Endpoint, Family, Flags, Fragments, Host, Operator, Rule, State,
    UNKNOWN_USER,
};
use crate::printer::{self, View};
use crate::services::Services;
use crate::tables;

#[derive(Debug, Clone)]
pub struct Packet {
    pub direction: Direction,
    pub interface: String,
    pub protocol: String,
    pub source: IpAddr,
    pub source_port: u16,
    pub destination: IpAddr,
    pub destination_port: u16,
    /// Of the local socket.
    pub user: Option<u32>,
    /// A TCP packet that starts no connection: only its ACK is set.
    pub established: bool,
    /// It comes in fragments.
    pub fragments: bool,
}

/// A rule's place: anchor path and number.
type Place = (String, usize);

struct Walk<'a> {
    state: &'a State,
    packet: &'a Packet,
    in_pieces: bool,
    evaluated: Vec<Place>,
    last: Option<Place>,
    /// The kernel's `*match`, which an anchor line's `quick` goes by: cleared on the way into an
    /// anchor, and after each child of a wildcard. A match before a nested anchor without one is
    /// forgotten.
    matched: bool,
}

/// Whether the evaluation goes on.
#[derive(PartialEq)]
enum Next {
    Rule,
    Stop,
}

/// Decides, and unless `dry` counts and makes the state of a `keep state` pass.
pub fn evaluate(state: &mut State, packet: &Packet, services: &Services, dry: bool) -> Value {
    let in_pieces = packet.fragments && !reassembles(state, packet);
    let reassembled = packet.fragments && !in_pieces;
    let verdict = |decision: &str, why: &str| json!({ "decision": decision, "rule": "", "anchor": "", "why": why, "reassembled": reassembled });
    if !state.enabled {
        return verdict("pass", "pf disabled");
    }
    if state.skip.contains(&packet.interface) {
        return verdict("pass", &format!("set skip on {}", packet.interface));
    }
    // Each fragment goes its own way where nothing puts them together: without ports, flags, user
    // or state (pf_test_fragment).
    if let Some(found) = state.states.iter().find(|s| !in_pieces && belongs(s, packet)) {
        return json!({ "decision": "pass", "rule": found.rule, "anchor": found.anchor, "why": "state" });
    }
    let mut walk = Walk { state, packet, in_pieces, evaluated: Vec::new(), last: None, matched: false };
    let ended = walk.ruleset("") == Next::Stop;
    let (evaluated, last) = (walk.evaluated, walk.last);
    if !dry {
        for (anchor, number) in &evaluated {
            if let Some(rule) = rule_mut(state, anchor, *number) {
                rule.evaluations += 1;
            }
        }
    }
    let Some((anchor, number)) = last else { return verdict("pass", "default pass") };
    let Some(rule) = rule_mut(state, &anchor, number) else { return verdict("pass", "default pass") };
    rule.packets += u64::from(!dry);
    let text = printer::rule(rule, services, View::Kernel);
    let (decision, label, keeps) = (rule.action, rule.label.clone(), rule.keep_state);
    if decision == Action::Pass && keeps && !dry && !in_pieces {
        state.states.push(Connection {
            direction: packet.direction,
            protocol: packet.protocol.clone(),
            source: packet.source,
            source_port: packet.source_port,
            destination: packet.destination,
            destination_port: packet.destination_port,
            anchor: anchor.clone(),
            rule: text.clone(),
        });
    }
    json!({
        "decision": if decision == Action::Pass { "pass" } else { "block" },
        "rule": text,
        "anchor": anchor,
        "label": label,
        "return": !in_pieces && returns(decision, packet),
        "reassembled": reassembled,
        "why": if ended { "quick" } else { "last match" },
    })
}

fn rule_mut<'a>(state: &'a mut State, anchor: &str, number: usize) -> Option<&'a mut Rule> {
    state.rulesets.get_mut(anchor)?.filter.get_mut(number)
}

/// Whether the sender of a blocked packet is told so. On its way out over lo0 a packet's checksum
/// is not finished, and pf answers no TCP packet with a wrong one by a reset; an ICMP error is made
/// all the same.
fn returns(decision: Action, packet: &Packet) -> bool {
    let is_unfinished = packet.direction == Direction::Out && packet.interface == "lo0";
    match decision {
        Action::BlockReturnIcmp => true,
        Action::BlockReturn => !(is_unfinished && packet.protocol == "tcp"),
        _ => false,
    }
}

/// Whether the first scrub rule that takes the packet puts fragments together.
fn reassembles(state: &State, packet: &Packet) -> bool {
    let walk = Walk { state, packet, in_pieces: true, evaluated: Vec::new(), last: None, matched: false };
    let rule = walk.scrub("");
    rule.is_some_and(|rule| rule.action == Action::Scrub && rule.fragments == Fragments::Reassemble)
}

/// A state takes its own packets again, and the replies to them the other way. On whichever
/// interface.
fn belongs(state: &Connection, packet: &Packet) -> bool {
    let from = (packet.source, packet.source_port);
    let to = (packet.destination, packet.destination_port);
    let (sender, receiver) = ((state.source, state.source_port), (state.destination, state.destination_port));
    state.protocol == packet.protocol
        && if state.direction == packet.direction {
            (from, to) == (sender, receiver)
        } else {
            (from, to) == (receiver, sender)
        }
}

impl Walk<'_> {
    fn ruleset(&mut self, path: &str) -> Next {
        let state = self.state;
        let Some(ruleset) = state.rulesets.get(path) else { return Next::Rule };
        for (number, rule) in ruleset.filter.iter().enumerate() {
            self.evaluated.push((path.to_owned(), number));
            if !self.matches(rule, path) {
                continue;
            }
            let Some(call) = &rule.anchor else {
                self.last = Some((path.to_owned(), number));
                self.matched = true;
                if rule.quick {
                    return Next::Stop;
                }
                continue;
            };
            // Direct children in string order, not the anchor itself; or the anchor alone.
            let paths = if call.wildcard { state.children(&call.path) } else { vec![call.path.as_str()] };
            self.matched = false;
            let mut inside = false;
            for path in paths {
                if self.ruleset(path) == Next::Stop {
                    return Next::Stop;
                }
                inside |= self.matched;
                self.matched &= !call.wildcard;
            }
            if rule.quick && inside {
                return Next::Stop;
            }
        }
        Next::Rule
    }

    /// The first scrub rule that takes the packet (pf_normalize_ip). Of IPv6 packets the protocol
    /// is not asked (pf_normalize_ip6).
    fn scrub(&self, path: &str) -> Option<&Rule> {
        let p = self.packet;
        for rule in &self.state.rulesets.get(path)?.scrub {
            let takes = self.is_on(rule)
                && (p.source.is_ipv6() || rule.protocol.as_ref().is_none_or(|name| *name == p.protocol))
                && self.host(&rule.from, p.source, path)
                && self.host(&rule.to, p.destination, path);
            let Some(call) = rule.anchor.as_ref().filter(|_| takes) else {
                if takes {
                    return Some(rule);
                }
                continue;
            };
            let paths =
                if call.wildcard { self.state.children(&call.path) } else { vec![call.path.as_str()] };
            if let Some(rule) = paths.into_iter().find_map(|path| self.scrub(path)) {
                return Some(rule);
            }
        }
        None
    }

    /// Direction, interface and address family.
    fn is_on(&self, rule: &Rule) -> bool {
        let p = self.packet;
        let family = if p.source.is_ipv4() { Family::Inet } else { Family::Inet6 };
        rule.direction.is_none_or(|d| d == p.direction)
            && rule.interface.as_ref().is_none_or(|i| (i.name == p.interface) != i.negated)
            && rule.family.is_none_or(|f| f == family)
    }

    fn matches(&self, rule: &Rule, path: &str) -> bool {
        let p = self.packet;
        if self.in_pieces {
            let ports = rule.from.port.is_some() || rule.to.port.is_some();
            let flags = matches!(rule.flags, Flags::Mask(..)) && p.protocol == "tcp";
            return self.is_on(rule)
                && rule.protocol.as_ref().is_none_or(|name| *name == p.protocol)
                && !(ports || flags)
                && self.host(&rule.from, p.source, path)
                && self.host(&rule.to, p.destination, path);
        }
        let flags = match &rule.flags {
            // Of S and A, which a rule asks about, a first packet has S and a later one A.
            Flags::Mask(set, mask) if p.protocol == "tcp" => {
                let own = if p.established { 'A' } else { 'S' };
                mask.chars().all(|flag| set.contains(flag) == (flag == own))
            }
            _ => true,
        };
        let user = rule.user.is_none_or(|wanted| match p.user {
            Some(uid) => wanted.matches(uid),
            // An unknown socket answers only to = and !=.
            None => {
                matches!(wanted.operator, Operator::Equal | Operator::NotEqual)
                    && wanted.matches(UNKNOWN_USER)
            }
        });
        !rule.fragment
            && self.is_on(rule)
            && rule.protocol.as_ref().is_none_or(|name| *name == p.protocol)
            && flags
            && user
            && self.side(&rule.from, p.source, p.source_port, path)
            && self.side(&rule.to, p.destination, p.destination_port, path)
    }

    fn side(&self, side: &Endpoint, address: IpAddr, port: u16, path: &str) -> bool {
        self.host(side, address, path) && side.port.is_none_or(|c| c.matches(port.into()))
    }

    fn host(&self, side: &Endpoint, address: IpAddr, path: &str) -> bool {
        let host = match &side.host {
            Host::Any => true,
            Host::Net(net) => net.contains(address),
            // The anchor's own table, or the main ruleset's of the same name.
            Host::Table(name) => [path, ""]
                .iter()
                .find_map(|place| self.state.rulesets.get(*place)?.tables.get(name))
                .is_some_and(|table| tables::lookup(table, address)),
        };
        host != side.negated
    }
}

#[cfg(test)]
mod tests;
