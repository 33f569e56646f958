//! Two evaluators that were written apart say the same of random packets under random rulesets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use dlvgate::firewall::explain::{PacketDirection, PacketQuery, Verdict};
use dlvgate::firewall::pf::explain::{Explanation, LOOPBACK, LoadedPf, PfReason, Services, explain, read};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::machine::Pf;
use super::random::{Packet, Setup, setup};

/// 10,000 packets in all. Asking pfctl costs far more than a packet does.
const RULESETS: u32 = 200;
const PACKETS: usize = 50;
/// As many of a ruleset's packets are decided for good first, so that some leave a state.
const EARLIER: usize = 2;

/// A kind of answer that this many batches of random rulesets do not have cannot be had.
const BATCHES: usize = 10;

/// The names that the stand-in prints, from its /etc/services.
const SERVICES: &str = "ssh 22/tcp\ntelnet 23/tcp\nhttp 80/tcp\n";

fn words(packet: &Packet) -> String {
    let Packet { direction, interface, from, from_port, to, port, uid, fragments } = packet;
    let uid = uid.map(|uid| format!(" --uid {uid}")).unwrap_or_default();
    let fragments = if *fragments { " --fragments" } else { "" };
    format!("{direction} {interface} tcp {from} {from_port} {to} {port}{uid}{fragments}")
}

fn question(packet: &Packet) -> PacketQuery {
    PacketQuery {
        from_port: Some(packet.from_port),
        to: Some(packet.to.parse().unwrap()),
        interface: Some(packet.interface.to_owned()),
        direction: if packet.direction == "in" { PacketDirection::In } else { PacketDirection::Out },
        uid: Some(packet.uid.unwrap_or(u32::MAX)), // pf's own number for a packet without a socket
        fragments: packet.fragments,
        ..PacketQuery::new(LOOPBACK, packet.port, packet.from.parse().unwrap())
    }
}

/// The same without what may be left out: the answer may be unknown then, but not another one.
fn unsaid(packet: &Packet) -> PacketQuery {
    let question = question(packet);
    // No interface is every one but the loopback interface.
    let interface = question.interface.clone().filter(|name| name == "lo0");
    PacketQuery { to: None, uid: None, interface, ..question }
}

fn load(pf: &Pf, setup: &Setup) {
    let mut main = String::new();
    if setup.skip_loopback {
        main.push_str("set skip on lo0\n");
    }
    main.push_str(&setup.main);
    for (number, (path, text)) in setup.anchors.iter().enumerate() {
        let file = pf.file(&format!("anchor-{number}"), text);
        writeln!(main, "load anchor \"{path}\" from \"{}\"", file.display()).unwrap();
    }
    let enable = if setup.enabled { "-E" } else { "-q" };
    pf.run(&["-f", "-", enable], &main);
    for packet in &setup.packets[..EARLIER] {
        let packet = format!("--standin evaluate {}", words(packet));
        pf.run(&packet.split(' ').collect::<Vec<_>>(), "");
    }
}

/// The stand-in's words for why.
fn why(answer: &Explanation) -> String {
    match &answer.settled.why {
        PfReason::PfDisabled => "pf disabled".to_owned(),
        PfReason::Skip { interface } => format!("set skip on {interface}"),
        PfReason::State { .. } => "state".to_owned(),
        PfReason::Quick | PfReason::QuickAnchor { .. } => "quick".to_owned(),
        PfReason::LastMatch => "last match".to_owned(),
        PfReason::DefaultPass => "default pass".to_owned(),
    }
}

fn agree(setup: &Setup, seen: &Mutex<BTreeMap<String, usize>>) -> Result<(), TestCaseError> {
    let pf = if setup.names { Pf::naming_ports() } else { Pf::new() };
    load(&pf, setup);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listings = runtime.block_on(read(pf.pfctl())).unwrap();
    let loaded = LoadedPf::parse(&listings, &Services::parse(SERVICES));
    let lines: Vec<String> = setup.packets.iter().map(words).collect();
    let decisions = pf.run(&["--standin", "evaluate-many"], &(lines.join("\n") + "\n"));
    prop_assert_eq!(decisions.lines().count(), setup.packets.len());
    for ((packet, line), decision) in setup.packets.iter().zip(&lines).zip(decisions.lines()) {
        let expected: Value = serde_json::from_str(decision).unwrap();
        let answer = explain(&loaded, &question(packet));
        let verdict = match answer.verdict {
            Verdict::Pass => "pass",
            Verdict::Block => "block",
            Verdict::Unknown => "unknown",
        };
        let context = || format!("{line}\nstand-in: {decision}\nexplain: {answer}\n{:#?}", listings.rules);
        prop_assert_eq!(expected["decision"].as_str(), Some(verdict), "{}", context());
        let why = why(&answer);
        prop_assert_eq!(expected["why"].as_str(), Some(why.as_str()), "{}", context());
        if let Some(rule) = &answer.settled.rule {
            prop_assert_eq!(expected["rule"].as_str(), Some(rule.rule.as_str()), "{}", context());
            prop_assert_eq!(expected["anchor"].as_str(), Some(rule.anchor.as_str()), "{}", context());
        }
        let partly = explain(&loaded, &unsaid(packet)).verdict;
        prop_assert!(partly == Verdict::Unknown || partly == answer.verdict, "{:?}\n{}", partly, context());
        let place = answer
            .settled
            .rule
            .map_or("", |place| if place.anchor.is_empty() { ", main" } else { ", anchor" });
        let pieces = match (packet.fragments, &expected["reassembled"]) {
            (false, _) => "",
            (true, Value::Bool(true)) => "together: ",
            (true, _) => "apart: ",
        };
        *seen.lock().unwrap().entry(format!("{pieces}{verdict}, {why}{place}")).or_default() += 1;
    }
    Ok(())
}

#[test]
fn explain_agrees_with_a_separate_evaluator() {
    let seen = Mutex::new(BTreeMap::new());
    // A shrunk case is small enough to read after some dozens of steps; there is nothing to keep of
    // it in a file.
    let config =
        Config { cases: RULESETS, max_shrink_iters: 60, failure_persistence: None, ..Config::default() };
    let missing = |seen: &BTreeMap<String, usize>| -> Vec<String> {
        kinds().into_iter().filter(|kind| !seen.contains_key(kind)).collect()
    };
    for batch in 1.. {
        TestRunner::new(config.clone())
            .run(&setup(PACKETS), |setup| agree(&setup, &seen))
            .unwrap_or_else(|error| panic!("{error}"));
        let seen = seen.lock().unwrap();
        println!("{seen:#?}");
        assert_eq!(seen.values().sum::<usize>(), batch * RULESETS as usize * PACKETS);
        let missing = missing(&seen);
        if missing.is_empty() {
            break;
        }
        assert!(batch < BATCHES, "no packet came to {missing:?}: {seen:#?}");
    }
}

/// The kinds of answers that have to be among them.
fn kinds() -> Vec<String> {
    let mut kinds = Vec::new();
    for kind in ["quick, main", "quick, anchor", "last match, main", "last match, anchor"] {
        kinds.extend(["pass", "block"].map(|verdict| format!("{verdict}, {kind}")));
    }
    for kind in
        ["pass, default pass", "pass, quick, anchor", "block, quick, anchor", "block, last match, main"]
    {
        kinds.extend(["together", "apart"].map(|pieces| format!("{pieces}: {kind}")));
    }
    kinds.extend(
        ["default pass", "state", "set skip on lo0", "pf disabled"].map(|kind| format!("pass, {kind}")),
    );
    kinds
}
