//! What happens to a packet.

use super::*;

#[test]
fn an_anchor_that_no_rule_refers_to_is_inert() {
    let mut m = enabled();
    m.fine("-a mine -f -", "block quick all\n");
    assert_eq!(m.verdict(FROM_OTHER)["why"], "default pass");
    m.fine("-f -", "anchor \"mine\"\n");
    assert_eq!(m.verdict(FROM_OTHER)["anchor"], "mine");
}

#[test]
fn children_survive_a_load_of_the_main_ruleset_and_are_inert_if_it_forgets_them() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", GATE);
    m.fine("-f /etc/pf.conf", "");
    assert!(!m.passes(FROM_OTHER) && m.passes(FROM_PEER));
    m.fine("-f -", "pass in on en0 no state\n");
    assert!(m.fine("-a com.apple/x -s rules", "").contains("2345"), "still there");
    assert!(m.passes(FROM_OTHER));
}

#[test]
fn a_wildcard_evaluates_direct_children_in_string_order_and_nothing_else() {
    let mut m = enabled();
    m.fine("-a com.apple -f -", "block quick all\n");
    m.fine("-a com.apple/x/y -f -", "block quick all\n");
    assert!(m.passes(FROM_OTHER), "not the anchor itself, nor a grandchild");
    m.fine("-a com.apple/9 -f -", "pass quick all no state\n");
    m.fine("-a com.apple/10 -f -", "block quick all\n");
    assert_eq!(m.verdict(FROM_OTHER)["anchor"], "com.apple/10");
    m.fine("-a com.apple/010 -f -", "pass quick all no state\n");
    assert_eq!(m.verdict(FROM_OTHER)["anchor"], "com.apple/010");
}

#[test]
fn quick_ends_the_evaluation_and_else_the_last_match_wins() {
    let mut m = enabled();
    for (rules, passes) in [
        ("block all\npass all no state\n", true),
        ("pass all no state\nblock all\n", false),
        ("pass quick all no state\nblock all\n", true),
    ] {
        m.fine("-a com.apple/x -f -", rules);
        m.fine("-f -", "anchor \"com.apple/*\"\n");
        assert_eq!(m.passes(FROM_OTHER), passes, "{rules}");
    }
    m.fine("-f -", "anchor \"com.apple/*\"\nblock all\n");
    assert_eq!(m.verdict(FROM_OTHER)["why"], "quick", "in an anchor it ends all");
}

#[test]
fn what_no_rule_matches_passes() {
    let mut m = machine();
    m.fine("-a com.apple/x -f -", "block quick all\n");
    assert_eq!(m.verdict(FROM_OTHER)["why"], "pf disabled");
    m.token();
    m.fine("-a com.apple/x -f -", "block quick proto udp all\n");
    assert_eq!(m.verdict(FROM_OTHER)["why"], "default pass");
}

#[test]
fn a_state_is_looked_up_before_the_rules_and_no_state_makes_none() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", "pass in quick all\n");
    assert!(m.passes(FROM_OTHER));
    m.fine("-a com.apple/x -f -", "block quick all\n");
    assert_eq!(m.verdict(&format!("{FROM_OTHER} --established"))["why"], "state");
    m.fine("-a com.apple/x -f -", "pass quick all no state\n");
    assert!(m.passes(FROM_PEER));
    m.fine("-a com.apple/x -f -", "block quick all\n");
    assert!(!m.passes(&format!("{FROM_PEER} --established")));
}

#[test]
fn killing_states_takes_hosts_with_all_their_ports_and_no_label() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", "pass in quick all label \"ours\"\n");
    for port in [22, 2345] {
        m.passes(&format!("in en0 tcp 192.0.2.6 50000 192.0.2.1 {port}"));
    }
    for line in ["-k label -k ours", "-k id -k 1", "-k 192.0.2.6:50000"] {
        assert_eq!(m.run(line, "").code, 1, "{line}");
    }
    assert_eq!(m.run("-k 192.0.2.6 -k 192.0.2.1 -k 192.0.2.1", "").code, 1, "once or twice");
    assert_eq!(m.fine("-s states", "").lines().count(), 2);
    let killed = m.run("-k 192.0.2.6", "").stderr;
    assert_eq!(killed, format!("{ALTQ}killed 2 states from 1 sources and 0 destinations\n"));
}

#[test]
fn an_ipv4_mapped_address_is_no_ipv4_address() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", "block quick from ::ffff:192.0.2.6\n");
    assert!(m.passes(FROM_OTHER));
}
