//! `dlvgate firewall open`, `close`, `status` and `sweep`, as they are typed.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::holder::{Holder, firewall, says};
use dlvgate_test_support::link;
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::process::{children, signal_pid};
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::nftables::{HOST, assert_same};

const PORT: u16 = 4000;

/// A gate by hand in a pf of the test's own.
fn open(pf: &StandinPf, more: &[&str]) -> Holder {
    let words = ["open", "--backend", "pf", "--port", "4000", "--from", "192.0.2.5", "--from", "127.0.0.1"];
    Holder::start(pf.with(&mut firewall(&[], &[&words[..], more].concat())))
}

fn run(pf: &StandinPf, words: &[&str]) -> (bool, String) {
    let (output, text) = says(pf.with(&mut firewall(&[], words)));
    (output.status.success(), text)
}

fn left_within_two_seconds(pf: &StandinPf) -> Option<String> {
    let mut last = None;
    poll(Duration::from_secs(2), || {
        last = pf.left();
        last.is_none().then_some(())
    });
    last
}

#[test]
fn port_is_open_to_the_named_until_input_ends() {
    let pf = StandinPf::fresh();
    let mut holder = open(&pf, &[]);
    assert!(holder.line.contains("port 4000 for 192.0.2.5, 127.0.0.1, guarded by pf"), "{}", holder.line);
    assert!(pf.passes("127.0.0.1", PORT) && !pf.passes("127.0.0.2", PORT));
    holder.write("what is written means nothing\n");
    assert!(holder.runs());
    holder.end_input();
    assert!(holder.exit().success());
    pf.assert_untouched();
}

#[test]
fn held_gate_outlives_its_input_until_close() {
    let pf = StandinPf::fresh();
    let mut holder = open(&pf, &["--hold"]);
    holder.end_input();
    let (closed, text) = run(&pf, &["close", "--port", "4000"]);
    assert!(closed && text.contains("closed: port 4000"), "{text}");
    assert!(holder.exit().success());
    pf.assert_untouched();
    let (closed, text) = run(&pf, &["close", "--port", "4000"]);
    assert!(!closed && text.contains("port 4000 has no gate"), "{text}");
}

#[test]
fn one_that_is_killed_holds_nothing() {
    let pf = StandinPf::fresh();
    let holder = open(&pf, &[]);
    signal_pid(holder.pid(), Signal::SIGKILL);
    assert_eq!(left_within_two_seconds(&pf), None);
}

#[test]
fn status_says_what_is_open_for_whom_and_whose_it_is() {
    let pf = StandinPf::fresh();
    let (_, text) = run(&pf, &["status", "--backend", "pf"]);
    assert!(text.contains("no port is guarded") && text.contains("not enabled"), "{text}");
    let holder = open(&pf, &[]);
    let (_, text) = run(&pf, &["status", "--backend", "pf"]);
    assert!(text.contains(&format!("process {}", holder.pid())) && text.contains("opened by hand"), "{text}");
    assert!(text.contains("port 4000  open to 192.0.2.5, 127.0.0.1, opened "), "{text}");
    let (_, text) = run(&pf, &["status", "--backend", "pf", "--json"]);
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status["guards"][0]["gates"][0]["port"], 4000);
    let token = status["guards"][0]["token"].as_u64().expect("a token");
    let listed = String::from_utf8(pf.run(&["-s", "References"]).stdout).unwrap();
    assert!(listed.contains(&token.to_string()), "{listed}");
    assert_eq!(status["filter"]["other_tokens"], serde_json::json!([]));
}

