use serde_json::json;

use super::super::ruleset::transaction;
use super::*;
use crate::firewall::GateOwner;

const HOST: &str = r#"{"nftables": [
    {"table": {"family": "ip", "name": "filter", "handle": 1}},
    {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}
]}"#;

fn gate_for(peers: &[&str]) -> NftGate {
    let peers: Vec<_> = peers.iter().map(|peer| peer.parse().unwrap()).collect();
    NftGate::new(40001, &peers, &[], GateOwner { pid: 4711, uid: 1000 })
}

fn gate() -> NftGate {
    gate_for(&["127.0.0.1"])
}

/// What nft prints after a transaction on a host: its own objects with handles.
fn printed_after(state: WantedGate) -> Vec<Value> {
    printed_of(&gate(), state)
}

fn printed_of(gate: &NftGate, state: WantedGate) -> Vec<Value> {
    let host = Listing::parse(HOST).unwrap();
    let mut objects: Vec<Value> =
        serde_json::from_str::<Value>(HOST).unwrap()["nftables"].as_array().unwrap().clone();
    let commands = transaction(&host, gate, state).unwrap();
    for (handle, command) in commands["nftables"].as_array().unwrap().iter().enumerate().skip(2) {
        let mut object = command.get("add").or(command.get("insert")).expect("a new object").clone();
        for (_, value) in object.as_object_mut().unwrap() {
            value["handle"] = json!(handle);
        }
        objects.push(object);
    }
    objects
}

fn missing_of(objects: &[Value], state: WantedGate) -> Option<String> {
    missing_of_gate(&gate(), objects, state)
}

fn missing_of_gate(gate: &NftGate, objects: &[Value], state: WantedGate) -> Option<String> {
    missing(&Listing::parse(&json!({"nftables": objects}).to_string()).unwrap(), gate, state)
}

fn replaced(objects: &[Value], from: &str, to: &str) -> Vec<Value> {
    let text = Value::from(objects).to_string();
    assert!(text.contains(from), "no {from} in {text}");
    serde_json::from_str(&text.replace(from, to)).unwrap()
}

#[test]
fn what_was_loaded_is_what_is_there() {
    assert_eq!(missing_of(&printed_after(WantedGate::Guarded), WantedGate::Guarded), None);
    assert_eq!(missing_of(&printed_after(WantedGate::Shut), WantedGate::Shut), None);
    assert_eq!(missing(&Listing::parse(HOST).unwrap(), &gate(), WantedGate::Gone), None);
}

#[test]
fn no_gate_stands_without_any_part_of_it() {
    let whole = printed_after(WantedGate::Guarded);
    let ours = |object: &Value| object.to_string().contains("dlvgate");
    for place in (0..whole.len()).filter(|place| ours(&whole[*place])) {
        let mut objects = whole.clone();
        let without = objects.remove(place);
        assert!(missing_of(&objects, WantedGate::Guarded).is_some(), "without {without}");
    }
}

#[test]
fn a_rule_that_says_something_else_is_no_proof() {
    let changes = [
        ("40001}}", "40002}}"),
        ("127.0.0.1", "127.0.0.9"),
        ("\"prio\":-300", "\"prio\":300"),
        ("\"prio\":300", "\"prio\":-300"),
        ("1000", "1001"),
    ];
    for (from, to) in changes {
        let objects = replaced(&printed_after(WantedGate::Guarded), from, to);
        assert!(missing_of(&objects, WantedGate::Guarded).is_some(), "{from} as {to}");
    }
}

