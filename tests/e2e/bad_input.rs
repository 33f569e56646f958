//! Input that is not DAP: each is answered so that a person understands it, and the server goes on
//! serving.

use std::time::{Duration, Instant};

use dlvgate_test_support::client::{Client, End, error_text};
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::frames::{frame, split_all};
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use serde_json::{Value, json};

for_every_dlv!(
    json_rpc_is_refused_at_once_with_its_own_id,
    what_does_not_speak_dap_is_told_so,
    a_broken_first_message_is_explained,
    a_broken_later_message_is_explained,
);

/// A session that works, after whatever came before.
fn assert_serves(server: &Server) {
    Debug::begin_quietly(server.client()).disconnect();
}

/// What the client was told before the server closed: the text of an error response or an output
/// event.
fn told(client: &Client) -> String {
    let (end, _) = client.end();
    assert_eq!(end, End::Eof, "a reset can swallow what was said");
    let bytes = client.bytes(|_| false);
    let messages =
        split_all(&bytes).unwrap_or_else(|why| panic!("{why}: {:?}", String::from_utf8_lossy(&bytes)));
    let text = |message: &Value| match message["type"].as_str() {
        Some("response") if message["success"] == false => Some(error_text(message)),
        Some("event") => message["body"]["output"].as_str().map(str::to_owned),
        _ => None,
    };
    messages.iter().filter_map(text).collect::<Vec<_>>().join("\n")
}

fn json_rpc_is_refused_at_once_with_its_own_id(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    for request in [
        r#"{"method":"RPCServer.IsMulticlient","params":[{}],"id":7}"#,
        " \n{\"id\":7,\"method\":\"RPCServer.State\",\"params\":[{\"NonBlocking\":true}]}\n",
    ] {
        let mut client = server.client();
        let sent = Instant::now();
        client.raw(request.as_bytes());
        let complete = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).is_ok();
        let answer = client.bytes(complete);
        assert!(sent.elapsed() < Duration::from_secs(1), "after {:?}", sent.elapsed());
        let answer: Value = serde_json::from_slice(&answer).expect("a JSON-RPC answer");
        assert_eq!(answer["id"], 7, "{answer}");
        assert!(answer["error"].as_str().is_some_and(|error| error.contains("DAP")), "{answer}");
    }
    assert!(server.log.sessions_with("dlv_starting").is_empty(), "no dlv for a client that it cannot serve");
    assert_serves(&server);
    server.closed(1);
}

fn what_does_not_speak_dap_is_told_so(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    let tls_hello = [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
    for bytes in
        [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".as_slice(), &tls_hello, b"\0\0\0\0", b"SSH-2.0-x\r\n"]
    {
        let mut client = server.client();
        client.raw(bytes);
        let answer = client.bytes(|_| false);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.contains("DAP"), "{:?} got {answer:?}", String::from_utf8_lossy(bytes));
        assert_eq!(client.end().0, End::Eof);
    }
    assert!(server.log.sessions_with("dlv_starting").is_empty());
    assert_serves(&server);
    server.closed(1);
}

/// Frames that are broken, each with a word that its explanation holds.
fn broken_frames() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let body = r#"{"seq":1,"type":"request","command":"threads"}"#;
    let header = |value: &str| format!("Content-Length: {value}\r\n\r\n{body}").into_bytes();
    let many: String = (0..10_000).map(|count| format!("Content-Note-{count}: x\r\n")).collect();
    vec![
        ("abc", header("abc"), "Content-Length"),
        ("negative", header("-5"), "Content-Length"),
        ("overflow", header("99999999999999999999999999"), "Content-Length"),
        ("far beyond the limit", header("99999999999"), "4 MiB"),
        ("missing", format!("Content-Type: x\r\n\r\n{body}").into_bytes(), "Content-Length"),
        ("no colon", format!("Content-Length\r\n\r\n{body}").into_bytes(), "header"),
        ("endless line", format!("Content-Note: {}", "x".repeat(300_000)).into_bytes(), "header"),
        (
            "10,000 headers",
            format!("{many}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes(),
            "header",
        ),
        ("malformed JSON", frame(r#"{"seq":1,"type":"request","command":"#), "JSON"),
        ("an array", frame("[1,2]"), "object"),
        ("nothing", frame(""), "0"),
    ]
}

fn a_broken_first_message_is_explained(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    for (what, bytes, word) in broken_frames() {
        let mut client = server.client();
        // The server may answer and close before all of it is written.
        let _ = client.try_raw(&bytes);
        client.half_close_if_open();
        let told = told(&client);
        assert!(told.contains(word), "{what}: no {word:?} in {told:?}");
    }
    assert_serves(&server);
    server.log.wait_for("closed", server.log.sessions_with("first_byte").len());
    server.nothing_left();
}

fn a_broken_later_message_is_explained(dlv: &Pair) {
    let server = Serve::with(dlv).start();
    for (count, (what, bytes, word)) in broken_frames().into_iter().enumerate() {
        let mut client = server.client().initialize();
        let _ = client.try_raw(&bytes);
        // These two do not end the session: one waits for the rest of its body, the other is
        // dropped.
        let goes_on = matches!(what, "far beyond the limit" | "nothing");
        if goes_on {
            client.half_close_if_open();
        }
        let told = told(&client);
        assert!(told.contains(word), "{what}: no {word:?} in {told:?}");
        if goes_on {
            server.closed(count + 1);
            continue;
        }
        let last = client.arrivals().pop().expect("a message").message;
        assert_eq!(last["event"], "terminated", "{what}: the IDE ends cleanly");
        server.closed(count + 1);
    }
    assert_serves(&server);
}

#[test]
fn a_request_without_a_seq_is_served() {
    let server = Serve::with(&Pair::any()).start();
    let mut client = server.client();
    client.raw(&frame(
        &json!({"type": "request", "command": "initialize", "arguments": initialize_arguments()}).to_string(),
    ));
    assert_eq!(client.response(0)["success"], true);
}