#[test]
fn status_shows_flushed_and_untracked_rules() {
    let pf = StandinPf::fresh();
    let _holder = open(&pf, &[]);
    let anchors = String::from_utf8(pf.run(&["-v", "-s", "Anchors"]).stdout).unwrap();
    let anchor = anchors.lines().map(str::trim).find(|line| line.contains("dlvgate")).unwrap();
    pf.run(&["-a", anchor, "-F", "rules"]);
    pf.run(&["-a", anchor, "-F", "Tables"]);
    // No process has the first id; init has the other, and what a process holds that runs is not to
    // be removed by hand.
    let deny = |pid: u32| {
        format!("block return in log quick proto tcp from any to any port 9 label \"dlvgate:{pid}:9:deny\"\n")
    };
    pf.load("com.apple/010.dlvgate.009", &deny(5_000_000));
    pf.load("com.apple/010.dlvgate.010", "block quick from 192.0.2.66\n");
    pf.load("com.apple/010.dlvgate.011", &deny(1));
    let (_, text) = run(&pf, &["status", "--backend", "pf"]);
    assert!(text.contains("port 4000: the rules of guard") && text.contains("GONE"), "{text}");
    assert!(text.contains("pfctl -a com.apple/010.dlvgate.009 -F rules"), "{text}");
    assert!(text.contains("010.dlvgate.010 -s rules") && !text.contains("010.dlvgate.010 -F"), "{text}");
    assert!(text.contains("named after process 1, which runs") && !text.contains("011 -F"), "{text}");
    let (clean, text) = run(&pf, &["sweep", "--backend", "pf"]);
    assert!(!clean && text.contains("guard 5000000 for port 9, and no journal names them"), "{text}");
}

/// On a Mac an anchor stays for good once it had rules.
#[test]
fn emptied_anchor_is_no_gate_and_no_leftover() {
    let pf = StandinPf::fresh();
    let mut holder = open(&pf, &[]);
    holder.end_input();
    assert!(holder.exit().success());
    let anchors = String::from_utf8(pf.run(&["-v", "-s", "Anchors"]).stdout).unwrap();
    assert!(anchors.contains("  com.apple/010.dlvgate.000\n"), "{anchors}");
    let (_, text) = run(&pf, &["status", "--backend", "pf"]);
    assert!(text.contains("no port is guarded") && !text.contains("010.dlvgate"), "{text}");
    assert_eq!(run(&pf, &["sweep", "--backend", "pf"]), (true, "nothing was left\n".to_owned()));
    pf.assert_untouched();
}

#[test]
fn slots_are_used_again_and_none_is_made_by_a_flush() {
    let pf = StandinPf::fresh();
    let listed = || {
        let anchors = String::from_utf8(pf.run(&["-v", "-s", "Anchors"]).stdout).unwrap();
        anchors.lines().filter(|line| line.contains("dlvgate")).count()
    };
    for _ in 0..3 {
        let mut holder = open(&pf, &[]);
        assert_eq!(listed(), 1);
        holder.end_input();
        assert!(holder.exit().success());
    }
    // Refused before anything is loaded: there is nothing to flush, and a flush would make the
    // anchor.
    let fresh = StandinPf::fresh();
    fresh.fails(&["-n", "-f"], &[], "stdin:1: syntax error");
    let words = ["open", "--backend", "pf", "--port", "4000", "--from", "192.0.2.5"];
    let (output, text) = says(fresh.with(&mut firewall(&[], &words)));
    assert!(!output.status.success() && text.contains("syntax error"), "{text}");
    fresh.works();
    let anchors = String::from_utf8(fresh.run(&["-v", "-s", "Anchors"]).stdout).unwrap();
    assert!(!anchors.contains("dlvgate"), "{anchors}");
    fresh.assert_untouched();
}

#[test]
fn two_guards_never_share_a_slot() {
    let pf = StandinPf::fresh();
    let mut first = open(&pf, &[]);
    let words = ["open", "--backend", "pf", "--port", "4001", "--from", "192.0.2.6"];
    let mut second = Holder::start(pf.with(&mut firewall(&[], &words)));
    let rules = |slot: &str| {
        let anchor = format!("com.apple/010.dlvgate.{slot}");
        String::from_utf8(pf.run(&["-a", &anchor, "-s", "rules"]).stdout).unwrap()
    };
    assert!(rules("000").contains("port = 4000") && rules("001").contains("port = 4001"));
    // The first one's rules are flushed by hand: it still has the slot.
    pf.run(&["-a", "com.apple/010.dlvgate.000", "-F", "rules"]);
    let words = ["open", "--backend", "pf", "--port", "4002", "--from", "192.0.2.6"];
    let mut third = Holder::start(pf.with(&mut firewall(&[], &words)));
    assert!(rules("000").is_empty() && rules("002").contains("port = 4002"));
    for holder in [&mut first, &mut second, &mut third] {
        holder.end_input();
        assert!(holder.exit().success());
    }
    pf.assert_untouched();
}

