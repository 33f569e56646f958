//! The orderly end: disconnect.

use serde_json::{Value, json};

use crate::for_every_dlv;
use crate::support::debug::{Debug, exec, initialize_arguments};
use crate::support::program::Program;
use crate::support::server::Serve;
use crate::support::toolchain::Pair;

for_every_dlv!(
    a_disconnect_ends_a_running_program,
    a_launched_program_ends_whatever_terminate_debuggee_says,
    what_follows_the_disconnect_response_still_comes,
    a_disconnect_before_any_launch_ends_the_session,
);

fn a_disconnect_ends_a_running_program(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    assert_eq!(server.programs("loop").len(), 1);
    debug.disconnect();
    server.closed(1);
}

fn a_launched_program_ends_whatever_terminate_debuggee_says(dlv: &Pair) {
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
    let mut client = server.client();
    client.ok("initialize", initialize_arguments());
    Debug { client }.disconnect();
    server.closed(1);
}
