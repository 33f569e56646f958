//! One gate as nftables knows it: its names, and the rules of each of its states.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::cidr::element;
use crate::firewall::{GateOwner, Peer};

/// Prefix of our tables' names.
pub(super) const TABLE_PREFIX: &str = "dlvgate_";

/// Prefix of the comment by which a rule of ours is known in any table.
pub(super) const MARK_PREFIX: &str = "dlvgate:";

/// On input our chain comes before the host's own filtering (0): nothing that another chain does to
/// a packet changes what ours says about it. New destinations were given before this hook.
const INPUT_PRIORITY: i64 = -300;

/// On output they are given on the hook itself (-100), so that our chain comes after: it judges by
/// the port that is reached.
const OUTPUT_PRIORITY: i64 = 300;

/// The hook through which packets come to this machine's programs.
pub(super) const INPUT: &str = "input";

/// The hook through which packets leave them.
pub(super) const OUTPUT: &str = "output";

/// Where our chain is among those of its hook.
pub(super) fn priority(hook: &str) -> i64 {
    if hook == INPUT { INPUT_PRIORITY } else { OUTPUT_PRIORITY }
}

/// The routing table's type of an address of this machine (`RTN_LOCAL`), as nft prints it with
/// `-n`.
pub(super) const LOCAL: u32 = 2;

/// What a rule matches, before the port.
type Matches = Vec<Value>;

/// A port, who may reach it, and whose gate it is.
#[derive(Clone, Debug)]
pub(super) struct NftGate {
    pub(super) port: u16,
    /// This machine's addresses at which it is the gate; none: all.
    at: Vec<IpAddr>,
    /// Disjoint.
    cidrs: Vec<IpNet>,
    /// Those that are on one interface only: link-local.
    local: Vec<Peer>,
    owner: GateOwner,
}

/// Peers of a family that a rule names together.
struct PeerGroup {
    family: &'static str,
    is_loopback: bool,
    interface: Option<Value>,
    cidrs: Vec<IpNet>,
}

/// The state that a gate is brought to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WantedGate {
    /// The peers pass, everybody else is blocked.
    Guarded,
    /// Everybody is blocked.
    Shut,
    /// No trace.
    Gone,
}

impl NftGate {
    /// Peers that are within others are left out: nftables takes no overlapping elements.
    pub(super) fn new(port: u16, peers: &[Peer], at: &[IpAddr], owner: GateOwner) -> NftGate {
        let (mut local, anywhere): (Vec<&Peer>, Vec<&Peer>) =
            peers.iter().partition(|peer| peer.interface().is_some());
        local.sort_unstable();
        local.dedup();
        let mut cidrs = IpNet::aggregate(&anywhere.into_iter().map(Peer::net).collect());
        cidrs.sort_unstable();
        NftGate { port, at: at.to_vec(), cidrs, local: local.into_iter().cloned().collect(), owner }
    }

    /// The gate's own table, of family `inet`: it is made, replaced and deleted as a whole.
    pub(super) fn table(&self) -> String {
        format!("{TABLE_PREFIX}{}_{}", self.owner.pid, self.port)
    }

    /// The comment of every rule of this gate.
    pub(super) fn mark(&self) -> String {
        format!("{MARK_PREFIX}{}:{}", self.owner.pid, self.port)
    }

    /// The sets of our table: name, type, addresses. A family without a peer has none.
    pub(super) fn sets(&self, state: WantedGate) -> Vec<(&'static str, &'static str, Vec<IpNet>)> {
        if state != WantedGate::Guarded {
            return Vec::new();
        }
        let all = [("peers4", "ipv4_addr", self.of("ip")), ("peers6", "ipv6_addr", self.of("ip6"))];
        all.into_iter().filter(|(_, _, cidrs)| !cidrs.is_empty()).collect()
    }