/// A load over it would lose what it says.
#[test]
fn slot_with_rules_of_no_journal_is_not_taken() {
    let pf = StandinPf::fresh();
    pf.load("com.apple/010.dlvgate.000", "block quick from 192.0.2.66\n");
    let mut holder = open(&pf, &[]);
    assert_eq!(pf.gates(), ["com.apple/010.dlvgate.000", "com.apple/010.dlvgate.001"]);
    holder.end_input();
    assert!(holder.exit().success());
    assert_eq!(pf.gates(), ["com.apple/010.dlvgate.000"]);
}

#[test]
fn sweep_closes_leftovers_and_reports_doubtful_ones() {
    let pf = StandinPf::fresh();
    let mut holder = open(&pf, &["--hold"]);
    signal_pid(holder.guard(), Signal::SIGKILL);
    assert_eq!(holder.exit().code(), Some(1), "it does not go on without its guard");
    assert!(pf.left().is_some());
    let (_, text) = run(&pf, &["status", "--backend", "pf"]);
    assert!(text.contains("KILLED") && text.contains("sweep"), "{text}");
    let (_, text) = run(&pf, &["close", "--port", "4000"]);
    assert!(text.contains("sudo dlvgate firewall sweep"), "{text}");
    let corrupt = format!("{}/77.json", pf.journals());
    fs::write(&corrupt, r#"{"version":1,"boot":"#).unwrap();
    let (clean, text) = run(&pf, &["sweep", "--backend", "pf"]);
    assert!(!clean && text.contains("had left port 4000: closed") && text.contains("77.json"), "{text}");
    assert!(fs::exists(&corrupt).unwrap(), "it is reported, not obeyed and not removed");
    fs::remove_file(&corrupt).unwrap();
    assert_eq!(run(&pf, &["sweep", "--backend", "pf"]), (true, "nothing was left\n".to_owned()));
    pf.assert_untouched();
}

#[test]
fn manual_gate_passes_the_named_on_a_dropping_host() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let before = namespace.ruleset();
    let words = ["open", "--port", "4000", "--from", "127.0.0.1"];
    let mut holder = Holder::start(&mut firewall(&namespace.prefix(), &words));
    assert!(holder.line.contains("guarded by nftables"), "{}", holder.line);
    let listener = namespace.inside(|| std::net::TcpListener::bind(("127.0.0.1", PORT)).unwrap());
    assert_eq!(namespace.connect_as(0, PORT), "");
    drop(listener);
    signal_pid(holder.pid(), Signal::SIGTERM);
    assert!(holder.exit().success());
    assert_same(&before, &namespace);
}

#[test]
fn connection_from_an_open_port_obeys_host_rules() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let _holder =
        Holder::start(&mut firewall(&namespace.prefix(), &["open", "--port", "4000", "--from", "127.0.0.1"]));
    let connected = namespace.inside(|| {
        let _listener = std::net::TcpListener::bind("127.0.0.1:4001").unwrap();
        link::connect_from("127.0.0.1:4000".parse().unwrap(), "127.0.0.1:4001".parse().unwrap())
    });
    assert!(connected.is_err(), "the host drops what goes to port 4001");
}

#[test]
fn nftables_takes_every_peer_and_leaves_no_trace() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let before = namespace.ruleset();
    for peers in [
        &["192.0.2.0/24", "192.0.2.5", "198.51.100.7", "2001:db8::/32", "fe80::1%en0", "fe80::%en1/64"][..],
        &["0.0.0.0/0"],
        &["::/0", "192.0.2.0/25", "192.0.2.128/25"],
        &["fe80::1%en0"],
        &["127.0.0.0/8", "::1"],
    ] {
        let from = peers.iter().flat_map(|peer| ["--from", peer]);
        let words: Vec<&str> = ["open", "--port", "4000"].into_iter().chain(from).collect();
        let mut holder = Holder::start(&mut firewall(&namespace.prefix(), &words));
        holder.end_input();
        assert!(holder.exit().success());
        assert_same(&before, &namespace);
    }
}

