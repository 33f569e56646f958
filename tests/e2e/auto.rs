//! `--firewall auto`: what it takes, when it takes nothing, and when it refuses to guess.

use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::session_log::WHOLE_SESSION;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::json;

use crate::nftables::HOST;

/// A Mac's auto, with a pf of the test's own.
fn on_a_mac(pf: &StandinPf) -> Serve {
    pf.serve(&Pair::any()).firewall("auto").flags(["--backend", "pf"])
}

fn in_namespace(namespace: &Namespace) -> Serve {
    Serve::with(&Pair::any()).firewall("auto").flags(["--listen", "127.0.0.1:2345"]).inside(namespace)
}

/// What the log says of the packet filter when the server starts.
fn said(server: &Server) -> String {
    let line = || server.log.lines().into_iter().find(|line| line.contains("\"backend\""));
    poll(PATIENCE, line).expect("the backend is logged")
}

#[test]
fn a_pf_that_is_off_is_left_alone_and_the_log_says_so() {
    let pf = StandinPf::fresh();
    let server = on_a_mac(&pf).start();
    assert!(
        said(&server).contains("\"off\"") && said(&server).contains("pf is not enabled"),
        "{}",
        said(&server)
    );
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(1);
    let changes: Vec<_> = pf.calls().into_iter().filter(|call| !call.changes.is_empty()).collect();
    assert!(changes.is_empty(), "{changes:#?}");
}

#[test]
fn a_pf_that_is_on_guards_each_session_s_port() {
    let pf = StandinPf::fresh();
    pf.run(&["--standin", "enable-by-other"]);
    let server = on_a_mac(&pf).start();
    assert!(said(&server).contains("\"pf\""), "{}", said(&server));
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(1);
    let names: Vec<String> = server.log.of(1).into_iter().map(|one| one.name).collect();
    assert_eq!(names, WHOLE_SESSION);
    assert_eq!(pf.changes("rules").len(), 2, "guarded, then shut");
}

#[test]
fn auto_refuses_a_pf_that_skips_the_gate() {
    let pf = StandinPf::fresh();
    pf.run(&["--standin", "enable-by-other"]);
    pf.load_main("pass\n");
    let output = on_a_mac(&pf).run();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("com.apple/*") && text.contains("sudo pfctl -s rules"), "{text}");
}

#[test]
fn a_gate_that_fails_later_refuses_its_session() {
    let pf = StandinPf::fresh();
    pf.run(&["--standin", "enable-by-other"]);
    let server = on_a_mac(&pf).start();
    pf.fails(&["-a", "-f"], &["-n"], "pfctl: DIOCXCOMMIT: Device busy");
    let mut client = server.client();
    let why = client.refused("initialize", json!({"adapterID": "go"}));
    assert!(why.contains("Device busy"), "{why}");
    drop(client);
    server.closed(1);
}

#[test]
fn auto_gates_only_a_host_that_drops() {
    let Some(namespace) = Namespace::new() else { return };
    let server = in_namespace(&namespace).start();
    assert!(said(&server).contains("nothing stands in the way"), "{}", said(&server));
    Debug::begin_quietly(namespace.inside(|| server.client())).disconnect();
    server.closed(1);
    drop(server);
    namespace.nft(HOST);
    let server = in_namespace(&namespace).start();
    assert!(said(&server).contains("\"nftables\""), "{}", said(&server));
    Debug::begin_quietly(namespace.inside(|| server.client())).disconnect();
    server.closed(1);
}

#[test]
fn without_the_privilege_to_ask_the_log_says_so() {
    if !nix::unistd::geteuid().is_root() || std::path::Path::new("/usr/local/libexec/dlvgate-guard").exists()
    {
        println!("not run: it takes root to become another user, and no installed helper");
        return;
    }
    let server = Serve::with(&Pair::any()).firewall("auto").own_journals(false).run_as(65_534).start();
    assert!(
        said(&server).contains("only root may") && said(&server).contains("firewall install"),
        "{}",
        said(&server)
    );
}

#[test]
fn foreign_packet_filter_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        println!("not run: it takes root to become another user");
        return;
    }
    let output = Serve::with(&Pair::any()).firewall("pf").own_journals(false).run_as(65_534).run();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("not this system's") && text.contains("nftables"),
        "{text}"
    );
}