    /// The rules of our own chain on this hook, in order.
    pub(super) fn own_rules(&self, state: WantedGate, hook: &str) -> Vec<Value> {
        match (state, hook) {
            (WantedGate::Guarded, INPUT) => {
                let mut rules = Vec::new();
                for (set, _, cidrs) in self.sets(state) {
                    let family = protocol(cidrs[0]);
                    let Some(here) = self.own(family, "daddr") else { continue };
                    let from = field(family, "saddr", json!(format!("@{set}")));
                    let interface = self.is_loopback().then(|| loopback("iif"));
                    rules.push(
                        self.accept(interface.into_iter().chain([from]).chain(here).collect(), "dport"),
                    );
                }
                let local = self.on_interfaces(INPUT).into_iter();
                rules.extend(
                    local.filter_map(|group| Some(self.accept(self.way(&group, INPUT, "dport")?, "dport"))),
                );
                rules.extend(self.rejects(&[]));
                rules
            }
            // Over loopback every local user comes from a peer's address, so the sender's user
            // decides. A packet with a new destination still has the old one's interface here, so
            // the destination itself is asked for.
            (WantedGate::Guarded, OUTPUT) if self.is_loopback() => {
                let others = json!({"match": {"op": "!=", "left": {"meta": {"key": "skuid"}}, "right": self.owner.uid}});
                self.rejects(&[others, to_this_machine()])
            }
            (WantedGate::Shut, INPUT) => self.rejects(&[]),
            _ => Vec::new(),
        }
    }

    /// The rules that another program's chain needs at its head, for the peers to pass: that chain
    /// can drop what ours accepts. Connection tracking may be off, so the answers are let through
    /// by name too.
    ///
    /// One rule for all peers of a family, however many: every guard reads the whole ruleset at
    /// each step, and others' rules would make it slow.
    pub(super) fn accepts(&self, family: &str, hook: &str) -> Vec<Value> {
        let families: &[&str] = if family == "inet" { &["ip", "ip6"] } else { &[family] };
        let anywhere = families.iter().flat_map(|family| [(*family, true), (*family, false)]);
        let anywhere = anywhere.filter_map(|(family, is_loopback)| {
            let mut cidrs = self.of(family);
            cidrs.retain(|net| Peer::from(*net).is_loopback() == is_loopback);
            let interface = is_loopback.then(|| loopback(if hook == INPUT { "iif" } else { "oif" }));
            Some(PeerGroup { family: protocol(*cidrs.first()?), is_loopback, interface, cidrs })
        });
        let local = if family == "ip" { Vec::new() } else { self.on_interfaces(hook) };
        let mut rules = Vec::new();
        for group in anywhere.chain(local) {
            // Over loopback the way there and the way of the answers go through both hooks.
            if hook == INPUT || group.is_loopback {
                let there = self.way(&group, hook, "dport");
                rules.extend(there.map(|matches| self.accept(matches, "dport")));
            }
            if hook == OUTPUT || group.is_loopback {
                // By a rule for every packet that comes from the port, who connects from that port
                // would get anywhere.
                let back = self.way(&group, hook, "sport");
                let back = back.map(|matches| matches.into_iter().chain([no_first_packet()]).collect());
                rules.extend(back.map(|matches| self.accept(matches, "sport")));
            }
        }
        rules
    }

