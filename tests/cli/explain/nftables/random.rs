//! Random rulesets and random packets.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::conditions::{ANY, INET, IPV4, IPV6, OTHERS, TCP};

/// The way that a ruleset's packets take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    pub comes_in: bool,
    pub over_loopback: bool,
}

impl Way {
    /// The hooks that are asked about.
    pub fn hooks(self) -> [&'static str; 2] {
        if self.comes_in { ["prerouting", "input"] } else { ["output", "postrouting"] }
    }
}

#[derive(Clone, Debug)]
pub struct Setup {
    pub way: Way,
    /// For `nft -f`.
    pub ruleset: String,
    pub packets: Vec<Packet>,
}

#[derive(Clone, Debug)]
pub struct Packet {
    pub is_ipv4: bool,
    /// The number of the address among those of its family and side.
    pub from: usize,
    pub to: usize,
    pub port: u16,
    pub uid: u32,
}

pub fn setup(packets: usize) -> impl Strategy<Value = Setup> {
    let way = (any::<bool>(), prop::bool::weighted(0.4))
        .prop_map(|(comes_in, over_loopback)| Way { comes_in, over_loopback });
    way.prop_flat_map(move |way| {
        let tables = ["inet", "ip", "ip6"].map(|family| table(family, way));
        (tables, vec(packet(), packets)).prop_map(move |(tables, packets)| Setup {
            way,
            ruleset: tables.concat(),
            packets,
        })
    })
}

fn packet() -> impl Strategy<Value = Packet> {
    let port = select(vec![2345, 2345, 2346, 22, 9999]);
    (prop::bool::weighted(0.7), 0..3usize, 0..2usize, port, select(vec![0, 65534]))
        .prop_map(|(is_ipv4, from, to, port, uid)| Packet { is_ipv4, from, to, port, uid })
}

/// Sets, chains that are called, and base chains.
fn table(family: &'static str, way: Way) -> impl Strategy<Value = String> {
    let number = if family == "inet" { 0..=3usize } else { 0..=1 };
    let base = vec(base_chain(family, way), number);
    let called = [vec(rule(family, &["inner"]), 0..4), vec(rule(family, &[]), 0..4)];
    (called, base).prop_map(move |([outer, inner], base)| {
        let (nets, net) = match family {
            "ip6" => ("ipv6_addr", "fd01::11, fd01::100-fd01::200"),
            _ => ("ipv4_addr", "10.1.1.1, 10.1.2.0/24, 127.0.0.1"),
        };
        let mut text = format!(
            "table {family} t {{\n\
             set nets {{ type {nets}; flags interval; elements = {{ {net} }}; }}\n\
             set none {{ type {nets}; }}\n\
             set ports {{ type inet_service; flags interval; elements = {{ 22, 2340-2345 }}; }}\n\
             set names {{ type ifname; elements = {{ \"lo\", \"eth1\" }}; }}\n\
             map verdicts {{ type inet_service : verdict; elements = {{ 22 : accept, 2345 : jump inner, 9999 : drop }}; }}\n\
             chain inner {{\n{}}}\nchain outer {{\n{}}}\n",
            inner.concat(),
            outer.concat()
        );
        for (number, (head, priority, rules)) in base.into_iter().enumerate() {
            // No two have the same priority: which of these comes first is the kernel's to choose.
            let priority = priority + i32::try_from(number).unwrap();
            text.push_str(&format!("chain base{number} {{ {}\n{}}}\n", head.replace("PRIORITY", &priority.to_string()), rules.concat()));
        }
        text.push_str("}\n");
        text
    })
}

