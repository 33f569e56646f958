use crate::run::tests::{Machine, machine};
use serde_json::Value;

fn on() -> Machine {
    let mut m = machine();
    assert_eq!(m.run("-E", "").code, 0);
    m
}

fn load(m: &mut Machine, anchor: &str, rules: &str) {
    let line = if anchor.is_empty() { "-f -".to_owned() } else { format!("-a {anchor} -f -") };
    let answer = m.run(&line, rules);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

fn decide(m: &mut Machine, packet: &str) -> Value {
    serde_json::from_str(&m.run(&format!("--standin evaluate {packet}"), "").stdout).unwrap()
}

fn decision(m: &mut Machine, packet: &str) -> String {
    decide(m, packet)["decision"].as_str().unwrap().to_owned()
}

const FROM_PEER: &str = "in en0 tcp 10.0.0.9 50000 10.0.0.5 2345";
const REPLY: &str = "out en0 tcp 10.0.0.5 2345 10.0.0.9 50000";

#[test]
fn pf_that_is_off_and_pf_without_a_matching_rule_pass() {
    let mut m = machine();
    load(&mut m, "com.apple/x", "block all\n");
    assert_eq!(decide(&mut m, FROM_PEER)["why"], "pf disabled");
    load(&mut m, "com.apple/x", "block proto udp all\n");
    m.run("-E", "");
    assert_eq!(decide(&mut m, FROM_PEER)["why"], "default pass");
}

#[test]
fn the_last_match_wins_unless_a_quick_one_came_first() {
    let mut m = on();
    load(&mut m, "", "block all\npass all no state\n");
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
    load(&mut m, "", "block quick all\npass all no state\n");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
}

#[test]
fn quick_in_an_anchor_ends_the_whole_evaluation() {
    let mut m = on();
    load(&mut m, "", "anchor \"x\"\nblock all\n");
    load(&mut m, "x", "pass all no state\n");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
    load(&mut m, "x", "pass quick all no state\n");
    let verdict = decide(&mut m, FROM_PEER);
    assert_eq!((&verdict["decision"], &verdict["anchor"]), (&"pass".into(), &"x".into()));
}

#[test]
fn a_wildcard_takes_direct_children_only() {
    let mut m = on();
    load(&mut m, "com.apple", "block quick all\n");
    load(&mut m, "com.apple/x/y", "block quick all\n");
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
    load(&mut m, "com.apple/x", "block quick all\n");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
}

#[test]
fn children_come_in_string_order() {
    let mut m = on();
    load(&mut m, "com.apple/10", "block quick all\n");
    load(&mut m, "com.apple/9", "pass quick all no state\n");
    assert_eq!(decide(&mut m, FROM_PEER)["anchor"], "com.apple/10");
    load(&mut m, "com.apple/010", "pass quick all no state\n");
    assert_eq!(decide(&mut m, FROM_PEER)["anchor"], "com.apple/010");
}

#[test]
fn an_anchor_that_nothing_calls_is_inert() {
    let mut m = on();
    load(&mut m, "mine", "block quick all\n");
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
}

#[test]
fn a_state_passes_before_any_rule() {
    let mut m = on();
    load(&mut m, "com.apple/x", "pass in all\n");
    assert_eq!(decide(&mut m, FROM_PEER)["why"], "last match");
    load(&mut m, "com.apple/x", "block quick all\n");
    assert_eq!(decide(&mut m, FROM_PEER)["why"], "state");
    assert_eq!(decide(&mut m, REPLY)["why"], "state");
    m.run("-F states", "");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
}

#[test]
fn no_state_and_a_dry_evaluation_make_no_state() {
    let mut m = on();
    load(&mut m, "com.apple/x", "pass in all\n");
    decide(&mut m, &format!("{FROM_PEER} --dry"));
    load(&mut m, "com.apple/y", "pass in quick all no state\n");
    decide(&mut m, FROM_PEER);
    assert!(m.state.states.is_empty());
}

#[test]
fn a_stateful_pass_takes_first_packets_only() {
    let mut m = on();
    load(&mut m, "com.apple/x", "block all\npass in all\n");
    assert_eq!(decision(&mut m, &format!("{FROM_PEER} --established")), "block");
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
}

#[test]
fn guarded_port_passes_its_peer_only() {
    let mut m = on();
    let gate = "table <peers> persist { 10.0.0.9 }
pass in quick proto tcp from <peers> to any port 2345 no state
pass out quick proto tcp from any port 2345 to <peers> no state
block return in log quick proto tcp from any to any port 2345
";
    load(&mut m, "com.apple/010.gate", gate);
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
    assert_eq!(decision(&mut m, REPLY), "pass");
    assert_eq!(decide(&mut m, "in en0 tcp 10.0.0.8 50000 10.0.0.5 2345")["return"], true);
    m.run("-a com.apple/010.gate -t peers -T replace 10.0.0.8", "");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
}

#[test]
fn rule_with_an_address_leaves_others_alone() {
    let mut m = on();
    let gate = "table <peers> persist { 127.0.0.1 }
pass quick on lo0 inet proto tcp from <peers> to 127.0.0.1 port 2345 no state
pass quick on lo0 inet proto tcp from 127.0.0.1 port 2345 to <peers> flags A/A no state
block return in log quick inet proto tcp from any to 127.0.0.1 port 2345
block return in log quick inet6 proto tcp from any to ::1 port 2345
";
    load(&mut m, "com.apple/010.gate", gate);
    for (from, to, decided) in [
        ("127.0.0.1", "127.0.0.1", "pass"),
        ("127.0.0.2", "127.0.0.1", "block"),
        ("127.0.0.2", "127.0.0.2", "pass"),
        ("::1", "::1", "block"),
        ("::2", "::2", "pass"),
    ] {
        assert_eq!(
            decision(&mut m, &format!("in lo0 tcp {from} 50000 {to} 2345")),
            decided,
            "{from} to {to}"
        );
    }
}

#[test]
fn a_skipped_interface_is_not_filtered() {
    let mut m = on();
    load(&mut m, "", "set skip on lo0\nblock quick all\n");
    assert_eq!(decision(&mut m, "out lo0 tcp 127.0.0.1 1 127.0.0.1 2"), "pass");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
}

#[test]
fn a_user_rule_asks_for_the_sockets_owner() {
    let mut m = on();
    load(
        &mut m,
        "com.apple/x",
        "block return out quick on lo0 proto tcp from any to any port 30001 user != 501\n",
    );
    let packet = "out lo0 tcp 127.0.0.1 50000 127.0.0.1 30001";
    assert_eq!(decision(&mut m, &format!("{packet} --uid 501")), "pass");
    assert_eq!(decision(&mut m, &format!("{packet} --uid 502")), "block");
}

#[test]
fn quick_anchor_forgets_a_match_at_a_nested_anchor() {
    let mut m = on();
    load(&mut m, "", "anchor \"x\" quick\nblock all\n");
    load(&mut m, "x", "pass all no state\n");
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
    load(&mut m, "x", "pass all no state\nanchor \"y\"\n");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
    load(&mut m, "x/y", "pass all no state\n");
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
    // Of a wildcard's children a match counts for the wildcard's own line only.
    load(&mut m, "x", "anchor \"*\"\n");
    assert_eq!(decision(&mut m, FROM_PEER), "block");
    load(&mut m, "x", "anchor \"*\" quick\n");
    assert_eq!(decision(&mut m, FROM_PEER), "pass");
}
