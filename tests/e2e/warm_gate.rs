//! The gate of a spare: it stands as early as a session's, and goes with the spare.

use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::holder::{firewall, says};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::process::signal_pid;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::spare::{Spare, ended, reached, steps, taken};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::nftables::{HOST, assert_guarded, assert_same};

/// When session `session` made this transition, in µs since the epoch.
fn at(server: &Server, session: u64, name: &str) -> u64 {
    let all = server.log.of(session);
    let found = all.iter().find(|one| one.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {all:#?}")).wall_us
}

#[test]
fn spare_is_gated_early_and_its_session_loads_none() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let mut server = pf.serve(&dlv).flags(["--warm", "1"]).start();
    let spare = Spare::wait(&server, 1);
    let own = nix::unistd::geteuid().as_raw();
    assert!(pf.passes("127.0.0.1", spare.port) && pf.passes_user(own, spare.port));
    assert!(!pf.passes("192.0.2.9", spare.port) && !pf.passes_user(own + 1, spare.port));
    let [opened] = &pf.changes("rules")[..] else { panic!("one ruleset is loaded") };
    assert!(at(&server, 0, "dlv_ready") <= opened.t, "the gate is for a dlv that listens");
    assert!(at(&server, 0, "gate_opening") <= opened.t && opened.t <= at(&server, 0, "gate_open"));
    assert!(at(&server, 0, "gate_open") <= at(&server, 0, "upstream_connected"), "nothing gets there before");
    let listed = says(firewall(&[], &["status", "--json"]).args(["--journals", pf.journals()])).1;
    assert!(listed.contains(&format!("\"port\":{}", spare.port)), "{listed}");

    let client = server.client().initialize();
    assert_eq!(pf.changes("rules").len(), 1, "what stands is not opened again");
    let gate = reached(&server, 1, "gate_open");
    assert_eq!(gate.line["firewall"], "pf");
    let second = Spare::wait(&server, 2);
    Debug { client }.disconnect();
    server.log.wait_for("closed", 1);
    assert!(pf.passes("192.0.2.9", spare.port), "the machine's own default again");
    assert!(!pf.passes("192.0.2.9", second.port), "the next spare is guarded");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    pf.assert_untouched();
}

#[test]
fn the_gate_goes_with_the_spare_in_order() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).flags(["--warm", "1", "--warm-idle", "1"]).start();
    let spare = Spare::wait(&server, 1);
    assert_eq!(ended(&server, spare.number), "spare_idle");
    server.log.wait_for("gate_removed", 1);
    let expected = [
        "dlv_starting",
        "dlv_ready",
        "gate_opening",
        "gate_open",
        "upstream_connected",
        "spare_ready",
        "ending",
        "gate_shut",
        "dlv_stopped",
        "gate_removed",
    ];
    assert_eq!(steps(&server, 0), expected);
    server.nothing_left();
    pf.assert_untouched();
}

#[test]
fn a_spare_that_dies_leaves_no_gate() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).flags(["--warm", "1"]).start();
    let spare = Spare::wait(&server, 1);
    signal_pid(spare.pid, Signal::SIGKILL);
    server.log.wait_for("gate_removed", 1);
    assert!(pf.passes("192.0.2.9", spare.port));
    let next = Spare::wait(&server, 2);
    assert!(!pf.passes("192.0.2.9", next.port));
}

#[test]
fn failed_gate_means_no_spare_and_the_client_knows() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let busy = "pfctl: DIOCXCOMMIT: Device busy";
    pf.fault(&json!({"match": ["-a", "-f"], "unless": ["-n"], "action": "fail", "text": busy}));
    let server = pf.serve(&dlv).flags(["--warm", "1"]).start();
    assert_eq!(ended(&server, 1), "gate_refused");
    let why = server.client().refused("initialize", initialize_arguments());
    assert!(why.contains(busy), "{why}");
    let names: Vec<String> = server.log.transitions().into_iter().map(|one| one.name).collect();
    assert!(!names.iter().any(|name| name == "upstream_connected"), "{names:?}");
    pf.works();
    Spare::wait(&server, 1);
}

#[test]
fn a_server_that_is_killed_leaves_no_gate_of_a_spare() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).flags(["--warm", "2"]).start();
    Spare::wait(&server, 2);
    server.signal(Signal::SIGKILL);
    poll(PATIENCE, || server.children().is_empty().then_some(())).expect("dlv and the guard are gone");
    poll(PATIENCE, || pf.left().is_none().then_some(())).unwrap_or_else(|| panic!("{:?}", pf.left()));
}

fn in_namespace(namespace: &Namespace) -> Server {
    let flags = ["--firewall", "nftables", "--listen", "127.0.0.1:2345", "--warm", "1"];
    Serve::with(&Pair::any()).flags(flags).inside(namespace).start()
}

#[test]
fn spare_passes_a_dropping_host_and_restores_it() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let before = namespace.ruleset();
    let mut server = in_namespace(&namespace);
    let spare = Spare::wait(&server, 1);
    assert_guarded(&namespace, spare.port);
    let client = namespace.inside(|| server.client()).initialize();
    assert_eq!(taken(&server, 1), spare);
    assert_guarded(&namespace, spare.port);
    Debug { client }.disconnect();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    assert_same(&before, &namespace);
}

/// A session that took it would hang: nothing it sends would get there.
#[test]
fn blocked_spare_is_replaced() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let server = in_namespace(&namespace);
    let spare = Spare::wait(&server, 1);
    namespace.nft(&format!("flush ruleset\n{HOST}"));
    assert_eq!(ended(&server, spare.number), "spare_died");
    let next = Spare::wait(&server, 2);
    let client = namespace.inside(|| server.client()).initialize();
    assert_eq!(taken(&server, 1), next);
    Debug { client }.disconnect();
}
