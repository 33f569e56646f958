//! The gate in pf, with a stand-in for pfctl: its journal and the session's log must tell the same
//! story.

use dlvgate_test_support::client::{Client, error_text};
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::gate::{Call, StandinPf};
use dlvgate_test_support::process::connections_to;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Server;
use dlvgate_test_support::session_log::{Transition, WHOLE_SESSION};
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

for_every_dlv!(
    the_log_and_pfs_journal_agree,
    running_session_admits_only_its_client,
    killed_dlv_leaves_no_rule,
);

/// When session `number` made this transition, in µs since the epoch.
fn time_of(transitions: &[Transition], name: &str) -> u64 {
    let found = transitions.iter().find(|one| one.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {transitions:#?}")).wall_us
}

/// The port on which the session's dlv listens.
fn dlv_port(server: &Server) -> u16 {
    let ports: Vec<u16> = server.ports().into_iter().filter(|port| *port != server.front().port()).collect();
    assert_eq!(ports.len(), 1, "{ports:?}");
    ports[0]
}

/// Fragments are put together for it, too.
fn is_block_only(call: &Call) -> bool {
    let Some((first, rest)) = call.stdin.split_once('\n') else { return false };
    first == "scrub in all fragment reassemble"
        && !rest.is_empty()
        && rest.lines().all(|line| line.starts_with("block "))
}

/// What must hold of one session and the calls that it made.
fn assert_agree(transitions: &[Transition], pf: &StandinPf) {
    let names: Vec<&str> = transitions.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, WHOLE_SESSION);
    let loads = pf.changes("rules");
    let [opened, shut] = loads.as_slice() else { panic!("two rulesets are loaded: {loads:#?}") };
    assert!(opened.stdin.contains("pass quick on lo0") && opened.stdin.contains("no state"), "{opened:?}");
    assert!(is_block_only(shut), "shut is a block rule and nothing else: {shut:?}");
    let (taken, released) = (pf.changes("token"), pf.changes("token released"));
    assert_eq!((taken.len(), released.len()), (1, 1), "a token is taken once and given back once");
    let cleared = pf.changes("rules cleared");

    let at = |name: &str| time_of(transitions, name);
    assert!(at("gate_opening") <= opened.t, "nothing is loaded before the log says so");
    assert!(at("dlv_ready") <= opened.t, "the gate is for a dlv that listens");
    assert!(opened.t <= at("gate_open") && taken[0].t <= at("gate_open"));
    assert!(at("gate_open") <= at("upstream_connected") && at("upstream_connected") <= at("forwarding"));
    assert!(at("ending") <= shut.t && shut.t <= at("gate_shut"));
    assert!(at("gate_shut") <= at("dlv_stopped"));
    let gone = cleared.last().expect("the rules are taken away").t;
    assert!(at("dlv_stopped") <= gone, "the block rule stands while dlv does");
    assert!(gone <= at("gate_removed") && released[0].t <= at("gate_removed"));
    for one in transitions.iter().filter(|one| one.name.starts_with("gate_")) {
        assert_eq!(one.line["firewall"], "pf", "{}", one.line);
    }
    pf.assert_untouched();
}

fn the_log_and_pfs_journal_agree(dlv: &Pair) {
    let (pf, program) = (StandinPf::fresh(), Program::built(dlv, "demo"));
    let server = pf.serve(dlv).start();
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.run_out(thread);
    server.closed(1);
    assert_agree(&server.log.of(1), &pf);
}

fn running_session_admits_only_its_client(dlv: &Pair) {
    let (pf, program) = (StandinPf::fresh(), Program::built(dlv, "demo"));
    let server = pf.serve(dlv).start();
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let port = dlv_port(&server);
    assert!(pf.passes("127.0.0.1", port));
    assert!(!pf.passes("192.0.2.9", port));
    assert!(!pf.passes_in_fragments("en0", "192.0.2.9", port));
    assert!(!pf.passes_in_fragments("en0", "2001:db8::9", port));
    let own = nix::unistd::geteuid().as_raw();
    assert!(pf.passes_user(own, port) && !pf.passes_user(own + 1, port), "another user of this machine");
    debug.run_out(thread);
    server.closed(1);
    assert!(pf.passes("192.0.2.9", port), "the machine's own default again");
}

fn killed_dlv_leaves_no_rule(dlv: &Pair) {
    let (pf, program) = (StandinPf::fresh(), Program::built(dlv, "demo"));
    let server = pf.serve(dlv).start();
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    server.dlv().signal(Signal::SIGKILL);
    debug.client.event("terminated");
    debug.client.eof();
    server.closed(1);
    pf.assert_untouched();
}

#[test]
fn sessions_side_by_side_share_one_token_and_no_rule() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    let mut clients = [server.client(), server.client()].map(|mut client| {
        client.ok("initialize", initialize_arguments());
        client
    });
    assert_eq!(pf.changes("token").len(), 1);
    clients[0].ok("disconnect", json!({}));
    clients[0].eof();
    server.log.wait_for("closed", 1);
    let port = dlv_port(&server);
    assert!(pf.passes("127.0.0.1", port) && !pf.passes("192.0.2.9", port), "the other is guarded still");
    assert_eq!(pf.changes("token released").len(), 0);
    clients[1].ok("disconnect", json!({}));
    clients[1].eof();
    server.closed(2);
    assert_eq!(pf.changes("token released").len(), 1);
    pf.assert_untouched();
}

