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
fn children_survive_a_main_load_but_may_be_inert() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", GATE);
    m.fine("-f /etc/pf.conf", "");
    assert!(!m.passes(FROM_OTHER) && m.passes(FROM_PEER));
    m.fine("-f -", "pass in on en0 no state\n");
    assert!(m.fine("-a com.apple/x -s rules", "").contains("2345"), "still there");
    assert!(m.passes(FROM_OTHER));
}

#[test]
fn wildcard_evaluates_only_direct_children_by_name() {
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
fn quick_ends_evaluation_else_the_last_match_wins() {
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
fn state_precedes_rules_and_no_state_makes_none() {
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
fn killing_states_takes_hosts_and_no_label() {
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

/// pf_test_fragment: no rule that asks for a port or flags of TCP is asked about a fragment. Seen
/// in xnu's pf in user space.
#[test]
fn fragments_skip_every_rule_with_a_port_or_flags() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", GATE);
    for packet in [FROM_OTHER, "in en0 tcp 2001:db8::6 50000 2001:db8::1 2345"] {
        assert!(!m.passes(packet));
        assert_eq!(m.verdict(&format!("{packet} --fragments"))["why"], "default pass", "{packet}");
    }
    m.fine("-a com.apple/x -f -", "block return quick proto tcp from any to any flags S/SA\n");
    assert!(m.passes(&format!("{FROM_OTHER} --fragments")));
    m.fine("-a com.apple/x -f -", "block return quick proto tcp\n");
    let verdict = m.verdict(&format!("{FROM_OTHER} --fragments"));
    assert_eq!((&verdict["decision"], &verdict["return"]), (&"block".into(), &false.into()));
}

/// Seen in xnu's pf in user space, for IPv4 and IPv6.
#[test]
fn scrubbed_fragments_are_judged_as_the_whole_packet() {
    let mut m = enabled();
    m.fine(
        "-a com.apple/x -f -",
        &format!("scrub in all fragment reassemble\n{}", GATE.replace("table", "#")),
    );
    for packet in [FROM_OTHER, "in en0 tcp 2001:db8::6 50000 2001:db8::1 2345"] {
        let verdict = m.verdict(&format!("{packet} --fragments"));
        assert_eq!((&verdict["decision"], &verdict["why"]), (&"block".into(), &"quick".into()), "{packet}");
    }
    m.fine("-a com.apple/x -F rules", "");
    assert!(m.passes(&format!("{FROM_OTHER} --fragments")), "it goes with the rules");
}

/// pf_normalize_ip: the first that matches, without quick; its protocol is not asked of IPv6
/// (pf_normalize_ip6).
#[test]
fn first_scrub_rule_that_takes_a_packet_decides() {
    let mut m = enabled();
    let gate = format!("scrub in all fragment reassemble\n{}", GATE.replace("table", "#"));
    m.fine("-a com.apple/x -f -", &gate);
    let passes = |m: &mut Machine, main: &str, packet: &str| {
        m.fine("-f -", &format!("{main}\nscrub-anchor \"com.apple/*\"\nanchor \"com.apple/*\"\n"));
        m.passes(&format!("{packet} --fragments"))
    };
    for (main, is_past) in [
        ("", false),
        ("no scrub in all", true),
        ("scrub in all fragment crop", true),
        ("scrub in all fragment drop-ovl", true),
        ("scrub in on en0 no-df", false),
        ("no scrub in on en1", false),
        ("no scrub in proto udp", false),
        ("no scrub in proto tcp", true),
    ] {
        assert_eq!(passes(&mut m, main, FROM_OTHER), is_past, "{main}");
    }
    let ipv6 = "in en0 tcp 2001:db8::6 50000 2001:db8::1 2345";
    assert!(passes(&mut m, "no scrub in proto udp", ipv6));
    m.fine("-f -", "anchor \"com.apple/*\"\n");
    assert!(m.passes(&format!("{FROM_OTHER} --fragments")), "no scrub-anchor evaluates it");
}

#[test]
fn fragment_rule_takes_fragments_and_no_whole_packet() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", "block drop in quick from ! 192.0.2.5 to any fragment\n");
    assert!(m.passes(FROM_OTHER) && !m.passes(&format!("{FROM_OTHER} --fragments")));
    assert!(m.passes(&format!("{FROM_PEER} --fragments")));
}

/// Seen in xnu's pf in user space: what leaves over lo0 has no finished checksum, so pf makes no
/// reset of it; of `in` on lo0, and elsewhere, it does, and it makes an ICMP error always.
#[test]
fn blocked_on_its_way_out_over_lo0_gets_no_reset() {
    let mut m = enabled();
    for (rule, interface, direction, returns) in [
        ("block return quick all", "lo0", "out", false),
        ("block return quick all", "lo0", "in", true),
        ("block return quick all", "en0", "out", true),
        ("block return-icmp quick all", "lo0", "out", true),
        ("block quick all", "lo0", "in", false),
    ] {
        m.fine("-a com.apple/x -f -", &format!("{rule}\n"));
        let packet = format!("{direction} {interface} tcp 127.0.0.1 50000 127.0.0.1 2345");
        let verdict = m.verdict(&packet);
        assert_eq!(
            (&verdict["decision"], &verdict["return"]),
            (&"block".into(), &returns.into()),
            "{rule}: {packet}"
        );
    }
}

/// pf_anchor_setup; seen in xnu's pf in user space.
#[test]
fn star_in_the_main_ruleset_is_an_anchor_of_that_name() {
    let mut m = enabled();
    m.fine("-a x -f -", "block quick all\n");
    m.fine("-f -", "anchor \"*\"\n");
    assert_eq!(m.fine("-s rules", ""), "anchor \"*\" all\n");
    assert!(m.passes(FROM_OTHER));
    m.fine("-f -", "anchor \"y\"\n");
    m.fine("-a y -f -", "anchor \"*\"\n");
    m.fine("-a y/x -f -", "block quick all\n");
    assert!(!m.passes(FROM_OTHER), "elsewhere it is the children of that anchor");
}
