//! The gate of a dlv in whose place dlvgate runs, in nftables.

use std::net::SocketAddr;

use dlvgate_test_support::dropin::{Dlv, Running, Which};
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::process::listening_ports;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::nftables::{HOST, assert_same};

fn start(dlv: &Pair, namespace: &Namespace, words: &[&str]) -> Running {
    let start = Dlv::new(dlv, Which::Command).args(words).env("DLVGATE_FIREWALL", "nftables");
    start.inside(namespace).start()
}

/// dlv's private port.
fn private_port(running: &Running) -> u16 {
    let ports = listening_ports(&[running.dlv()]);
    assert_eq!(ports.len(), 1, "{ports:?}");
    ports[0]
}

/// `nobody` on Debian.
const OTHER_USER: u32 = 65_534;

#[test]
fn gate_opens_before_ready_line_and_lives_with_dlv() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let (dlv, before) = (Pair::any(), namespace.ruleset());
    let program = Program::built(&dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let words =
        ["exec", "--headless", "--api-version=2", "--accept-multiclient", "-l", "127.0.0.1:2345", binary];
    let mut running = start(&dlv, &namespace, &words);
    assert_eq!(running.ready(), SocketAddr::from(([127, 0, 0, 1], 2345)));
    let port = private_port(&running);
    let guarded = |namespace: &Namespace| {
        let answer = namespace.connect_as(OTHER_USER, port);
        assert!(answer.contains("Connection refused"), "another user reaches dlv: {answer:?}");
        assert!(namespace.ruleset().contains(&format!(":{port}\"")), "the gate stands");
    };
    guarded(&namespace);
    for _ in 0..2 {
        let mut client = namespace.inside(|| Rpc::connect(running.ready()));
        assert_eq!(client.call("IsMulticlient", json!({}))["IsMulticlient"], true);
        client.leave();
        guarded(&namespace);
    }
    let mut last = namespace.inside(|| Rpc::connect(running.ready()));
    last.call("Detach", json!({"Kill": true}));
    assert_eq!(running.ended().status.code(), Some(0));
    running.nothing_left();
    assert_same(&before, &namespace);
}

#[test]
fn no_rule_is_left_when_we_are_killed() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.nft(HOST);
    let (dlv, before) = (Pair::any(), namespace.ruleset());
    let mut running = start(&dlv, &namespace, &["dap", "-l", "127.0.0.1:2345"]);
    running.ready();
    running.signal(Signal::SIGKILL);
    running.ended();
    running.nothing_left();
    assert_same(&before, &namespace);
}

/// The guard is this program too, and must not take itself for dlv.
#[test]
fn a_copy_of_us_named_dlv_has_its_gate() {
    let Some(namespace) = Namespace::new() else { return };
    let dlv = Pair::any();
    let mut start = Dlv::new(&dlv, Which::Link).args(["dap"]).env("DLVGATE_FIREWALL", "nftables");
    let link = start.file("dlv");
    std::fs::remove_file(&link).unwrap();
    assert!(
        std::process::Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_dlvgate"))
            .arg(&link)
            .status()
            .unwrap()
            .success()
    );
    start = start.inside(&namespace);
    let running = start.start();
    running.ready();
    assert!(namespace.ruleset().contains("\"dlvgate:"), "the gate stands");
}

#[test]
fn open_front_needs_addresses_and_gates_them() {
    let Some(namespace) = Namespace::new() else { return };
    namespace.ip(&["addr", "add", "192.0.2.1/24", "dev", "lo"]);
    let dlv = Pair::any();
    let words = ["dap", "--listen=192.0.2.1:2345"];
    let refused = start(&dlv, &namespace, &words).ended();
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains("DLVGATE_ALLOW"), "{}", refused.stderr);
    assert_eq!(refused.stdout, "");
    let allowed = Dlv::new(&dlv, Which::Command).args(words).env("DLVGATE_ALLOW", "192.0.2.7,192.0.2.128/25");
    let mut running = allowed.env("DLVGATE_FIREWALL", "nftables").inside(&namespace).start();
    assert_eq!(running.ready().to_string(), "192.0.2.1:2345");
    let ruleset = namespace.ruleset();
    assert!(ruleset.contains(":2345\"") && ruleset.contains("192.0.2.7"), "{ruleset}");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.ended().status.code(), Some(0));
    running.nothing_left();
    assert!(!namespace.ruleset().contains(":2345\""));
}