    /// The peers that are on one interface only: all of one interface and family together.
    fn on_interfaces(&self, hook: &str) -> Vec<PeerGroup> {
        let key = if hook == INPUT { "iifname" } else { "oifname" };
        let mut groups: BTreeMap<(&str, &'static str), Vec<IpNet>> = BTreeMap::new();
        for peer in &self.local {
            let interface = peer.interface().unwrap_or_default();
            groups.entry((interface, protocol(peer.net()))).or_default().push(peer.net());
        }
        let group = |((interface, family), cidrs): ((&str, &'static str), Vec<IpNet>)| {
            let on = json!({"match": {"op": "==", "left": {"meta": {"key": key}}, "right": interface}});
            PeerGroup { family, is_loopback: false, interface: Some(on), cidrs: IpNet::aggregate(&cidrs) }
        };
        groups.into_iter().map(group).collect()
    }

    /// The packets of these peers to the port (`dport`), or from it (`sport`); `None`: the gate has
    /// no address of their family.
    fn way(&self, group: &PeerGroup, hook: &str, port: &str) -> Option<Matches> {
        let PeerGroup { family, cidrs, interface, .. } = group;
        let (theirs, own) = if port == "dport" { ("saddr", "daddr") } else { ("daddr", "saddr") };
        let (own, peers) = (self.own(family, own)?, any_of(cidrs)?);
        // Where no address of ours is known, that of a loopback peer stands for either end.
        let theirs = match (own.is_empty(), hook) {
            (false, _) => theirs,
            (true, INPUT) => "saddr",
            (true, _) => "daddr",
        };
        let addresses = [field(family, theirs, peers)].into_iter().chain(own);
        Some(interface.iter().cloned().chain(addresses).collect())
    }

    /// What matches the gate's addresses of a family at this side of a packet: nothing where it is
    /// for all, `None` if it has none.
    fn own(&self, family: &str, side: &str) -> Option<Matches> {
        if self.at.is_empty() {
            return Some(Vec::new());
        }
        let cidrs: Vec<IpNet> = self.at.iter().copied().map(IpNet::from).collect();
        let cidrs: Vec<IpNet> = cidrs.into_iter().filter(|net| protocol(*net) == family).collect();
        Some(vec![field(family, side, any_of(&cidrs)?)])
    }

    fn of(&self, family: &str) -> Vec<IpNet> {
        self.cidrs.iter().copied().filter(|net| protocol(*net) == family).collect()
    }

    /// Every packet of every peer is on the loopback interface.
    fn is_loopback(&self) -> bool {
        let is_loopback = |net: &IpNet| Peer::from(*net).is_loopback();
        self.local.is_empty() && !self.cidrs.is_empty() && self.cidrs.iter().all(is_loopback)
    }

    fn accept(&self, mut matches: Vec<Value>, port: &str) -> Value {
        matches.push(field("tcp", port, json!(self.port)));
        matches.push(json!({"accept": null}));
        Value::Array(matches)
    }

    /// One rule, or for each family one. The port comes first: the rest is asked of no other
    /// packet.
    fn rejects(&self, matches: &[Value]) -> Vec<Value> {
        let families: &[&str] = if self.at.is_empty() { &["ip"] } else { &["ip", "ip6"] };
        let here = families.iter().filter_map(|family| self.own(family, "daddr"));
        let rule = |here: Matches| {
            let mut all = here;
            all.push(field("tcp", "dport", json!(self.port)));
            all.extend_from_slice(matches);
            all.push(json!({"reject": {"type": "tcp reset"}}));
            Value::Array(all)
        };
        here.map(rule).collect()
    }
}

/// The process id and the port in the name of a gate's table.
pub(super) fn of_table(name: &str) -> Option<(u32, u16)> {
    let (pid, port) = name.strip_prefix(TABLE_PREFIX)?.split_once('_')?;
    Some((pid.parse().ok()?, port.parse().ok()?))
}

/// The process id and the port in the comment of a gate's rule.
pub(super) fn of_mark(comment: &str) -> Option<(u32, u16)> {
    let (pid, port) = comment.strip_prefix(MARK_PREFIX)?.split_once(':')?;
    Some((pid.parse().ok()?, port.parse().ok()?))
}

fn protocol(net: IpNet) -> &'static str {
    if net.addr().is_ipv4() { "ip" } else { "ip6" }
}

/// Every packet of a connection but its first: of SYN (2) and ACK (16), not SYN alone.
fn no_first_packet() -> Value {
    let flags = json!({"payload": {"protocol": "tcp", "field": "flags"}});
    json!({"match": {"op": "!=", "left": {"&": [flags, 2 + 16]}, "right": 2}})
}

/// One network by itself, several as a set without a name; `None`: there is none.
fn any_of(cidrs: &[IpNet]) -> Option<Value> {
    match cidrs {
        [] => None,
        [one] => Some(element(*one)),
        several => Some(json!({"set": several.iter().copied().map(element).collect::<Vec<_>>()})),
    }
}

fn field(protocol: &str, field: &str, right: Value) -> Value {
    json!({"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}})
}

fn loopback(key: &str) -> Value {
    json!({"match": {"op": "==", "left": {"meta": {"key": key}}, "right": "lo"}})
}

fn to_this_machine() -> Value {
    json!({"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": LOCAL}})
}
