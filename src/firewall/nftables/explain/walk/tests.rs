use serde_json::{Value, json};

use super::super::{Explanation, LOOPBACK, NftListings, explain};
use super::*;
use crate::firewall::explain::{Fate, PacketDirection, PacketQuery, Verdict};

/// A base chain in a table of its own, or, without a hook, a chain beside the one before.
struct Given<'a>(&'a str, &'a str, i64, &'a str, Vec<Value>);

fn answer(given: Vec<Given<'_>>, question: &PacketQuery) -> Explanation {
    let mut objects = Vec::new();
    let (mut table, mut handle) = (String::new(), 0);
    for Given(name, hook, priority, policy, rules) in given {
        let mut chain = json!({"family": "inet", "name": name});
        if !hook.is_empty() {
            table = format!("of-{name}");
            objects.push(json!({"table": {"family": "inet", "name": table}}));
            let kind = if name.starts_with("nat") { "nat" } else { "filter" };
            chain = json!({"family": "inet", "name": name, "type": kind, "hook": hook, "prio": priority, "policy": policy});
        }
        chain["table"] = json!(table);
        objects.push(json!({ "chain": chain }));
        for expr in rules {
            handle += 1;
            objects.push(json!({"rule": {"family": "inet", "table": table, "chain": name, "handle": handle, "expr": expr}}));
        }
    }
    let json = json!({ "nftables": objects }).to_string();
    explain(&LoadedNft::parse(&NftListings { json, ..NftListings::default() }).unwrap(), question)
}

fn asked() -> PacketQuery {
    PacketQuery::new(LOOPBACK, 2345, "10.0.0.9".parse().unwrap())
}

/// The verdict, and the handle of the rule that decides.
fn decided(given: Vec<Given<'_>>) -> (Verdict, Option<u64>) {
    let answer = answer(given, &asked());
    (answer.verdict, answer.settled.rule.map(|place| place.handle))
}

fn input(rules: Vec<Value>) -> Given<'static> {
    Given("input", "input", 0, "accept", rules)
}