#[test]
fn networks_are_proved_as_prefixes_or_as_ranges() {
    let gate = gate_for(&["192.0.2.0/24", "192.0.2.5", "198.51.100.7", "fe80::1%en0"]);
    let whole = printed_of(&gate, WantedGate::Guarded);
    let missing = |objects: &[Value]| missing_of_gate(&gate, objects, WantedGate::Guarded);
    assert_eq!(missing(&whole), None);
    let elements = r#"[{"prefix":{"addr":"192.0.2.0","len":24}},"198.51.100.7"]"#;
    let range = r#"["198.51.100.7",{"range":["192.0.2.0","192.0.2.255"]}]"#;
    assert_eq!(missing(&replaced(&whole, elements, range)), None);
    for (from, to) in [
        (elements, r#"["198.51.100.7",{"prefix":{"addr":"192.0.2.0","len":23}}]"#),
        (elements, r#"["198.51.100.7",{"range":["192.0.2.0","192.0.3.0"]}]"#),
        (elements, r#"["198.51.100.7"]"#),
        ("en0", "en1"),
        ("fe80::1", "fe80::2"),
    ] {
        assert!(missing(&replaced(&whole, from, to)).is_some(), "{from} as {to}");
    }
}

#[test]
fn gate_of_addresses_is_proved_with_them_alone() {
    let at = ["127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap()];
    let gate =
        |at| NftGate::new(40001, &["127.0.0.1".parse().unwrap()], at, GateOwner { pid: 4711, uid: 1000 });
    for state in [WantedGate::Guarded, WantedGate::Shut] {
        for (one, other) in
            [(&at[..1], &at[1..]), (&at[..], &at[..1]), (&at[..1], &at[..]), (&at[..1], &at[..0])]
        {
            let there = printed_of(&gate(one), state);
            assert_eq!(missing_of_gate(&gate(one), &there, state), None);
            assert!(missing_of_gate(&gate(other), &there, state).is_some(), "{one:?} for {other:?}");
        }
    }
}

#[test]
fn set_without_a_name_is_its_addresses_in_any_form() {
    let gate = gate_for(&["192.0.2.5", "192.0.2.6", "198.51.100.0/24"]);
    let set = |elements: &str| format!("\"set\":[{elements}]");
    let prefix = "{\"prefix\":{\"addr\":\"198.51.100.0\",\"len\":24}}";
    let loaded = set(&format!("\"192.0.2.5\",\"192.0.2.6\",{prefix}"));
    let objects = printed_of(&gate, WantedGate::Guarded);
    assert!(objects.iter().any(|object| object.to_string().contains(&loaded)), "{objects:#?}");
    assert_eq!(missing_of_gate(&gate, &objects, WantedGate::Guarded), None);
    let joined = set(&format!("{prefix},{{\"range\":[\"192.0.2.5\",\"192.0.2.6\"]}}"));
    assert_eq!(missing_of_gate(&gate, &replaced(&objects, &loaded, &joined), WantedGate::Guarded), None);
    let fewer = set(&format!("\"192.0.2.5\",{prefix}"));
    let missing = missing_of_gate(&gate, &replaced(&objects, &loaded, &fewer), WantedGate::Guarded).unwrap();
    assert!(missing.contains("does not let the peers through"), "{missing}");
}

#[test]
fn leftover_gate_for_other_peers_is_named() {
    let gate = gate_for(&["192.0.2.0/24"]);
    let left = |peers: &[&str]| {
        let theirs = replaced(&printed_of(&gate_for(peers), WantedGate::Guarded), "4711", "99");
        let tables = theirs.into_iter().filter(|object| object.to_string().contains("dlvgate_99_"));
        [printed_of(&gate, WantedGate::Guarded), tables.collect()].concat()
    };
    assert_eq!(
        missing_of_gate(&gate, &left(&["192.0.2.0/24"]), WantedGate::Guarded),
        None,
        "it says the same"
    );
    let why = missing_of_gate(&gate, &left(&["192.0.2.0/25"]), WantedGate::Guarded).unwrap();
    assert!(why.contains("the table inet dlvgate_99_40001") && !why.contains("delete"), "{why}");
}

#[test]
fn accept_behind_another_rule_does_not_count() {
    let mut objects = printed_after(WantedGate::Guarded);
    let first = json!({"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 99, "expr": [{"drop": null}]}});
    objects.insert(2, first);
    let why = missing_of(&objects, WantedGate::Guarded).unwrap();
    assert!(why.contains("ip filter INPUT"), "{why}");
}

#[test]
fn a_chain_that_appeared_meanwhile_is_noticed() {
    let mut objects = printed_after(WantedGate::Guarded);
    objects.push(json!({"chain": {"family": "inet", "table": "new", "name": "in", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}));
    let why = missing_of(&objects, WantedGate::Guarded).unwrap();
    assert!(why.contains("inet new in"), "{why}");
}

#[test]
fn an_accept_that_is_left_is_no_shut_gate() {
    let mut objects = printed_after(WantedGate::Shut);
    let accept = json!({"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 77, "comment": "dlvgate:4711:40001", "expr": [{"accept": null}]}});
    objects.push(accept);
    let why = missing_of(&objects, WantedGate::Shut).unwrap();
    assert!(why.contains("handle 77"), "{why}");
    assert!(missing_of(&printed_after(WantedGate::Shut), WantedGate::Guarded).is_some());
    assert!(missing_of(&printed_after(WantedGate::Shut), WantedGate::Gone).is_some());
}

#[test]
fn a_shut_gate_that_a_killed_dlvgate_left_is_named() {
    let left = |state| {
        replaced(&printed_after(state), "4711", "99")
            .into_iter()
            .filter(|object| object.to_string().contains("dlvgate_99_"))
    };
    let mut objects = printed_after(WantedGate::Guarded);
    objects.extend(left(WantedGate::Guarded));
    assert_eq!(missing_of(&objects, WantedGate::Guarded), None, "it says the same");
    let mut objects = printed_after(WantedGate::Guarded);
    objects.extend(left(WantedGate::Shut));
    let why = missing_of(&objects, WantedGate::Guarded).unwrap();
    assert!(why.contains("the table inet dlvgate_99_40001") && !why.contains("delete"), "{why}");
}

#[test]
fn table_that_is_not_in_the_way_is_not_blamed() {
    let whole = printed_after(WantedGate::Guarded);
    let ours = |object: &&Value| object.to_string().contains("dlvgate_4711_40001");
    let twin: Vec<Value> = whole.iter().filter(ours).cloned().collect();
    let twin = replaced(&twin, "dlvgate_4711_40001", "dlvgate_99_40001");
    let harsher = replaced(&twin, "{\"accept\":null}", "{\"drop\":null}");
    assert_eq!(
        missing_of(&[whole.clone(), twin].concat(), WantedGate::Guarded),
        None,
        "it says what ours says"
    );
    let blamed = missing_of(&[whole.clone(), harsher].concat(), WantedGate::Guarded).unwrap();
    assert!(blamed.contains("dlvgate_99_40001"), "{blamed}");
    for (family, name) in [("ip", "dlvgate_99_40001"), ("inet", "dlvgate_99_50000"), ("inet", "host_40001")] {
        let table = json!({"table": {"family": family, "name": name, "handle": 99}});
        assert_eq!(
            missing_of(&[whole.clone(), vec![table]].concat(), WantedGate::Guarded),
            None,
            "{family} {name}"
        );
    }
    let table = json!({"table": {"family": "inet", "name": "dlvgate_99_40001", "handle": 99}});
    let blamed = missing_of(&[whole, vec![table]].concat(), WantedGate::Guarded).unwrap();
    assert!(blamed.contains("dlvgate_99_40001"), "{blamed}");
}

#[test]
fn a_table_that_sleeps_is_no_gate() {
    let mut objects = printed_after(WantedGate::Guarded);
    let ours = |object: &&mut Value| object["table"]["name"] == "dlvgate_4711_40001";
    let table = objects.iter_mut().find(ours).expect("our table");
    table["table"]["flags"] = json!(["dormant"]);
    assert!(missing_of(&objects, WantedGate::Guarded).is_some_and(|why| why.contains("dormant")));
}
