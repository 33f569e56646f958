//! A page in the user's own browser: it can have requests sent to 127.0.0.1 as this user, with a
//! body of its choice.

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

/// What a page's request could bring along: a session, were it read.
fn body() -> String {
    let request =
        json!({"seq": 1, "type": "request", "command": "initialize", "arguments": initialize_arguments()});
    String::from_utf8(frame(&request.to_string())).unwrap()
}

/// The beginnings of requests as browsers send them, and as nothing but a page's wishes could make
/// them.
fn requests() -> Vec<String> {
    let body = body();
    let lines = [
        "GET / HTTP/1.1",
        "POST / HTTP/1.1",
        "OPTIONS / HTTP/1.1",
        "HEAD / HTTP/1.1",
        // Methods that begin as a DAP header does.
        "CONNECT 127.0.0.1:2345 HTTP/1.1",
        "COPY / HTTP/1.1",
        "CHECKOUT /a:b HTTP/1.1",
        "Content-Length / HTTP/1.1",
        "content-length /:5 HTTP/1.1",
        "C / HTTP/1.1",
        // HTTP/2 without TLS, WebSocket's answer in vain, and a page that was found by DNS
        // rebinding.
        "PRI * HTTP/2.0",
        "GET /socket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade",
        "POST / HTTP/1.1\r\nHost: evil.example:2345\r\nOrigin: http://evil.example:2345",
    ];
    let with_body = |line: &str| {
        format!("{line}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    lines.iter().map(|line| with_body(line)).collect()
}

fn start_nothing(server: &Server, requests: &[String]) {
    for request in requests {
        let mut client = server.client();
        // The server may close before all of it is sent.
        let _ = client.try_raw(request.as_bytes());
        client.half_close_if_open();
        let said = client.bytes(|_| false);
        let said = String::from_utf8_lossy(&said);
        assert!(!said.contains("supportsConfigurationDoneRequest"), "{request}: {said}");
        assert!(!said.to_ascii_lowercase().contains("access-control"), "no page may read it: {said}");
    }
    let started = server.log.sessions_with("dlv_starting");
    assert!(started.is_empty(), "{started:?}: {:#?}", server.log.lines());
}

#[test]
fn a_page_in_a_browser_starts_nothing() {
    let server = Serve::with(&Pair::any()).start();
    start_nothing(&server, &requests());
    server.nothing_left();
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(1);
}

/// A body of Delve's JSON-RPC, at a front that speaks it.
#[test]
fn a_page_in_a_browser_calls_nothing_over_json_rpc() {
    let pair = Pair::any();
    let program = dlvgate_test_support::program::Program::built(&pair, "demo");
    let server = Serve::with(&pair).dlv_flags(["exec", program.binary.to_str().unwrap()]).start();
    let call = r#"{"method":"RPCServer.Detach","params":[{"Kill":true}],"id":1}"#;
    let requests: Vec<String> = requests()
        .into_iter()
        .map(|request| request.split("\r\n\r\n").next().unwrap().to_owned() + "\r\n\r\n" + call)
        .collect();
    start_nothing(&server, &requests);
    server.nothing_left();
}

/// The first byte alone looks like DAP's: it starts nothing.
#[test]
fn a_request_that_comes_in_parts_is_not_passed_on() {
    let server = Serve::with(&Pair::any()).start();
    let mut client = Client::connect(server.front());
    client.raw(b"C");
    let _ = client.try_raw(&format!("ONNECT 127.0.0.1:2345 HTTP/1.1\r\n\r\n{}", body()).into_bytes());
    client.half_close_if_open();
    let said = String::from_utf8_lossy(&client.bytes(|_| false)).into_owned();
    assert!(!said.contains("supportsConfigurationDoneRequest"), "{said}");
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(1);
}
