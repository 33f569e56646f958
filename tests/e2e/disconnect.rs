//! The orderly end: disconnect.

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::session_log::Log;
use dlvgate_test_support::toolchain::Pair;
use serde_json::{Value, json};

for_every_dlv!(
    a_disconnect_ends_a_running_program,
    launched_program_ends_despite_terminate_debuggee,
    what_follows_the_disconnect_response_still_comes,
    a_disconnect_before_any_launch_ends_the_session,
    socket_kept_open_holds_no_place,
    socket_kept_open_does_not_hold_up_once,
    socket_kept_open_does_not_hold_up_the_drop_in,
);

/// What may lie between dlv's end and the session's, when its client does not close.
const SOON_US: u64 = 1_000_000;

fn a_disconnect_ends_a_running_program(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    assert_eq!(server.programs("loop").len(), 1);
    debug.disconnect();
    server.closed(1);
}

fn launched_program_ends_despite_terminate_debuggee(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    for (count, arguments) in
        [json!({"terminateDebuggee": true}), json!({"terminateDebuggee": false})].iter().enumerate()
    {
        let (mut debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
        debug.client.ok("disconnect", arguments.clone());
        debug.client.eof();
        server.closed(count + 1);
    }
}

/// dlv says `terminated` a second time, after the disconnect response.
fn what_follows_the_disconnect_response_still_comes(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let mut debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    debug.client.event("terminated");
    let seq = debug.client.send("disconnect", json!({}));
    debug.client.eof();
    let messages: Vec<Value> = debug.client.arrivals().into_iter().map(|one| one.message).collect();
    let response = messages.iter().position(|one| one["request_seq"] == seq).expect("a disconnect response");
    let after: Vec<&Value> = messages[response + 1..].iter().collect();
    assert!(after.iter().any(|one| one["event"] == "terminated"), "after the response: {after:?}");
    server.closed(1);
}

fn a_disconnect_before_any_launch_ends_the_session(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(1);
}

/// A client that has ended its session and keeps its socket open.
fn client_that_stays(mut client: Client) -> Client {
    client.ok("initialize", initialize_arguments());
    client.ok("disconnect", json!({}));
    client
}

/// The first session's end must follow its last step but that.
fn assert_closed_soon_after(log: &Log, last: &str) {
    let at = |name| {
        log.wait(name, |all| all.iter().find(|one| one.session == 1 && one.name == name).cloned()).at_us
    };
    assert!(at("closed").saturating_sub(at(last)) < SOON_US, "{:#?}", log.lines());
}

fn socket_kept_open_holds_no_place(dlv: &Pair) {
    let server = Serve::with(dlv).flags(["--max-sessions", "1"]).start();
    let first = client_that_stays(server.client());
    server.log.wait_for("gate_removed", 1);
    client_that_stays(server.client()).eof();
    assert_closed_soon_after(&server.log, "gate_removed");
    drop(first);
    server.closed(2);
}

fn socket_kept_open_does_not_hold_up_once(dlv: &Pair) {
    let mut server = Serve::with(dlv).flags(["--once"]).start();
    let client = client_that_stays(server.client());
    assert_eq!(server.exit().code(), Some(0));
    assert_closed_soon_after(&server.log, "gate_removed");
    client.eof();
}

fn socket_kept_open_does_not_hold_up_the_drop_in(dlv: &Pair) {
    let dlv = Dlv::new(dlv, Which::Command).args(["dap", "--listen=127.0.0.1:0"]);
    let mut running = dlv.env("DLVGATE_LOG", "info").env("DLVGATE_LOG_FORMAT", "json").start();
    let client = client_that_stays(Client::connect(running.ready()));
    let ended = running.ended();
    assert_eq!(ended.status.code(), Some(0));
    let log = Log::default();
    log.follow(std::io::Cursor::new(ended.stderr));
    assert_closed_soon_after(&log, "ending");
    client.eof();
}
