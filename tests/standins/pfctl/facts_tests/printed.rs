//! How rules and states are printed.

use super::*;

#[test]
fn a_state_is_printed_with_this_machine_first() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", "pass quick all\n");
    m.passes("in en0 tcp 10.0.0.9 52998 10.0.0.5 2345");
    m.passes("out en0 tcp 10.0.0.5 52999 10.0.0.9 2345");
    assert_eq!(
        m.fine("-s states", ""),
        "ALL tcp 10.0.0.5:2345 <- 10.0.0.9:52998       ESTABLISHED:ESTABLISHED\n\
         ALL tcp 10.0.0.5:52999 -> 10.0.0.9:2345       ESTABLISHED:ESTABLISHED\n"
    );
}

#[test]
fn a_rule_is_printed_back_normalized() {
    let mut m = machine();
    for (loaded, printed) in [
        ("pass in proto tcp to port 22 no state", "pass in proto tcp from any to any port = 22 no state"),
        ("pass in proto tcp to port ssh no state", "pass in proto tcp from any to any port = 22 no state"),
        ("pass", "pass all flags S/SA keep state"),
        ("pass proto tcp all flags any", "pass proto tcp all flags any keep state"),
        ("pass proto tcp all flags any no state", "pass proto tcp all no state"),
        ("block all", "block drop all"),
        ("block return in log quick all", "block return in log quick all"),
        ("pass from 10.1.2.3/8 no state", "pass inet from 10.0.0.0/8 to any no state"),
        ("block from ::ffff:192.0.2.5", "block drop inet6 from ::ffff:192.0.2.5 to any"),
        ("block in from fe80::1%en0", "block drop in on en0 inet6 from fe80::1 to any"),
        ("block return-icmp out log quick all", "block return-icmp(port-unr, port-unr) out log quick all"),
        ("block in from any to any fragment", "block drop in all fragment"),
        ("scrub in all fragment reassemble", "scrub in all fragment reassemble"),
        ("scrub in all no-df", "scrub in all no-df fragment reassemble"),
        ("anchor \"x/*\"", "anchor \"x/*\" all"),
    ] {
        m.fine("-a y -f -", &format!("{loaded}\n"));
        assert_eq!(m.fine("-a y -s rules", ""), format!("{printed}\n"), "{loaded}");
    }
    m.fine("-a y -f -", "pass proto { tcp udp } to port { 1 2 } no state\n");
    assert_eq!(m.fine("-a y -s rules", "").lines().count(), 4, "a list is a rule each");
    assert_eq!(m.fine("-n -v -f -", "anchor \"com.apple/*\"\n"), "anchor \"/*\" all\n");
}

#[test]
fn counters_and_numbers_are_printed_for_v_and_vv() {
    let mut m = enabled();
    m.fine("-a com.apple/x -f -", "block quick all\n");
    m.passes(FROM_OTHER);
    let page = m.fine("-a com.apple/x -s rules -v", "");
    let counters = page.lines().nth(1).unwrap();
    assert!(counters.starts_with("  [ Evaluations: 1 ") && counters.ends_with(']'), "{page}");
    assert_eq!(page.lines().nth(2), Some("  [ Inserted: uid 0 pid 7 ]"), "{page}");
    let page = m.fine("-a com.apple/x -s rules -vv", "");
    assert!(page.starts_with("@0 block drop quick all\n"), "{page}");
    let owner = "  [ Owner : nil           Priority : 0     ]";
    assert_eq!(page.lines().nth(1), Some(owner), "{page}");
    assert!(page.lines().nth(2).is_some_and(|line| line.starts_with("  [ Evaluations: ")), "{page}");
}

/// Seen in xnu's pf in user space.
#[test]
fn ports_are_printed_by_name_with_capital_m_only() {
    let mut m = machine();
    m.fine("-a y -f -", "block proto tcp to port 22\n");
    for (line, port) in [("-a y -s rules", "22"), ("-a y -M -s rules", "ssh")] {
        assert_eq!(m.fine(line, ""), format!("block drop proto tcp from any to any port = {port}\n"));
    }
}
