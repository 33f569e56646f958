use super::*;
use crate::firewall::GateOwner;

/// A host whose input is dropped by default in one table, and by a rule of another.
const HOST: &str = r#"{"nftables": [
    {"metainfo": {"version": "1.0.6", "json_schema_version": 1}},
    {"table": {"family": "ip", "name": "filter", "handle": 1}},
    {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
    {"chain": {"family": "ip", "table": "filter", "name": "ufw", "handle": 2}},
    {"rule": {"family": "ip", "table": "filter", "chain": "ufw", "handle": 3, "expr": [{"drop": null}]}},
    {"table": {"family": "inet", "name": "fw", "handle": 2}},
    {"set": {"family": "inet", "name": "ports", "table": "fw", "type": "inet_service", "handle": 9, "elem": [{"range": [1, 2]}]}},
    {"chain": {"family": "inet", "table": "fw", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": 10, "policy": "accept"}},
    {"rule": {"family": "inet", "table": "fw", "chain": "in", "handle": 2, "expr": [{"jump": {"target": "more"}}]}},
    {"chain": {"family": "inet", "table": "fw", "name": "counts", "handle": 3, "type": "filter", "hook": "input", "prio": 20, "policy": "accept"}},
    {"rule": {"family": "inet", "table": "fw", "chain": "counts", "handle": 4, "expr": [{"counter": {"packets": 0, "bytes": 0}}]}},
    {"chain": {"family": "inet", "table": "fw", "name": "routed", "handle": 5, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
    {"chain": {"family": "ip6", "table": "six", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
    {"chain": {"family": "inet", "table": "dlvgate_77_5", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": -300, "policy": "accept"}},
    {"rule": {"family": "inet", "table": "dlvgate_77_5", "chain": "input", "handle": 2, "comment": "dlvgate:77:5", "expr": [{"reject": {"type": "tcp reset"}}]}}
]}"#;

fn host() -> Listing {
    Listing::parse(HOST).unwrap()
}

fn gate(peers: &[&str]) -> NftGate {
    let peers: Vec<_> = peers.iter().map(|peer| peer.parse().unwrap()).collect();
    NftGate::new(40001, &peers, &[], GateOwner { pid: 4711, uid: 1000 })
}

fn commands(now: &Listing, gate: &NftGate, wanted: WantedGate) -> Vec<Value> {
    let transaction = transaction(now, gate, wanted).expect("something to do");
    transaction["nftables"].as_array().unwrap().clone()
}

/// The rules that go to the head of others' chains: chain, and what they say.
fn inserted(commands: &[Value]) -> Vec<(String, String)> {
    let rules = commands.iter().filter_map(|command| command.get("insert"));
    let named = rules.map(|insert| {
        let rule = &insert["rule"];
        assert_eq!(rule["comment"], "dlvgate:4711:40001");
        let word = |key: &str| rule[key].as_str().unwrap().to_owned();
        (format!("{} {} {}", word("family"), word("table"), word("chain")), rule["expr"].to_string())
    });
    named.collect()
}

#[test]
fn a_guarded_loopback_port_is_a_table_of_its_own() {
    let commands = commands(&Listing::default(), &gate(&["127.0.0.1"]), WantedGate::Guarded);
    let lo = json!({"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}});
    let local =
        json!({"match": {"op": "==", "left": {"fib": {"result": "type", "flags": ["daddr"]}}, "right": 2}});
    let port = json!({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 40001}});
    let peers = json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@peers4"}});
    let user = json!({"match": {"op": "!=", "left": {"meta": {"key": "skuid"}}, "right": 1000}});
    let reset = json!({"reject": {"type": "tcp reset"}});
    let rule = |chain: &str, expr: Value| json!({"add": {"rule": {"family": "inet", "table": "dlvgate_4711_40001", "chain": chain, "comment": "dlvgate:4711:40001", "expr": expr}}});
    let chain = |hook: &str, prio: i64| json!({"add": {"chain": {"family": "inet", "table": "dlvgate_4711_40001", "name": hook, "type": "filter", "hook": hook, "prio": prio, "policy": "accept"}}});
    let table = json!({"table": {"family": "inet", "name": "dlvgate_4711_40001"}});
    let expected = [
        json!({"add": table}),
        json!({"delete": table}),
        json!({"add": table}),
        json!({"add": {"set": {"family": "inet", "table": "dlvgate_4711_40001", "name": "peers4", "type": "ipv4_addr", "elem": ["127.0.0.1"]}}}),
        chain("input", -300),
        rule("input", json!([lo, peers, port, {"accept": null}])),
        rule("input", json!([port, reset])),
        chain("output", 300),
        rule("output", json!([port, user, local, reset])),
    ];
    assert_eq!(commands, expected);
}

fn gate_at(at: &[&str], peers: &[&str]) -> NftGate {
    let peers: Vec<_> = peers.iter().map(|peer| peer.parse().unwrap()).collect();
    let at: Vec<_> = at.iter().map(|ip| ip.parse().unwrap()).collect();
    NftGate::new(40001, &peers, &at, GateOwner { pid: 4711, uid: 1000 })
}

/// What a rule asks for, and what it does.
fn said(rule: &Value) -> String {
    let side = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let word = |one: &Value| {
        let left = &one["match"]["left"];
        let name = ["protocol", "field"].map(|key| left["payload"][key].as_str());
        match name {
            [Some(protocol), Some(field)] => format!("{protocol} {field} {}", side(&one["match"]["right"])),
            _ if one.get("match").is_some() => {
                side(left.get("meta").map_or(&left["fib"]["result"], |meta| &meta["key"]))
            }
            _ => side(&Value::from(one.as_object().unwrap().keys().next().unwrap().as_str())),
        }
    };
    rule.as_array().unwrap().iter().map(word).collect::<Vec<_>>().join(", ")
}

#[test]
fn gate_of_an_address_asks_for_it_in_every_rule() {
    let gate = gate_at(&["127.0.0.1"], &["127.0.0.1", "::1"]);
    let of = |rules: Vec<Value>| rules.iter().map(said).collect::<Vec<_>>();
    let reject = "ip daddr 127.0.0.1, tcp dport 40001, reject";
    assert_eq!(
        of(gate.own_rules(WantedGate::Guarded, INPUT)),
        ["iif, ip saddr @peers4, ip daddr 127.0.0.1, tcp dport 40001, accept", reject]
    );
    let user = ["ip daddr 127.0.0.1, tcp dport 40001, skuid, type, reject"];
    assert_eq!(of(gate.own_rules(WantedGate::Guarded, OUTPUT)), user);
    assert_eq!(of(gate.own_rules(WantedGate::Shut, INPUT)), [reject]);
    for (hook, interface) in [(INPUT, "iif"), (OUTPUT, "oif")] {
        let ends = "ip saddr 127.0.0.1, ip daddr 127.0.0.1";
        let there = format!("{interface}, {ends}, tcp dport 40001, accept");
        let back = of(gate.accepts("inet", hook));
        assert_eq!((back.len(), &back[0]), (2, &there), "{back:?}");
        assert!(
            back[1].starts_with(&format!("{interface}, ip daddr 127.0.0.1, ip saddr 127.0.0.1, ")),
            "{back:?}"
        );
        assert!(back[1].ends_with(", tcp sport 40001, accept"), "{back:?}");
    }
}

#[test]
fn gate_of_two_families_has_a_reject_for_each() {
    let gate = gate_at(&["192.0.2.1", "192.0.2.9", "2001:db8::1"], &["192.0.2.0/24", "fe80::1%en0"]);
    let rules: Vec<String> = gate.own_rules(WantedGate::Guarded, INPUT).iter().map(said).collect();
    let both = r#"{"set":["192.0.2.1","192.0.2.9"]}"#;
    let expected = [
        format!("ip saddr @peers4, ip daddr {both}, tcp dport 40001, accept"),
        "iifname, ip6 saddr fe80::1, ip6 daddr 2001:db8::1, tcp dport 40001, accept".to_owned(),
        format!("ip daddr {both}, tcp dport 40001, reject"),
        "ip6 daddr 2001:db8::1, tcp dport 40001, reject".to_owned(),
    ];
    assert_eq!(rules, expected);
    assert!(
        gate_at(&["192.0.2.1"], &["2001:db8::5"]).accepts("inet", INPUT).is_empty(),
        "of no family of its own"
    );
}

#[test]
fn a_port_for_other_machines_has_no_rule_about_users() {
    let commands = commands(&Listing::default(), &gate(&["192.0.2.5", "2001:db8::5"]), WantedGate::Guarded);
    let text = Value::from(commands).to_string();
    assert!(!text.contains("skuid") && !text.contains("\"lo\""), "{text}");
    assert!(text.contains("@peers4") && text.contains("@peers6"), "{text}");
}

#[test]
fn chain_without_inbound_packets_cannot_drop() {
    let translates = r#"{"nftables": [
        {"table": {"family": "ip", "name": "nat", "handle": 1}},
        {"chain": {"family": "ip", "table": "nat", "name": "in", "handle": 1, "type": "nat", "hook": "input", "prio": 100, "policy": "drop"}}
    ]}"#;
    assert_eq!(may_drop(&Listing::parse(translates).unwrap()).count(), 0);
    let host = host();
    let chains: Vec<&str> = may_drop(&host).map(|chain| &*chain.name).collect();
    assert_eq!(chains, ["INPUT", "in", "in"]);
}

#[test]
fn an_ipv4_mapped_peer_is_ipv4() {
    let gate = gate(&["::ffff:192.0.2.6", "192.0.2.6"]);
    let sets = gate.sets(WantedGate::Guarded);
    assert_eq!(sets, [("peers4", "ipv4_addr", vec!["192.0.2.6/32".parse().unwrap()])]);
}

#[test]
fn a_link_local_peer_passes_on_its_interface_only() {
    let gate = gate(&["fe80::1%en0"]);
    assert_eq!(gate.sets(WantedGate::Guarded), []);
    let text = Value::Array(gate.own_rules(WantedGate::Guarded, "input")).to_string();
    assert!(text.contains("iifname") && text.contains("en0") && text.contains("fe80::1"), "{text}");
    assert!(gate.accepts("ip", "input").is_empty() && gate.accepts("ip6", "output").len() == 1);
}

#[test]
fn link_local_peer_is_bound_to_its_interface() {
    let gate = gate(&["fe80::1%en0", "fe80::1%en0"]);
    let is = |key: &str| json!({"match": {"op": "==", "left": {"meta": {"key": key}}, "right": "en0"}});
    let field = |protocol: &str, name: &str, right: Value| json!({"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": name}}, "right": right}});
    let answers = no_first_packet();
    let there = json!([is("iifname"), field("ip6", "saddr", json!("fe80::1")), field("tcp", "dport", json!(40001)), {"accept": null}]);
    let back = json!([is("oifname"), field("ip6", "daddr", json!("fe80::1")), answers, field("tcp", "sport", json!(40001)), {"accept": null}]);
    let reject = gate.own_rules(WantedGate::Shut, INPUT)[0].clone();
    assert_eq!(gate.own_rules(WantedGate::Guarded, INPUT), [there.clone(), reject]);
    assert!(gate.own_rules(WantedGate::Guarded, OUTPUT).is_empty());
    assert_eq!((gate.accepts("inet", INPUT), gate.accepts("ip6", OUTPUT)), (vec![there], vec![back]));
}

#[test]
fn network_is_a_prefix_in_sets_and_other_chains() {
    let commands = commands(&host(), &gate(&["192.0.2.5/24"]), WantedGate::Guarded);
    let prefix = json!({"prefix": {"addr": "192.0.2.0", "len": 24}});
    let set = commands.iter().find_map(|command| command["add"].get("set")).unwrap();
    assert_eq!((&set["elem"], &set["flags"]), (&json!([prefix]), &json!(["interval"])));
    let inserted = inserted(&commands);
    assert_eq!(inserted.len(), 2);
    assert!(inserted.iter().all(|(_, expr)| expr.contains(&prefix.to_string())), "{inserted:?}");
}

#[test]
fn peers_of_a_family_take_one_rule_of_a_chain() {
    let peers: Vec<String> = (0..32)
        .flat_map(|n| {
            [format!("192.0.2.{}", 2 * n), format!("2001:db8::{:x}", 2 * n), format!("fe80::{:x}%en0", 2 * n)]
        })
        .collect();
    let peers: Vec<&str> = peers.iter().map(String::as_str).collect();
    let rules = inserted(&commands(&host(), &gate(&peers), WantedGate::Guarded));
    let of = |chain: &str| rules.iter().filter(|(of, _)| of == chain).count();
    assert_eq!(of("ip filter INPUT"), 1, "{rules:#?}");
    assert_eq!(of("ip6 six in"), 2, "those of one interface have a rule of their own: {rules:#?}");
    assert_eq!(of("inet fw in"), 3, "{rules:#?}");
    for peer in ["192.0.2.0\"", "192.0.2.62\"", "2001:db8::3e\"", "fe80::3e\""] {
        assert!(rules.iter().any(|(_, rule)| rule.contains(peer)), "{peer}");
    }
}

#[test]
fn remote_peer_beside_loopback_opens_to_machines() {
    for other in ["192.0.2.5", "fe80::1%en0"] {
        assert!(gate(&["127.0.0.1", other]).own_rules(WantedGate::Guarded, OUTPUT).is_empty());
    }
}

#[test]
fn a_peer_within_another_is_left_out() {
    let gate = gate(&["192.0.2.0/24", "192.0.2.5", "::ffff:192.0.2.9", "2001:db8::/32"]);
    let sets = gate.sets(WantedGate::Guarded);
    assert_eq!(sets[0].2, ["192.0.2.0/24".parse().unwrap()]);
    assert_eq!(sets[1].2, ["2001:db8::/32".parse().unwrap()]);
}

#[test]
fn gate_without_peers_blocks_all() {
    let gate = gate(&[]);
    assert_eq!(gate.own_rules(WantedGate::Guarded, INPUT), gate.own_rules(WantedGate::Shut, INPUT));
    assert!(inserted(&commands(&host(), &gate, WantedGate::Guarded)).is_empty());
}

#[test]
fn only_chains_that_could_drop_the_packet_get_a_rule() {
    let commands = commands(&host(), &gate(&["192.0.2.5"]), WantedGate::Guarded);
    let inserted = inserted(&commands);
    let chains: Vec<&str> = inserted.iter().map(|(chain, _)| chain.as_str()).collect();
    assert_eq!(
        chains,
        ["ip filter INPUT", "inet fw in"],
        "no forward chain, no ip6 for IPv4, no other dlvgate"
    );
}

/// Of SYN and ACK, not SYN alone.
fn no_first_packet() -> Value {
    json!({"match": {"op": "!=", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, 18]}, "right": 2}})
}

#[test]
fn port_may_send_answers_only() {
    for peers in [&["127.0.0.1"][..], &["192.0.2.0/24", "fe80::1%en0"]] {
        let gate = gate(peers);
        for expr in [gate.accepts("inet", INPUT), gate.accepts("inet", OUTPUT)].concat() {
            let answers = expr.as_array().unwrap().contains(&no_first_packet());
            assert_eq!(answers, expr.to_string().contains("sport"), "{expr}");
        }
    }
}

#[test]
fn over_loopback_the_answers_are_let_through_too() {
    let inserted = inserted(&commands(&host(), &gate(&["127.0.0.1"]), WantedGate::Guarded));
    let of_filter: Vec<_> = inserted.iter().filter(|(chain, _)| chain == "ip filter INPUT").collect();
    assert_eq!(of_filter.len(), 2);
    assert!(of_filter[0].1.contains("dport") && of_filter[1].1.contains("sport"));
    assert!(of_filter.iter().all(|(_, expr)| expr.contains("\"lo\"")), "{of_filter:?}");
}

/// The host with a gate of ours in it.
fn with_our_rules() -> Listing {
    let ours = r#"
        {"table": {"family": "inet", "name": "dlvgate_4711_40001", "handle": 8}},
        {"rule": {"family": "inet", "table": "dlvgate_4711_40001", "chain": "input", "handle": 3, "comment": "dlvgate:4711:40001", "expr": []}},
        {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 41, "comment": "dlvgate:4711:40001", "expr": []}},
        {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 42, "comment": "dlvgate:4711:40002", "expr": []}},
        {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 43, "expr": []}},
        {"metainfo"#;
    Listing::parse(&HOST.replacen("\n    {\"metainfo", ours, 1)).unwrap()
}

