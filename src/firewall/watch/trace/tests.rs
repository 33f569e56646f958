use super::*;

/// Captured from nft 1.0.6 on Linux 6.18.
const CAPTURED: &str = r#"trace id 97425b36 inet dlvgatewatch_1 output packet: oif "lo" ip saddr 127.0.0.2 ip daddr 127.0.0.1 ip dscp 0x00 ip ecn 0x0 ip ttl 64 ip id 56270 ip protocol 6 ip length 60 tcp sport 35477 tcp dport 2345 tcp flags == 0x2 tcp window 65495 
trace id 97425b36 inet dlvgatewatch_1 output rule tcp dport 2345 tcp flags 0x2 / 0x2,0x10 meta nftrace set 1 (verdict continue)
trace id 97425b36 inet dlvgatewatch_1 output policy accept 
trace id 223eec6d inet dlvgate_1_2345 input packet: iif "lo" @ll,0,112 0x800 ip saddr 127.0.0.2 ip daddr 127.0.0.1 ip dscp 0x00 ip ecn 0x0 ip ttl 64 ip id 56270 ip protocol 6 ip length 60 tcp sport 35477 tcp dport 2345 tcp flags == 0x2 tcp window 65495 
trace id 88451c3d inet dlvgate_1_2345 input packet: iif "lo" @ll,0,112 0x800 ip saddr 127.0.0.1 ip daddr 127.0.0.1 ip dscp 0x00 ip ecn 0x0 ip ttl 64 ip id 35636 ip protocol 6 ip length 60 tcp sport 33532 tcp dport 2345 tcp flags == 0x2 tcp window 65495 
trace id 88451c3d inet dlvgate_1_2345 input rule iif "lo" ip saddr 127.0.0.1 tcp dport 2345 accept comment "dlvgate:1:2345" (verdict accept)
trace id 223eec6d inet dlvgate_1_2345 input rule tcp dport 2345 reject with tcp reset comment "dlvgate:1:2345" (verdict drop)"#;

fn events(text: &str) -> Vec<TraceEvent> {
    let mut traces = Traces::new("dlvgate_");
    text.lines().filter_map(|line| traces.line(line)).collect()
}

fn refused(text: &str) -> Vec<RefusedConnection> {
    let refused = |event| match event {
        TraceEvent::Refused(refused) => Some(refused),
        TraceEvent::Lost => None,
    };
    events(text).into_iter().filter_map(refused).collect()
}

#[test]
fn interleaved_traces_keep_each_refusal_s_packet() {
    let expected = RefusedConnection {
        from: "127.0.0.2".parse().unwrap(),
        from_port: 35477,
        to: "127.0.0.1".parse().unwrap(),
        port: 2345,
        direction: "in",
        interface: Some("lo".to_owned()),
        gate: "table inet dlvgate_1_2345".to_owned(),
        rule: "chain input".to_owned(),
    };
    assert_eq!(refused(CAPTURED), [expected]);
}

#[test]
fn a_rule_that_is_younger_than_the_monitor_counts_too() {
    let rule = "rule tcp dport 2345 reject with tcp reset comment \"dlvgate:1:2345\" (verdict drop)";
    let unknown = CAPTURED.replace(rule, "unknown rule handle 3 (verdict drop)");
    assert_ne!(unknown, CAPTURED);
    assert_eq!(refused(&unknown), refused(CAPTURED));
}

#[test]
fn what_others_drop_is_not_told() {
    assert_eq!(events(&CAPTURED.replace("dlvgate_1_2345", "filter")), []);
}

#[test]
fn ipv6_and_a_policy_are_understood() {
    let all = refused(
        "trace id 1 inet dlvgate_1_2345 input packet: iif \"eth0\" ether saddr 02:00:00:00:00:01 ip6 saddr fe80::1 ip6 daddr fe80::2 ip6 nexthdr 6 tcp sport 50000 tcp dport 2345 tcp flags == 0x2\n\
         trace id 1 inet dlvgate_1_2345 input policy drop \n",
    );
    assert_eq!(all[0].from, "fe80::1".parse::<std::net::IpAddr>().unwrap());
}

#[test]
fn lost_events_are_told() {
    assert_eq!(events("# ERROR: We lost some netlink events!\n"), [TraceEvent::Lost]);
}

#[test]
fn lines_in_any_other_form_are_passed_over() {
    let cut: Vec<String> = CAPTURED.lines().map(|line| line.chars().take(60).collect()).collect();
    assert_eq!(events(&cut.join("\n")), []);
    assert_eq!(
        events("trace id 1 inet dlvgate_1_2345 input rule drop (verdict drop)\ntrace id\n\n# x\n"),
        []
    );
    assert_eq!(
        events("add rule inet t c drop\ntrace id 1 inet dlvgate_1 input packet: (verdict drop)\n"),
        []
    );
}

#[test]
fn packets_without_a_verdict_do_not_pile_up() {
    let mut traces = Traces::new("dlvgate_");
    let packet = CAPTURED.lines().nth(3).unwrap();
    for id in 0..10 * PENDING {
        assert_eq!(traces.line(&packet.replace("223eec6d", &id.to_string())), None);
    }
    assert_eq!(traces.pending.len(), PENDING);
}
