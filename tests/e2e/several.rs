//! More than one session: side by side, one after another, too many, and those that never were.

use std::time::{Duration, Instant};

use dlvgate_test_support::debug::{Debug, build, initialize_arguments};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

/// How long a connection may stay silent.
const FIRST_BYTE: Duration = Duration::from_secs(60);

for_every_dlv!(
    two_sessions_side_by_side_do_not_meet,
    ten_sessions_in_a_row_leave_nothing_behind,
    a_hundred_silent_connections_start_nothing,
    one_session_more_than_allowed_is_told_so,
    a_client_that_comes_back_at_once_finds_its_place,
    a_port_scan_does_not_spend_the_session,
    begun_header_takes_no_place,
);

fn two_sessions_side_by_side_do_not_meet(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    let (demo, deep) = (Program::built(dlv, "demo"), Program::built(dlv, "deep"));
    let (mut one, first) = Debug::stopped_at(server.client(), &demo, "// breakpoint: order");
    let (mut two, second) = Debug::stopped_at(server.client(), &deep, "// breakpoint: bottom");
    assert_eq!(server.dlvs().len(), 2, "each has a dlv of its own");
    assert_eq!(server.ports().len(), 3, "the front, and one port for each dlv");

    let top = one.top(first);
    assert_eq!(top["source"]["path"], demo.main().to_str().unwrap());
    assert_eq!(one.evaluate(&top, "len(order.Lines)"), "2");
    assert_eq!(two.top(second)["source"]["path"], deep.main().to_str().unwrap());
    one.run_out(first);
    server.log.wait_for("closed", 1);

    assert_eq!(server.dlvs().len(), 1, "the end of one does not touch the other");
    assert_eq!(two.top(second)["line"], deep.line("// breakpoint: bottom"));
    two.run_out(second);
    server.closed(2);
}

fn ten_sessions_in_a_row_leave_nothing_behind(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::source("demo"));
    let line = program.line("// breakpoint: order");
    for count in 1..=10 {
        let arguments = build("debug", &program);
        let mut debug = Debug::begin(server.client(), "launch", arguments, &program.main(), &[line]);
        let thread = debug.stop("breakpoint");
        debug.run_out(thread);
        server.closed(count);
        program.assert_no_binary();
    }
    assert_eq!(server.log.sessions_with("dlv_starting").len(), 10);
}

fn a_hundred_silent_connections_start_nothing(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    for _ in 0..100 {
        server.client().eof_after_close();
    }
    server.nothing_left();
    assert!(server.log.sessions_with("dlv_starting").is_empty());
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.run_out(thread);
    server.closed(1);
    assert_eq!(server.log.sessions_with("dlv_starting").len(), 1, "only the client that spoke got a dlv");
    assert_eq!(server.log.sessions_with("first_byte").len(), 1);
}

fn one_session_more_than_allowed_is_told_so(dlv: &Pair) {
    let server = Serve::with(dlv).flags(["--max-sessions", "2"]).start();
    let mut sessions = [server.client(), server.client()].map(|mut client| {
        client.ok("initialize", initialize_arguments());
        client
    });
    let mut third = server.client();
    let why = third.refused("initialize", initialize_arguments());
    assert!(why.contains('2') && why.contains("--max-sessions"), "{why}");
    drop(third);
    assert_eq!(server.dlvs().len(), 2);

    sessions[0].ok("disconnect", json!({}));
    sessions[0].eof();
    server.log.wait_for("dlv_stopped", 1);
    server.log.wait("the end of the first session", |all| {
        all.iter().any(|one| one.name == "closed" && one.line["session"] == 1).then_some(())
    });
    let third = server.client().initialize();
    for client in sessions.into_iter().skip(1).chain([third]) {
        Debug { client }.disconnect();
    }
    server.closed(3);
}

fn a_port_scan_does_not_spend_the_session(dlv: &Pair) {
    let mut server = Serve::with(dlv).flags(["--once"]).start();
    let program = Program::built(dlv, "demo");
    for _ in 0..5 {
        server.client().eof_after_close();
        server.client().reset();
    }
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.run_out(thread);
    assert_eq!(server.exit().code(), Some(0), "with --once it ends after its session");
}

/// One that lies there, and one that is closed, with the only place and with the only session.
fn begun_header_takes_no_place(dlv: &Pair) {
    for only in [&["--max-sessions", "1"][..], &["--once"]] {
        let mut server = Serve::with(dlv).flags(only).start();
        let [mut lies, mut goes] = [server.client(), server.client()];
        lies.raw(b"Content-Le");
        goes.raw(b"Content-Le");
        goes.eof_after_close();
        Debug::begin_quietly(server.client()).disconnect();
        if only[0] == "--once" {
            let began = Instant::now();
            assert_eq!(server.exit().code(), Some(0));
            assert!(began.elapsed() < FIRST_BYTE / 2, "{:?}", began.elapsed());
            lies.eof();
        } else {
            lies.eof_after_close();
            server.closed(1);
        }
    }
}

/// As an IDE's restart does: its old session is still on its way out.
fn a_client_that_comes_back_at_once_finds_its_place(dlv: &Pair) {
    let server = Serve::with(dlv).flags(["--max-sessions", "1"]).start();
    for _ in 0..5 {
        let mut client = server.client().initialize();
        client.ok("disconnect", json!({}));
        drop(client);
    }
    server.closed(5);
}