fn port(port: u16) -> Value {
    json!({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": port}})
}

fn unknown() -> Value {
    json!({"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 1}})
}

fn accept() -> Value {
    json!({"accept": null})
}

fn drop() -> Value {
    json!({"drop": null})
}

fn call(verb: &str, target: &str) -> Value {
    json!({verb: {"target": target}})
}

#[test]
fn accept_ends_its_chain_and_drop_ends_all() {
    let early = || Given("early", "input", -10, "accept", vec![json!([accept()]), json!([drop()])]);
    assert_eq!(decided(vec![input(vec![json!([drop()])]), early()]), (Verdict::Block, Some(1)));
    let answer = answer(vec![early(), input(vec![json!([port(80), drop()])])], &asked());
    assert_eq!(answer.verdict, Verdict::Pass);
    let chains = ["inet of-early early".to_owned(), "inet of-input input".to_owned()].to_vec();
    assert_eq!(answer.settled.why, NftReason::NothingDrops { chains });
    assert_eq!((answer.also[0].place.handle, answer.also[0].fate), (1, Fate::OwnChain));
}

#[test]
fn the_policy_decides_where_no_rule_does() {
    let drops = |rules| Given("input", "input", 0, "drop", rules);
    assert_eq!(decided(vec![drops(vec![json!([port(80), accept()])])]), (Verdict::Block, None));
    assert_eq!(decided(vec![drops(vec![json!([port(2345), accept()])])]), (Verdict::Pass, None));
    let returns = vec![json!([port(2345), {"return": null}]), json!([accept()])];
    assert_eq!(decided(vec![drops(returns)]), (Verdict::Block, None));
}

#[test]
fn a_jump_comes_back_and_a_goto_does_not() {
    let called = |verb| {
        let rules = vec![json!([call(verb, "other")]), json!([drop()])];
        vec![input(rules), Given("other", "", 0, "", vec![json!([port(80), drop()])])]
    };
    assert_eq!(decided(called("jump")), (Verdict::Block, Some(2)));
    assert_eq!(decided(called("goto")), (Verdict::Pass, None));
}

#[test]
fn unknown_statement_makes_a_changed_verdict_unknown() {
    let doubtful = |verdict: Value| json!([unknown(), verdict]);
    assert_eq!(decided(vec![input(vec![doubtful(drop())])]).0, Verdict::Unknown);
    assert_eq!(decided(vec![input(vec![doubtful(accept())])]).0, Verdict::Pass);
    assert_eq!(decided(vec![input(vec![doubtful(accept()), json!([drop()])])]).0, Verdict::Unknown);
    assert_eq!(decided(vec![input(vec![doubtful(drop()), json!([drop()])])]), (Verdict::Block, Some(2)));
    // It accepts for its own chain only, and a later chain drops for certain.
    let later = Given("later", "input", 10, "drop", Vec::new());
    let given = vec![input(vec![doubtful(accept()), json!([drop()])]), later];
    assert_eq!(decided(given).0, Verdict::Block);
    // It is for another port, whatever the rest means.
    let other = vec![json!([port(80), unknown(), drop()])];
    assert_eq!(decided(vec![input(other)]).0, Verdict::Pass);
}

#[test]
fn a_doubtful_return_or_goto_leaves_both_ways_open() {
    let skips = |verdict: Value| vec![json!([unknown(), verdict]), json!([drop()])];
    let other = || Given("other", "", 0, "", Vec::new());
    assert_eq!(decided(vec![input(skips(json!({"return": null})))]).0, Verdict::Unknown);
    assert_eq!(decided(vec![input(skips(call("goto", "other"))), other()]).0, Verdict::Unknown);
    assert_eq!(decided(vec![input(skips(call("jump", "other"))), other()]).0, Verdict::Block);
    // `return` continues at the same rule of the calling chain.
    let rules = vec![json!([call("jump", "inner")]), json!([drop()])];
    let inner = Given("inner", "", 0, "", skips(json!({"return": null})));
    assert_eq!(decided(vec![input(rules), inner]).0, Verdict::Block);
}

#[test]
fn a_packet_that_may_be_translated_is_not_followed() {
    let nat = |hook| Given("nat", hook, 0, "accept", vec![json!([port(2345), {"redirect": {"port": 80}}])]);
    let answer = answer(vec![nat("prerouting"), input(vec![json!([drop()])])], &asked());
    assert_eq!(answer.verdict, Verdict::Unknown);
    assert!(answer.doubts[0].reasons[0].contains("another destination"), "{answer}");
    // Before it comes to that, a drop is a drop.
    let raw = Given("raw", "prerouting", -300, "drop", Vec::new());
    assert_eq!(decided(vec![nat("prerouting"), raw]).0, Verdict::Block);
    // It is for what leaves.
    assert_eq!(decided(vec![nat("output")]).0, Verdict::Pass);
}

#[test]
fn nat_drop_is_doubtful_and_skipped_on_loopback() {
    let nat = || vec![Given("nat", "prerouting", -100, "accept", vec![json!([drop()])])];
    let doubtful = answer(nat(), &asked());
    assert_eq!((doubtful.verdict, doubtful.doubts[0].decision), (Verdict::Unknown, Some(Decision::Block)));
    let local = PacketQuery::new(LOOPBACK, 2345, "127.0.0.1".parse().unwrap());
    assert_eq!(answer(nat(), &local).verdict, Verdict::Pass);
    let untracked = Given("raw", "prerouting", -300, "accept", vec![json!([{"notrack": null}])]);
    let given = nat().into_iter().chain([untracked]).collect();
    assert_eq!(answer(given, &asked()).verdict, Verdict::Pass);
}

#[test]
fn a_verdict_map_may_lead_to_several_verdicts() {
    let map = |key: Value, data: Value| json!([{"vmap": {"key": key, "data": data}}]);
    let dport = json!({"payload": {"protocol": "tcp", "field": "dport"}});
    let mark = json!({"meta": {"key": "mark"}});
    let ports = json!({"set": [[80, {"drop": null}], [{"range": [2000, 3000]}, {"accept": null}]]});
    let given = |rule| vec![Given("input", "input", 0, "drop", vec![rule])];
    assert_eq!(decided(given(map(dport.clone(), ports))).0, Verdict::Pass);
    assert_eq!(
        decided(given(map(dport.clone(), json!({"set": [[80, {"accept": null}]]})))).0,
        Verdict::Block
    );
    let rest = json!({"set": [[80, {"drop": null}], ["*", {"accept": null}]]});
    assert_eq!(decided(given(map(dport, rest))).0, Verdict::Pass);
    let marks = json!({"set": [[1, {"drop": null}], [2, {"accept": null}]]});
    assert_eq!(decided(given(map(mark, marks))).0, Verdict::Unknown);
}

#[test]
fn missing_option_is_named_where_a_rule_needs_it() {
    let equal =
        |left: Value, right: Value| json!([{"match": {"op": "==", "left": left, "right": right}}, drop()]);
    let payload = |protocol, field| json!({"payload": {"protocol": protocol, "field": field}});
    let meta = |key| json!({"meta": {"key": key}});
    let out = PacketQuery { direction: PacketDirection::Out, ..asked() };
    for (rule, hook, question, option) in [
        (equal(meta("iifname"), json!("eth0")), "input", asked(), "--interface"),
        (equal(payload("ip", "daddr"), json!("10.0.0.5")), "input", asked(), "--to"),
        (equal(payload("tcp", "sport"), json!(5000)), "input", asked(), "--from-port"),
        (equal(meta("skuid"), json!(501)), "output", out, "--uid"),
    ] {
        let answer = answer(vec![Given("c", hook, 0, "accept", vec![rule])], &question);
        assert_eq!(answer.verdict, Verdict::Unknown, "{option}");
        assert!(answer.doubts[0].reasons[0].contains(option), "{answer}");
    }
    // An incoming packet has no socket yet, and an unknown interface is not loopback.
    for left in [meta("skuid"), meta("iifname")] {
        assert_eq!(decided(vec![input(vec![equal(left, json!("lo"))])]).0, Verdict::Pass);
    }
}

#[test]
fn connection_tracking_comes_between_the_chains() {
    let state = |bits: u32| json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": bits}});
    let at = |priority, rules| Given("first", "prerouting", priority, "accept", rules);
    let new = vec![json!([state(8), drop()])];
    assert_eq!(decided(vec![at(-300, new.clone())]).0, Verdict::Pass);
    assert_eq!(decided(vec![at(-200, new.clone())]).0, Verdict::Unknown);
    assert_eq!(decided(vec![at(-100, new.clone())]).0, Verdict::Block);
    let untracked = || at(-300, vec![json!([{"notrack": null}])]);
    assert_eq!(decided(vec![untracked(), input(new)]).0, Verdict::Pass);
    assert_eq!(decided(vec![untracked(), input(vec![json!([state(64), drop()])])]).0, Verdict::Block);
    // Over loopback it was tracked on its way out.
    let local = PacketQuery::new(LOOPBACK, 2345, "127.0.0.1".parse().unwrap());
    let new = vec![json!([state(8), drop()])];
    assert_eq!(answer(vec![at(-300, new.clone())], &local).verdict, Verdict::Block);
    assert_eq!(answer(vec![untracked(), input(new)], &local).verdict, Verdict::Unknown);
}

#[test]
fn family_and_protocol_numbers_are_read_as_printed() {
    for (key, right) in [
        ("protocol", json!(8)),
        ("protocol", json!(0x0800)),
        ("nfproto", json!("ipv4")),
        ("l4proto", json!("tcp")),
    ] {
        let matches = json!({"match": {"op": "==", "left": {"meta": {"key": key}}, "right": right}});
        assert_eq!(decided(vec![input(vec![json!([matches, drop()])])]).0, Verdict::Block, "{key} {right}");
    }
}

#[test]
fn unknown_statement_is_never_skipped() {
    for statement in [json!({"xt": null}), json!({"new": {"x": 1}}), json!("odd")] {
        let given = vec![input(vec![json!([statement])]), Given("z", "input", 9, "drop", Vec::new())];
        assert_eq!(decided(given).0, Verdict::Unknown, "{statement}");
    }
}

#[test]
fn packet_past_a_doubtful_notrack_may_be_tracked() {
    let notrack = || json!([{"notrack": null}]);
    let redirect = || Given("nat", "prerouting", -100, "accept", vec![json!([{"redirect": {"port": 9999}}])]);
    let raw = |rules| Given("raw", "prerouting", -300, "accept", rules);
    assert_eq!(decided(vec![raw(vec![notrack()]), redirect()]).0, Verdict::Pass);
    let accepted = vec![json!([unknown(), accept()]), notrack()];
    assert_eq!(decided(vec![raw(accepted), redirect()]).0, Verdict::Unknown);
    let returned = vec![json!([unknown(), call("goto", "other")]), notrack()];
    let other = Given("other", "", 0, "", vec![]);
    assert_eq!(decided(vec![raw(returned), other, redirect()]).0, Verdict::Unknown);
    let dropped = vec![json!([unknown(), drop()]), notrack()];
    let answer = answer(vec![raw(dropped), redirect()], &asked());
    let doubts: Vec<_> = answer.doubts.iter().map(|doubt| doubt.decision).collect();
    assert_eq!(doubts, [Some(Decision::Block)], "it is dropped, or not tracked: never redirected");
}
