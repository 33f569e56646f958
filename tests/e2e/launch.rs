//! Launching a program in every mode, and what the client learns of its end.

use dlvgate_test_support::debug::{Debug, build, exec, named};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::process::debug_binaries;
use dlvgate_test_support::program::{Program, line_of};
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::{Value, json};

for_every_dlv!(
    a_program_is_built_and_debugged,
    a_built_program_is_debugged,
    a_test_is_debugged,
    a_compile_error_is_shown_and_the_next_launch_works,
    a_wrong_program_path_is_named,
    an_exit_code_is_shown,
    a_panic_stops_the_program,
    a_program_that_prints_without_end_is_not_held_up,
    client_that_asks_for_output_gets_every_line,
);

fn a_program_is_built_and_debugged(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::source("demo"));
    let line = program.line("// breakpoint: order");
    let mut debug =
        Debug::begin(server.client(), "launch", build("debug", &program), &program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    assert_eq!(top["line"], line);
    assert_eq!(top["source"]["path"], program.main().to_str().unwrap());
    assert_eq!(debug_binaries(&program.folder).len(), 1, "the test looks where dlv builds");
    debug.run_out(thread);
    server.closed(1);
    program.assert_no_binary();
}

fn a_built_program_is_debugged(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    assert_eq!(server.programs("demo").len(), 1);
    debug.run_out(thread);
    server.closed(1);
}

fn a_test_is_debugged(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::source("calc"));
    let file = program.folder.join("calc_test.go");
    let line = line_of(&file, "// breakpoint: test");
    let mut debug = Debug::begin(server.client(), "launch", build("test", &program), &file, &[line]);
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    assert!(top["name"].as_str().is_some_and(|name| name.contains("Test")), "{top}");
    let locals = debug.locals(&top);
    assert!(named(&locals, "t")["type"].as_str().is_some_and(|name| name.contains("testing.T")));
    debug.run_out(thread);
    server.closed(1);
    program.assert_no_binary();
}

fn a_compile_error_is_shown_and_the_next_launch_works(dlv: &Pair) {
    let (server, broken, program) =
        (Serve::with(dlv).start(), Program::source("broken"), Program::source("demo"));
    let mut client = server.client().initialize();
    client.refused("launch", build("debug", &broken));
    let output = client.output(None);
    assert!(output.contains("main.go:"), "the compiler's own words must come: {output:?}");

    // dlv stays where the first launch took it, so the second says where to go.
    let line = program.line("// breakpoint: order");
    let mut debug = Debug { client }.configure("launch", build("debug", &program), &program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    debug.run_out(thread);
    server.closed(1);
    assert_eq!(server.log.sessions_with("dlv_starting").len(), 1, "one dlv served both launches");
}

fn a_wrong_program_path_is_named(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    let mut client = server.client().initialize();
    let why = client.refused("launch", json!({"mode": "exec", "program": "/nonexistent/program"}));
    let shown = format!("{why} {}", client.output(None));
    assert!(shown.contains("/nonexistent/program"), "{shown}");
    Debug { client }.disconnect();
    server.closed(1);
}

fn an_exit_code_is_shown(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "exit3"));
    let debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    debug.client.event("terminated");
    if dlv.at_least(1, 27) {
        assert_eq!(debug.client.event("exited")["exitCode"], 3);
    }
    let client = {
        let mut client = debug.client;
        client.ok("disconnect", json!({}));
        client.eof();
        client
    };
    assert!(client.output(None).contains("status 3"), "{}", client.transcript());
    server.closed(1);
}

fn a_panic_stops_the_program(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "panics"));
    let mut debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    let stopped = debug.client.event("stopped");
    assert_eq!(stopped["reason"], "exception", "{stopped}");
    let thread = stopped["threadId"].as_i64().unwrap();
    let in_main = |frame: &Value| frame["name"].as_str().is_some_and(|name| name.starts_with("main."));
    assert!(debug.stack(thread).iter().any(in_main));
    debug.disconnect();
    server.closed(1);
}

/// Its standard output is a pipe that dlvgate has to empty.
fn a_program_that_prints_without_end_is_not_held_up(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "flood"));
    let debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    debug.client.event("terminated");
    debug.disconnect();
    server.closed(1);
    let printed = server.rest_of_stdout();
    assert_eq!(printed.lines().count(), 20_000, "it goes to our standard output, as it would go to dlv's");
}

fn client_that_asks_for_output_gets_every_line(dlv: &Pair) {
    if !dlv.at_least(1, 27) {
        println!("dlv {} gives no output events for outputMode remote", dlv.name);
        return;
    }
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "flood"));
    let mut arguments = exec(&program);
    arguments["outputMode"] = "remote".into();
    let debug = Debug::begin(server.client(), "launch", arguments, &program.main(), &[]);
    debug.client.event("terminated");
    let printed = debug.client.output(Some("stdout"));
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 20_000, "the last is {:?}", lines.last());
    let mut sorted = lines.clone();
    sorted.sort_by_key(|line| digits(line));
    assert_eq!(lines, sorted, "the lines keep their order");
    debug.disconnect();
    server.closed(1);
}

/// The first number in a line.
fn digits(line: &str) -> u64 {
    let number = line.split(|letter: char| !letter.is_ascii_digit()).find(|part| !part.is_empty());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number in {line:?}"))
}
