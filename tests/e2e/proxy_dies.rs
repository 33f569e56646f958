//! The proxy itself is killed, with no chance to see to anything.

use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::json;

for_every_dlv!(a_killed_proxy_leaves_no_dlv_and_no_program);

fn a_killed_proxy_leaves_no_dlv_and_no_program(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let _running = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    let _idle = server.client();
    assert_eq!(server.programs("loop").len(), 1);
    server.signal(Signal::SIGKILL);
    let gone = poll(PATIENCE, || server.children().is_empty().then_some(()));
    assert!(gone.is_some(), "processes are left: {:#?}", server.children());
}

/// Nothing but the kernel can tell this dlv: it has no connection yet whose end it would see.
#[test]
fn proxy_killed_before_its_gate_leaves_no_dlv() {
    let (pf, dlv) = (StandinPf::fresh(), Pair::any());
    let server = pf.serve(&dlv).start();
    pf.fault(&json!({"match": ["-a", "-n"], "action": "hang"}));
    let mut client = server.client();
    client.send("initialize", initialize_arguments());
    server.log.wait_for("gate_opening", 1);
    assert_eq!(server.dlvs().len(), 1);
    server.signal(Signal::SIGKILL);
    let gone = poll(PATIENCE, || server.dlvs().is_empty().then_some(()));
    assert!(gone.is_some(), "processes are left: {:#?}", server.children());
}