fn base_chain(family: &'static str, way: Way) -> impl Strategy<Value = (String, i32, Vec<String>)> {
    // Apart from each other by the number of base chains in a table, and by the family.
    let apart = match family {
        "inet" => 0,
        "ip" => 4,
        _ => 6,
    };
    let priority =
        select(vec![-300, -300, -200, -150, -50, 0, 20, 150]).prop_map(move |priority| priority + apart);
    let rules = vec(rule(family, &["outer", "inner", "inner"]), 0..6);
    let kind = select(vec!["filter", "filter", "filter", "filter", "filter", "nat"]);
    let policy = select(vec!["accept", "accept", "drop"]);
    let nat = select(vec![
        "accept\n",
        "tcp dport 22 accept\n",
        "tcp dport 2346 redirect to :9999\n",
        "tcp dport 2345-2346 counter drop\n",
        "ip saddr 127.0.0.0/8 counter drop\n",
    ]);
    (kind, select(way.hooks().to_vec()), priority, policy, rules, nat).prop_map(
        move |(kind, hook, priority, policy, rules, nat)| {
            let head = |kind: &str, policy: &str| {
                format!("type {kind} hook {hook} priority PRIORITY; policy {policy};")
            };
            match (kind, hook) {
                // Before -200 connection tracking has not seen what is to be translated; redirect
                // is for the first hooks.
                ("nat", "prerouting" | "output") => {
                    (head("nat", "accept"), -90 + apart, vec![nat.to_owned()])
                }
                ("nat", "postrouting") => {
                    (head("nat", "accept"), 90 + apart, vec!["masquerade\n".to_owned()])
                }
                _ => (
                    head("filter", policy),
                    priority,
                    rules.into_iter().map(|rule| rejecting(&rule, hook)).collect(),
                ),
            }
        },
    )
}

/// Some drops of the hooks of this machine's own programs as rejects; elsewhere nft or the kernel
/// takes none.
fn rejecting(rule: &str, hook: &str) -> String {
    match hook {
        "input" | "output" => rule.replace("drop # or reject", "reject with tcp reset"),
        _ => rule.to_owned(),
    }
}

/// Conditions that fit into one rule: nft takes no IPv4 address beside an IPv6 one.
fn of_one_family(family: &str) -> impl Strategy<Value = &'static str> + use<> {
    let own: &[&[&'static str]] = match family {
        "ip" => &[IPV4, &["meta protocol ip"]],
        "ip6" => &[IPV6, &["meta protocol ip6"]],
        _ => &[INET, IPV4, IPV6],
    };
    let one = select(own.to_vec()).prop_flat_map(select);
    prop_oneof![3 => Just(""), 2 => one]
}

/// A rule whose verdict may call these chains. It counts what it matches right before its verdict.
fn rule(family: &'static str, calls: &'static [&'static str]) -> impl Strategy<Value = String> {
    let any = prop_oneof![2 => Just(""), 3 => select(ANY)];
    let tcp = (select(TCP), any.clone(), any, of_one_family(family))
        .prop_map(|(tcp, first, second, address)| [tcp, first, second, address].join(" "));
    let matching = prop_oneof![12 => tcp, 1 => select(OTHERS).prop_map(str::to_owned)];
    let statement = select(vec!["", "", "", "", "meta mark set 7 ", "notrack ", "ct mark set 3 "]);
    (matching, statement, verdict(family, calls))
        .prop_map(|(matching, statement, verdict)| format!("{matching} {statement}counter {verdict}\n"))
}

fn verdict(family: &'static str, calls: &'static [&'static str]) -> BoxedStrategy<String> {
    let plain = select(vec![
        "accept",
        "accept",
        "accept",
        "drop",
        "drop",
        "drop # or reject",
        "return",
        "continue",
        "",
        "tcp dport vmap { 22 : accept, 2340-2345 : return, 9999 : drop }",
        "tcp sport vmap { 20000-23000 : drop, 23001-27000 : accept }",
        "ct state vmap { new : accept, invalid : drop }",
        "iifname vmap { \"lo\" : accept, \"eth1\" : continue }",
    ])
    .prop_map(str::to_owned);
    if calls.is_empty() {
        return plain.boxed();
    }
    let call = (select(vec!["jump", "jump", "goto"]), select(calls))
        .prop_map(|(verb, chain)| format!("{verb} {chain}"));
    let mapped = (
        select(vec![
            "tcp dport vmap { 22 : CALL, 2345-2346 : CALL }",
            "meta l4proto vmap { 6 : CALL, 17 : drop }",
            "tcp dport vmap @verdicts",
        ]),
        call.clone(),
    )
        .prop_map(|(map, call)| map.replace("CALL", &call));
    // `inner` calls nothing, and the map of verdicts calls it.
    let addresses = match family {
        "ip6" => "ip6 saddr vmap { fd01::11 : CALL, fd01::12 : drop, ::1 : return }",
        _ => "ip saddr vmap { 10.1.1.1 : CALL, 10.1.2.0/24 : drop, 127.0.0.0/8 : return }",
    };
    let by_address = call.clone().prop_map(|call| addresses.replace("CALL", &call));
    prop_oneof![5 => plain, 3 => call, 1 => mapped, 1 => by_address].boxed()
}
