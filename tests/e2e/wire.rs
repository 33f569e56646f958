//! Bytes as clients send them: in pieces, all at once, with headers that dlv would not take, and
//! beyond its limit.

use dlvgate_test_support::client::{Client, error_text};
use dlvgate_test_support::debug::{Debug, initialize_arguments, named};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

for_every_dlv!(
    headers_that_dlv_refuses_work,
    one_byte_at_a_time_works,
    pipelined_requests_are_answered,
    body_over_dlv_s_limit_is_answered,
    a_large_answer_comes_whole,
);

/// Initializes by `send`, then uses the session with the same kind of frame.
fn whole_session(dlv: &Pair, send: impl Fn(&mut Client, &str)) {
    let server = Serve::with(dlv).start();
    let mut client = server.client();
    for (command, arguments) in [("initialize", initialize_arguments()), ("disconnect", json!({}))] {
        let (seq, body) = client.compose(command, arguments);
        send(&mut client, &body);
        let response = client.response(seq);
        assert_eq!(
            (&response["command"], &response["success"]),
            (&json!(command), &json!(true)),
            "{response}"
        );
    }
    client.eof();
    server.closed(1);
}

fn headers_that_dlv_refuses_work(dlv: &Pair) {
    let content_type = "Content-Type: application/vscode-jsonrpc; charset=utf-8";
    let headers: [(&str, &str); 6] = [
        ("lower case", "content-length: N\r\n\r\n"),
        ("Content-Type first", &format!("{content_type}\r\nContent-Length: N\r\n\r\n")),
        ("Content-Type last", &format!("Content-Length: N\r\n{content_type}\r\n\r\n")),
        ("another header", "Content-Length: N\r\nX-Trace: 1\r\n\r\n"),
        ("line feeds alone", "Content-Length: N\n\n"),
        ("no space", "Content-Length:N\r\n\r\n"),
    ];
    for (what, header) in headers {
        println!("{what}");
        whole_session(dlv, |client, body| {
            client.raw(header.replace('N', &body.len().to_string()).as_bytes());
            client.raw(body.as_bytes());
        });
    }
}

fn one_byte_at_a_time_works(dlv: &Pair) {
    whole_session(dlv, |client, body| frame(body).iter().for_each(|byte| client.raw(&[*byte])));
}

fn pipelined_requests_are_answered(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    let mut client = server.client();
    let requests = [
        ("initialize", initialize_arguments()),
        ("threads", json!({})),
        ("nosuchcommand", json!({})),
        ("setExceptionBreakpoints", json!({"filters": []})),
        ("disconnect", json!({})),
    ];
    let mut wire = Vec::new();
    let mut sent = Vec::new();
    for (command, arguments) in requests {
        let (seq, body) = client.compose(command, arguments);
        wire.extend(frame(&body));
        sent.push((seq, command));
    }
    client.raw(&wire);
    for (seq, command) in sent {
        let response = client.response(seq);
        // dlv itself does not name a command that it does not know.
        assert!(response["command"] == command || command == "nosuchcommand", "{response}");
    }
    client.eof();
    server.closed(1);
}

fn body_over_dlv_s_limit_is_answered(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let frame_id = debug.top(thread)["id"].clone();
    let long = "x".repeat(5 << 20);
    let response = debug.client.ask("evaluate", json!({"expression": long, "frameId": frame_id}));
    assert_eq!(
        (&response["success"], &response["command"]),
        (&json!(false), &json!("evaluate")),
        "{response}"
    );
    let why = error_text(&response);
    assert!(why.contains("4 MiB"), "the limit is named: {why}");

    let top = debug.top(thread);
    assert_eq!(debug.evaluate(&top, "len(order.Lines)"), "2");
    debug.run_out(thread);
    server.closed(1);
}

/// What dlv sends has no such limit.
fn a_large_answer_comes_whole(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "deep"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: data");
    let top = debug.top(thread);
    let locals = debug.locals(&top);
    let big = &named(&locals, "big")["variablesReference"];
    let arguments = json!({"variablesReference": big, "filter": "indexed", "start": 0, "count": 5000});
    let body = debug.client.ok("variables", arguments);
    let elements = body["variables"].as_array().expect("variables");
    assert_eq!(elements.len(), 5000);
    assert_eq!(elements[4999]["value"], (4999 * 4999).to_string());
    debug.run_out(thread);
    server.closed(1);
}
