//! Debugging again: the `restart` request, and a new connection.

use dlvgate_test_support::debug::{Debug, breakpoints, build};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

for_every_dlv!(a_program_is_restarted_in_the_session, a_new_connection_is_a_new_session);

fn a_program_is_restarted_in_the_session(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::source("demo"));
    let line = program.line("// breakpoint: call");
    let launch = build("debug", &program);
    let mut debug = Debug::begin(server.client(), "launch", launch.clone(), &program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    let before = server.programs("__debug_bin")[0].pid;
    if !dlv.at_least(1, 27) {
        // Not known to dlv yet: its refusal comes through, and the session goes on.
        let why = debug.client.refused("restart", json!({"arguments": launch}));
        assert!(!why.is_empty());
    } else {
        let restart = debug.client.send("restart", json!({"arguments": launch}));
        debug.client.event("initialized");
        let line = program.line("// breakpoint: order");
        debug.client.ok("setBreakpoints", breakpoints(&program.main(), json!([{"line": line}])));
        debug.client.ok("configurationDone", json!({}));
        let response = debug.client.response(restart);
        assert_eq!(response["success"], true, "{response}");
        let thread = debug.stop("breakpoint");
        assert_eq!(debug.top(thread)["line"], line);
        assert_ne!(server.programs("__debug_bin")[0].pid, before, "it is another process");
    }
    debug.run_out(thread);
    server.closed(1);
    program.assert_no_binary();
    assert_eq!(server.log.sessions_with("dlv_starting").len(), 1, "it was one session");
}

fn a_new_connection_is_a_new_session(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let first = server.dlv().pid;
    debug.disconnect();
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: call");
    server.log.wait_for("closed", 1);
    assert_ne!(server.dlv().pid, first);
    debug.run_out(thread);
    server.closed(2);
}