#[test]
fn shut_gate_resets_and_leaves_other_chains() {
    let commands = commands(&with_our_rules(), &gate(&["127.0.0.1"]), WantedGate::Shut);
    assert_eq!(
        commands[0],
        json!({"delete": {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 41}}})
    );
    assert!(inserted(&commands).is_empty());
    let text = Value::from(commands).to_string();
    assert!(
        text.contains("tcp reset") && !text.contains("accept\":null") && !text.contains("peers"),
        "{text}"
    );
    assert_eq!(text.matches("\"handle\"").count(), 1, "another program's rule is deleted: {text}");
}

#[test]
fn removal_deletes_our_table_and_rules_only() {
    let commands = commands(&with_our_rules(), &gate(&["127.0.0.1"]), WantedGate::Gone);
    let expected = [
        json!({"delete": {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 41}}}),
        json!({"delete": {"table": {"family": "inet", "name": "dlvgate_4711_40001"}}}),
    ];
    assert_eq!(commands, expected);
}

#[test]
fn after_a_flush_there_is_nothing_to_take_away() {
    assert!(transaction(&Listing::default(), &gate(&["127.0.0.1"]), WantedGate::Gone).is_none());
    assert!(transaction(&host(), &gate(&["127.0.0.1"]), WantedGate::Gone).is_none());
}

