use super::super::compare::Test;
use super::*;

fn rule(text: &str) -> PfRule {
    match line(text, &Services::parse("ssh 22/tcp\n")) {
        PrintedLine::Rule(rule) => *rule,
        PrintedLine::Scrub(_) | PrintedLine::Other => panic!("{text} is of another list"),
    }
}

#[test]
fn our_own_gate_is_read_whole() {
    let pass =
        rule("pass in quick proto tcp from <peers> to any port = 2345 no state label \"dlvgate:2345\"");
    assert_eq!(
        (&pass.action, pass.direction, pass.quick),
        (&RuleAction::Pass, Some(PacketDirection::In), true)
    );
    assert_eq!(pass.from.host, Host::Table("peers".to_owned()));
    assert!(matches!(pass.to.port, Some(Test::Of(test)) if test.holds(2345) && !test.holds(2346)));
    assert_eq!(pass.unknown, [""; 0]);
    let deny =
        rule("block return in log quick proto tcp from any to any port = 2345 label \"dlvgate:2345:deny\"");
    assert_eq!((&deny.action, deny.quick, deny.unknown.len()), (&RuleAction::Block, true, 0));
}

#[test]
fn loopback_and_link_local_gates_parse_completely() {
    let user = rule(
        "block return out log quick on lo0 proto tcp from any to any port = 2345 user != 501 label \"dlvgate:2345:user\"",
    );
    assert_eq!(
        (&user.action, user.direction, user.quick),
        (&RuleAction::Block, Some(PacketDirection::Out), true)
    );
    assert_eq!(user.interface, Some(Interface { negated: false, name: "lo0".to_owned() }));
    assert!(matches!(user.user, Some(Test::Of(test)) if test.holds(502) && !test.holds(501)));
    let answer = rule(
        "pass quick on lo0 proto tcp from any port = 2345 to <peers> flags A/A no state label \"dlvgate:2345\"",
    );
    assert_eq!(answer.flags, Some(Flags { set: "A".to_owned(), mask: "A".to_owned() }));
    let peer = rule(
        "pass in quick on en0 inet6 proto tcp from fe80::1 to any port = 2345 no state label \"dlvgate:2345\"",
    );
    assert_eq!(peer.interface, Some(Interface { negated: false, name: "en0".to_owned() }));
    assert_eq!((peer.is_ipv4, peer.from.host), (Some(false), Host::Net("fe80::1/128".parse().unwrap())));
    assert_eq!([user.unknown, answer.unknown, peer.unknown].concat(), [""; 0]);
}

#[test]
fn the_parts_that_pfctl_prints_are_understood() {
    for text in [
        "pass all flags S/SA keep state",
        "block drop in log (all, to pflog1) quick on ! en0 inet6 proto udp from fe80::/10 to ! <bad>",
        "block return-icmp(port-unr, 3) in all",
        "block return-rst(ttl 5) in proto tcp all",
        "pass out proto tcp from any port 1024:65535 to 10.0.0.0/8 port >= 5000 user != unknown flags any keep state (if-bound)",
        "pass in on en0 reply-to (en0 10.0.0.1) inet all no state tag VPN allow-opts rtable 1",
        "anchor \"com.apple/*\" all",
    ] {
        assert_eq!(rule(text).unknown, [""; 0], "{text}");
    }
    let pass = rule("pass in on ! en0 inet from ! 10.0.0.0/8 to any");
    assert_eq!(pass.interface, Some(Interface { negated: true, name: "en0".to_owned() }));
    assert!(pass.from.negated && pass.is_ipv4 == Some(true));
}

#[test]
fn service_name_is_its_port_and_is_never_guessed() {
    let port = |text: &str| rule(text).to.port.unwrap();
    assert!(matches!(port("pass proto tcp from any to any port = ssh"), Test::Of(test) if test.holds(22)));
    assert_eq!(port("pass proto tcp from any to any port = dbm no state"), Test::Unknown("= dbm".to_owned()));
}

#[test]
fn what_is_not_understood_is_kept_as_unknown() {
    for (text, unknown) in [
        ("pass in all tagged VPN flags S/SA keep state", "tagged VPN flags S/SA keep state"),
        ("block drop in proto tcp all group = 20", "group = 20"),
        ("pass out route-to (en1 10.0.0.1) all no state", "route-to (en1 10.0.0.1)"),
        ("pass in all keep state (max 10)", "keep state (max 10)"),
        ("block drop in all probability 50%", "probability 50%"),
        ("match in all", "match in all"),
        ("anchor in all {", "anchor in all {"),
        ("anchor \"x\" all {", "{"),
    ] {
        assert_eq!(rule(text).unknown, [unknown], "{text}");
    }
    assert_eq!(rule("pass from (en0) to any").from.host, Host::Unknown("(en0)".to_owned()));
    assert_eq!(
        rule("pass from 10.0.0.1 - 10.0.0.9 to any").from.host,
        Host::Unknown("10.0.0.1 - 10.0.0.9".to_owned())
    );
}

#[test]
fn rules_of_other_lists_are_told_from_the_filter_s() {
    for text in
        ["no nat on en0 all", "rdr on lo0 inet proto tcp from any to any port = 80 -> 127.0.0.1 port 8080"]
    {
        assert_eq!(line(text, &Services::default()), PrintedLine::Other, "{text}");
    }
}

#[test]
fn wildcards_name_the_anchor_whose_children_are_meant() {
    let call = |text: &str| match rule(text).action {
        RuleAction::Anchor(call) => call.path("a"),
        other => panic!("{other:?}"),
    };
    assert_eq!(call("anchor \"com.apple/*\" all"), ("a/com.apple".to_owned(), true));
    assert_eq!(call("anchor \"*\" all"), ("a".to_owned(), true));
    assert_eq!(call("anchor \"x\" in on en0 all"), ("a/x".to_owned(), false));
}

#[test]
fn scrub_rule_is_read_with_what_it_does_to_fragments() {
    let scrub = |text: &str| match line(text, &Services::default()) {
        PrintedLine::Scrub(rule) => *rule,
        other => panic!("{text}: {other:?}"),
    };
    for (text, together) in [
        ("scrub in all fragment reassemble", true),
        ("scrub in on en0 proto tcp from <peers> to any no-df max-mss 1400 fragment reassemble", true),
        ("scrub in all fragment crop", false),
        ("scrub in all no-df fragment drop-ovl", false),
        ("no scrub in on en0 all", false),
    ] {
        let rule = scrub(text);
        assert_eq!(rule.action, RuleAction::Scrub(together), "{text}");
        assert_eq!(rule.direction, Some(PacketDirection::In), "{text}");
    }
    let anchor = scrub("scrub-anchor \"com.apple/*\" all fragment reassemble");
    assert_eq!(anchor.action, RuleAction::Anchor(AnchorCall("com.apple/*".to_owned())));
}

#[test]
fn rule_for_fragments_is_known_as_such() {
    let rule = rule("block drop in quick from ! <peers> to any fragment label \"x\"");
    assert!(rule.fragment && rule.unknown.is_empty(), "{:?}", rule.unknown);
}
