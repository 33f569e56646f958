//! The kernel and `explain` say the same of random packets under random rulesets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use dlvgate::firewall::explain::{PacketDirection, PacketQuery, Verdict};
use dlvgate::firewall::nftables::explain::{
    Explanation, LOOPBACK, LoadedNft, NftListings, NftReason, explain, read,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use super::kernel::{Machines, Sent, WIRE};
use super::random::{Setup, Way, setup};

/// Loading a ruleset costs far more than a packet does.
const RULESETS: u32 = 100;
const PACKETS: usize = 16;
/// A kind of answer that this many batches of random rulesets do not have cannot be had.
const BATCHES: usize = 5;
/// The kinds of answers that have to be among them.
const KINDS: [&str; 5] = ["drop", "reject", "policy", "pass, by rules", "pass, by no rule"];

/// The source ports that rules ask for, a prime number of them.
const FIRST_PORT: u16 = 20_000;
const PORTS: u32 = 10_007;

/// All over them, and none twice for as long as connection tracking may remember it.
fn next_port() -> u16 {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    const STRIDE: u32 = 3_571;
    let number = COUNT.fetch_add(1, Ordering::Relaxed) % PORTS;
    FIRST_PORT + u16::try_from(number * STRIDE % PORTS).unwrap()
}

fn question(way: Way, sent: &Sent) -> PacketQuery {
    PacketQuery {
        from_port: Some(sent.from.port()),
        to: Some(sent.to.ip()),
        interface: Some(if way.over_loopback { LOOPBACK } else { WIRE }.to_owned()),
        direction: if way.comes_in { PacketDirection::In } else { PacketDirection::Out },
        uid: Some(sent.uid),
        ..PacketQuery::new(LOOPBACK, sent.to.port(), sent.from.ip())
    }
}

/// The same without what may be left out: the answer may be unknown then, but not another one.
fn unsaid(question: &PacketQuery) -> PacketQuery {
    // No interface is every one but the loopback interface.
    let interface = question.interface.clone().filter(|name| name == LOOPBACK);
    PacketQuery { to: None, uid: None, from_port: None, interface, ..question.clone() }
}

fn kind(answer: &Explanation) -> &'static str {
    match (answer.verdict, &answer.settled.why) {
        (Verdict::Unknown, _) => "unknown",
        (_, NftReason::Drop) => "drop",
        (_, NftReason::Reject) => "reject",
        (_, NftReason::Policy { .. }) => "policy",
        (_, NftReason::NothingDrops { .. }) if answer.also.is_empty() => "pass, by no rule",
        (_, NftReason::NothingDrops { .. }) => "pass, by rules",
    }
}

/// How often each rule that ends with a drop or reject was counted, by family and handle.
fn drops(ruleset: &Value) -> BTreeMap<(String, u64), u64> {
    let rules = ruleset["nftables"].as_array().unwrap().iter().filter_map(|object| object.get("rule"));
    let counted = rules.filter_map(|rule| {
        let statements = rule["expr"].as_array()?;
        let [.., counter, verdict] = statements.as_slice() else { return None };
        let is_drop = verdict.get("drop").is_some() || verdict.get("reject").is_some();
        let packets = counter["counter"]["packets"].as_u64().filter(|_| is_drop)?;
        Some(((rule["family"].as_str()?.to_owned(), rule["handle"].as_u64()?), packets))
    });
    counted.collect()
}

fn agree(
    machines: &Machines,
    setup: &Setup,
    seen: &Mutex<BTreeMap<String, usize>>,
) -> Result<(), TestCaseError> {
    let Setup { way, ruleset, packets } = setup;
    machines.load(ruleset, *way);
    let listings: NftListings = machines.host.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(read(PathBuf::from("/usr/sbin/nft"))).unwrap()
    });
    let loaded = LoadedNft::parse(&listings).unwrap();
    let sent: Vec<Sent> =
        packets.iter().map(|packet| Machines::addressed(*way, packet, next_port())).collect();
    let (passed, after) = machines.send(*way, &sent);
    let mut dropped: BTreeMap<(String, u64), u64> = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for packet in &sent {
        let question = question(*way, packet);
        let answer = explain(&loaded, &question);
        let context = || format!("{packet:?}\n{answer}\n{}", listings.text);
        let does_pass = passed.contains(&packet.from.port());
        let partly = explain(&loaded, &unsaid(&question));
        match answer.verdict {
            Verdict::Unknown => {
                unknown.insert(packet.from.port());
                prop_assert!(!answer.doubts.is_empty(), "{}", context());
            }
            verdict => prop_assert_eq!(verdict == Verdict::Pass, does_pass, "{}", context()),
        }
        // It is blocked for certain, and by this rule or another one.
        if answer.notes.iter().any(|note| note.contains("may ")) {
            unknown.insert(packet.from.port());
        }
        prop_assert!(
            partly.verdict == Verdict::Unknown || partly.verdict == answer.verdict,
            "left out: {}\n{}",
            partly,
            context()
        );
        if let Some(rule) = answer.settled.rule.as_ref().filter(|_| answer.verdict == Verdict::Block) {
            *dropped.entry((rule.family.clone(), rule.handle)).or_default() += 1;
        }
        *seen.lock().unwrap().entry(kind(&answer).to_owned()).or_default() += 1;
    }
    // Answers that come by the same chains are counted too: over loopback, and what rejects on the
    // way out send.
    let has_answers = way.over_loopback || (!way.comes_in && listings.text.contains("reject"));
    if unknown.is_empty() && !has_answers {
        for (rule, count) in drops(&after) {
            let expected = dropped.get(&rule).copied().unwrap_or_default();
            prop_assert_eq!(count, expected, "{:?} {:#?}\n{}", rule, sent, listings.text);
        }
    }
    Ok(())
}

#[test]
fn explain_and_kernel_agree_on_random_rulesets() {
    let Some(machines) = Machines::new() else { return };
    let seen = Mutex::new(BTreeMap::new());
    // A shrunk case is small enough to read after some dozens of steps; there is nothing to keep of
    // it in a file.
    let config =
        Config { cases: RULESETS, max_shrink_iters: 120, failure_persistence: None, ..Config::default() };
    for batch in 1.. {
        TestRunner::new(config.clone())
            .run(&setup(PACKETS), |setup| agree(&machines, &setup, &seen))
            .unwrap_or_else(|error| panic!("{error}"));
        let seen = seen.lock().unwrap();
        println!("{seen:#?}");
        let packets = batch * RULESETS as usize * PACKETS;
        assert_eq!(seen.values().sum::<usize>(), packets);
        assert!(seen.get("unknown").copied().unwrap_or_default() * 3 < packets, "{seen:#?}");
        let missing: Vec<&str> = KINDS.into_iter().filter(|kind| !seen.contains_key(*kind)).collect();
        if missing.is_empty() {
            break;
        }
        assert!(batch < BATCHES, "no packet came to {missing:?}: {seen:#?}");
    }
}