#[test]
fn a_dormant_table_drops_nothing() {
    let dormant = HOST.replace(
        r#""name": "filter", "handle": 1}"#,
        r#""name": "filter", "handle": 1, "flags": ["dormant"]}"#,
    );
    let now = Listing::parse(&dormant).unwrap();
    let inserted = inserted(&commands(&now, &gate(&["192.0.2.5"]), WantedGate::Guarded));
    assert!(inserted.iter().all(|(chain, _)| chain != "ip filter INPUT"), "{inserted:?}");
}

#[test]
fn names_fit_nftables_limits() {
    let gate = NftGate::new(u16::MAX, &[], &[], GateOwner { pid: u32::MAX, uid: 0 });
    assert!(gate.table().len() < 256, "NFT_TABLE_MAXNAMELEN");
    assert!(gate.mark().len() < 128, "NFTNL_UDATA_COMMENT_MAXLEN");
}

#[test]
fn loopback_gate_checks_interface_and_end_each_way() {
    let gate = gate(&["127.0.0.1"]);
    let keys = |hook: &str| {
        let rules = gate.accepts("ip", hook);
        let keys = rules.iter().flat_map(|rule| rule.as_array().unwrap().iter());
        let key = |one: &Value| {
            let left = &one["match"]["left"];
            left["meta"]["key"].as_str().or(left["payload"]["field"].as_str()).map(str::to_owned)
        };
        keys.filter_map(key).collect::<Vec<_>>()
    };
    assert_eq!(keys(INPUT)[..3], ["iif", "saddr", "dport"]);
    assert_eq!(keys(OUTPUT)[..3], ["oif", "daddr", "dport"]);
}

#[test]
fn gate_is_recognized_by_table_and_rules() {
    use crate::firewall::nftables::gate::{of_mark, of_table};
    assert_eq!(of_table("dlvgate_4711_40001"), Some((4711, 40001)));
    assert_eq!(of_mark("dlvgate:4711:40001"), Some((4711, 40001)));
    for other in ["filter", "dlvgate_", "dlvgate_4711", "dlvgate_4711_70000", "dlvgate_x_1"] {
        assert_eq!(of_table(other), None, "{other}");
    }
}
