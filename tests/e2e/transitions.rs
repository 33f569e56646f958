//! The log tells each session's order: it is the product's promise.

use dlvgate_test_support::debug::{Debug, exec};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::session_log::{Transition, WHOLE_SESSION};
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

for_every_dlv!(a_session_goes_through_its_transitions_in_order, however_it_ends_the_order_is_the_same);

/// The transitions of session `number`, once it is closed.
fn closed(server: &Server, number: usize) -> Vec<Transition> {
    server.closed(number);
    let session = server.log.sessions_with("dlv_starting")[number - 1];
    let transitions = server.log.of(session);
    let names: Vec<&str> = transitions.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, WHOLE_SESSION);
    transitions
}

fn a_session_goes_through_its_transitions_in_order(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.run_out(thread);
    let transitions = closed(&server, 1);
    assert!(transitions.is_sorted_by_key(|one| one.at_us), "{transitions:#?}");
    assert!(transitions.is_sorted_by_key(|one| one.wall_us), "{transitions:#?}");
    assert_eq!(transitions[0].at_us, 0, "times are counted from the first byte");
    for one in &transitions {
        assert_eq!(one.line["target"], "dlvgate::session");
        if one.name.starts_with("gate_") {
            assert_eq!(one.line["firewall"], "off", "the log states that there is no gate: {}", one.line);
        }
    }
}

fn however_it_ends_the_order_is_the_same(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    type Ending = fn(Debug, &Server);
    let endings: [(&str, Ending); 4] = [
        ("disconnect", |debug, _| debug.disconnect()),
        ("end of file", |debug, _| drop(debug)),
        ("reset", |debug, _| debug.client.reset()),
        ("death of dlv", |debug, server| {
            server.dlv().signal(Signal::SIGKILL);
            debug.client.eof();
        }),
    ];
    let mut causes: Vec<Value> = Vec::new();
    for (count, (what, ending)) in endings.into_iter().enumerate() {
        let debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
        ending(debug, &server);
        let transitions = closed(&server, count + 1);
        let ending = transitions.iter().find(|one| one.name == "ending").expect("ending");
        assert!(ending.line["cause"].is_string(), "{what}: {}", ending.line);
        causes.push(ending.line["cause"].clone());
    }
    assert_ne!(causes[0], causes[1], "{causes:?}");
    assert_ne!(causes[0], causes[3], "{causes:?}");
    assert_ne!(causes[1], causes[3], "{causes:?}");
}

#[test]
fn every_line_of_a_json_log_is_json() {
    let pair = Pair::any();
    let (server, program) = (Serve::with(&pair).flags(["-v"]).start(), Program::built(&pair, "demo"));
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.run_out(thread);
    server.client().raw(b"GET / HTTP/1.1\r\n\r\n");
    server.closed(1);
    assert!(!server.log.lines().is_empty());
    for line in server.log.lines() {
        let parsed: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(parsed["level"].is_string() && parsed["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn entry_of_another_part_names_its_session() {
    let server = Serve::with(&Pair::any()).flags(["-v"]).start();
    Debug { client: server.client().initialize() }.disconnect();
    server.closed(1);
    let lines = server.log.lines();
    let mut entries = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let gate = entries.find(|entry| entry["target"] == "dlvgate::firewall" && entry["port"].is_u64());
    let span = gate.expect("the firewall says that it is off")["span"].clone();
    assert_eq!(
        [&span["name"], &span["id"], &span["protocol"]],
        [&json!("session"), &json!(1), &json!("DAP")]
    );
    assert!(span["peer"].is_string(), "{span}");
}

#[test]
fn quiet_server_logs_no_successful_session() {
    let pair = Pair::any();
    let mut server = Serve::with(&pair).flags(["-q", "--once"]).start();
    let mut client = server.client().initialize();
    client.ok("disconnect", json!({}));
    client.eof();
    assert_eq!(server.exit().code(), Some(0));
    assert_eq!(server.log.lines(), [] as [&str; 0]);
}