#[test]
fn pf_takes_every_peer_and_leaves_no_trace() {
    let pf = StandinPf::fresh();
    let peers = ["192.0.2.0/24", "192.0.2.5", "2001:db8::/32", "fe80::1%en0", "fe80::%en1/64", "0.0.0.0/0"];
    let from = peers.iter().flat_map(|peer| ["--from", peer]);
    let words: Vec<&str> = ["open", "--backend", "pf", "--port", "4000"].into_iter().chain(from).collect();
    let mut holder = Holder::start(pf.with(&mut firewall(&[], &words)));
    assert!(pf.passes_on("en0", "fe80::1", PORT) && !pf.passes_on("en2", "fe80::1", PORT));
    assert!(pf.passes_on("en1", "fe80::77", PORT) && !pf.passes_on("en0", "2001:db9::1", PORT));
    holder.end_input();
    assert!(holder.exit().success());
    pf.assert_untouched();
}

/// Sends random bytes over the guard's pipe.
#[test]
fn guard_fed_garbage_opens_nothing_and_ends() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let before = namespace.ruleset();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut garbage: Vec<u8> = Vec::new();
    while garbage.len() < 200_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        garbage.extend_from_slice(&state.to_le_bytes());
        if state % 64 == 0 {
            garbage.extend_from_slice(
                b"\n{\"id\":1,\"do\":{\"open\":{\"port\":4000,\"peers\":[\"0.0.0.0/0\"]}}}\n",
            );
        }
    }
    let journals = tempfile::tempdir().unwrap();
    let folder = journals.path().to_str().unwrap();
    let words = [env!("CARGO_BIN_EXE_dlvgate"), "guard", "--backend", "nftables", "--journals", folder];
    let line = [&namespace.prefix()[..], &words].concat();
    let mut guard = Command::new(line[0]);
    let mut guard = guard.args(&line[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = guard.stdin.take().unwrap();
    let writing = std::thread::spawn(move || {
        let _ = stdin.write_all(&garbage); // it may end before it has read all
    });
    let output = guard.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.lines().skip(1).all(|line| line.contains("failed")),
        "nothing was asked for in order: {said}"
    );
    assert_same(&before, &namespace);
    assert_eq!(fs::read_dir(journals.path()).unwrap().count(), 0);
}

#[test]
fn a_peer_that_is_no_address_is_explained() {
    let (output, text) = says(&mut firewall(&[], &["open", "--port", "4000", "--from", "laptop"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("192.0.2.0/24"), "{text}");
}

#[test]
fn table_of_a_killed_guard_is_swept_without_rules() {
    let pf = StandinPf::fresh();
    let mut holder = open(&pf, &["--hold"]);
    signal_pid(holder.guard(), Signal::SIGKILL);
    assert_eq!(holder.exit().code(), Some(1));
    pf.run(&["-a", "com.apple/010.dlvgate.000", "-F", "rules"]);
    assert_eq!(pf.gates(), ["com.apple/010.dlvgate.000"], "its table is there");
    let (clean, text) = run(&pf, &["sweep", "--backend", "pf"]);
    assert!(clean && text.contains("had left port 4000: closed"), "{text}");
    pf.assert_untouched();
}

/// What such a pfctl was fed, it may load at any time.
#[test]
fn slot_of_a_pfctl_that_outlives_its_guard_is_held() {
    let pf = StandinPf::fresh();
    let mut holder = open(&pf, &[]);
    pf.fault(&serde_json::json!({"match": ["-F", "rules"], "times": 1, "action": "hang"}));
    let guard = holder.guard();
    holder.end_input();
    let is_flush = |pid: &i32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("\0-F\0")
    };
    let pfctl = poll(PATIENCE, || children(guard).into_iter().find(is_flush)).expect("a pfctl that hangs");
    signal_pid(guard, Signal::SIGKILL);
    holder.exit();
    let (clean, text) = run(&pf, &["sweep", "--backend", "pf"]);
    assert!(!clean && text.contains("com.apple/010.dlvgate.000 is held by another process"), "{text}");
    let mut other = open(&pf, &[]);
    assert_eq!(pf.gates(), ["com.apple/010.dlvgate.000", "com.apple/010.dlvgate.001"]);
    other.end_input();
    assert!(other.exit().success());
    signal_pid(pfctl, Signal::SIGKILL);
    let (clean, text) = run(&pf, &["sweep", "--backend", "pf"]);
    assert!(clean && text.contains("had left port 4000: closed"), "{text}");
    pf.assert_untouched();
}