#[test]
fn a_signal_in_mid_session_leaves_no_rule() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let (pf, dlv) = (StandinPf::fresh(), Pair::any());
        let mut server = pf.serve(&dlv).start();
        let client = server.client().initialize();
        server.signal(signal);
        client.eof();
        assert_eq!(server.exit().code(), Some(0), "{signal:?}");
        pf.assert_untouched();
    }
}

/// The client's `initialize` is refused with these words, dlv got no byte, and nothing is left.
fn assert_refused(pf: &StandinPf, server: &Server, words: &[&str]) {
    let mut client: Client = server.client();
    let why = client.refused("initialize", initialize_arguments());
    for word in words {
        assert!(why.contains(word), "no {word:?} in {why:?}");
    }
    drop(client);
    server.closed(1);
    let names: Vec<String> = server.log.transitions().into_iter().map(|one| one.name).collect();
    let happened = |name: &str| names.iter().any(|one| one == name);
    assert!(!happened("upstream_connected") && !happened("forwarding"), "nothing was forwarded: {names:?}");
    assert!(happened("dlv_stopped"), "{names:?}");
    pf.works();
    pf.assert_untouched();
}

#[test]
fn gate_that_pf_refuses_forwards_nothing() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    pf.fails(&["-a", "-f"], &["-n"], "pfctl: DIOCXCOMMIT: Device busy");
    assert_refused(&pf, &server, &["DIOCXCOMMIT: Device busy", "pfctl"]);
}

#[test]
fn pf_that_cannot_be_enabled_forwards_nothing() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    pf.fails(&["-E"], &[], "pfctl: DIOCSTARTREF: Operation not permitted");
    assert_refused(&pf, &server, &["Operation not permitted", "-E"]);
}

#[test]
fn rules_that_cannot_be_read_back_are_no_gate() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    pf.fault(&json!({"match": ["-a", "-f"], "unless": ["-n"], "action": "lie"}));
    assert_refused(&pf, &server, &["com.apple/010.dlvgate", "pfctl"]);
}

#[test]
fn nothing_reaches_dlv_before_its_gate_stands() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    pf.fault(&json!({"match": ["-a", "-f"], "unless": ["-n"], "action": "hang"}));
    let mut client = server.client();
    let initialize = client.send("initialize", initialize_arguments());
    server.log.wait_for("gate_opening", 1);
    let port = dlv_port(&server);
    let refused = || client.arrivals().iter().any(|one| one.message["request_seq"] == initialize);
    while !refused() {
        assert_eq!(connections_to(port), 0, "dlv is dialled while its gate is not there");
        assert_eq!(client.end_if_any(), None);
        std::thread::yield_now();
    }
    let why = error_text(&client.response(initialize));
    assert!(why.contains("did not answer within"), "{why}");
    drop(client);
    server.closed(1);
}

#[test]
fn unshuttable_gate_is_reported_and_removed() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    let client = server.client().initialize();
    pf.fails(&["-a", "-f"], &["-n"], "pfctl: DIOCXCOMMIT: Device busy");
    Debug { client }.disconnect();
    server.closed(1);
    let told =
        |line: &String| line.contains("DIOCXCOMMIT: Device busy") && !line.contains(r#""level":"INFO""#);
    assert!(server.log.lines().iter().any(told), "{:#?}", server.log.lines());
    pf.assert_untouched();
}

#[test]
fn a_pf_for_root_only_is_explained_with_a_remedy() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let output = pf.serve(&dlv).env("STANDIN_PF_UID", "501").run();
    assert_eq!(output.status.code(), Some(1));
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(why.contains("Permission denied") && why.contains("sudo"), "{why}");
    pf.assert_untouched();
}

#[test]
fn a_session_after_a_refused_one_works() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    let busy = "pfctl: DIOCXCOMMIT: Device busy";
    let fault: Value =
        json!({"match": ["-a", "-f"], "unless": ["-n"], "times": 1, "action": "fail", "text": busy});
    pf.fault(&fault);
    let why = server.client().refused("initialize", initialize_arguments());
    assert!(why.contains(busy), "{why}");
    server.closed(1);
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(2);
    pf.assert_untouched();
}

/// Without it fragments would get past every gate.
#[test]
fn main_ruleset_without_a_scrub_anchor_opens_no_gate() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    pf.load_main("anchor \"com.apple/*\"\n");
    assert_refused(&pf, &server, &["scrub-anchor \"com.apple/*\"", "sudo pfctl -s rules"]);
}
