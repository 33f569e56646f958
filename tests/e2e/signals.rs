//! Signals to the server in mid-session: every client is told, everything is gone, exit code 0.

use dlvgate_test_support::debug::{Debug, build, exec};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::json;

for_every_dlv!(
    sigint_ends_the_session_and_leaves_nothing_behind,
    sigterm_ends_the_session_and_leaves_nothing_behind,
    sighup_ends_the_session_and_leaves_nothing_behind,
    a_signal_ends_all_sessions_at_a_stop_or_running,
);

fn sigint_ends_the_session_and_leaves_nothing_behind(dlv: &Pair) {
    ends_the_session(dlv, Signal::SIGINT);
}

fn sigterm_ends_the_session_and_leaves_nothing_behind(dlv: &Pair) {
    ends_the_session(dlv, Signal::SIGTERM);
}

fn sighup_ends_the_session_and_leaves_nothing_behind(dlv: &Pair) {
    ends_the_session(dlv, Signal::SIGHUP);
}

fn ends_the_session(dlv: &Pair, signal: Signal) {
    let (mut server, program) = (Serve::with(dlv).start(), Program::source("loop"));
    let arguments = build("debug", &program);
    let mut debug = Debug::begin(server.client(), "launch", arguments, &program.main(), &[]);
    debug.client.ok("threads", json!({}));
    server.signal(signal);
    debug.client.event("terminated");
    debug.client.eof();
    assert_eq!(server.exit().code(), Some(0));
    program.assert_no_binary();
    let names: Vec<String> = server.log.transitions().into_iter().map(|one| one.name).collect();
    assert_eq!(names[names.len() - 5..], ["ending", "gate_shut", "dlv_stopped", "gate_removed", "closed"]);
}

fn a_signal_ends_all_sessions_at_a_stop_or_running(dlv: &Pair) {
    let (mut server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let (stopped, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    let running = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    let silent = server.client();
    server.signal(Signal::SIGTERM);
    for debug in [&stopped, &running] {
        debug.client.event("terminated");
        debug.client.eof();
    }
    silent.eof();
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn a_signal_without_a_session_ends_the_server_at_once() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut server = Serve::with(&Pair::any()).start();
        server.signal(signal);
        assert_eq!(server.exit().code(), Some(0), "{signal:?}");
    }
}
