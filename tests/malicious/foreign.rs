//! What speaks something else.

use serde_json::json;

use crate::arena::Arena;
use crate::attack::{Attack, Then, first, refused, request};

pub fn all() -> Vec<Attack> {
    let initialize = String::from_utf8(request(&json!({"command": "initialize"}))).unwrap();
    let http = |lines: &str| {
        format!("{lines}\r\nHost: 127.0.0.1:2345\r\nContent-Length: {}\r\n\r\n{initialize}", initialize.len())
    };
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    vec![
        refused("a TLS hello", hello, "DAP"),
        refused("HTTP", http("GET / HTTP/1.1"), "DAP"),
        refused(
            "a page's POST with a session as its body",
            http("POST / HTTP/1.1\r\nOrigin: http://evil.example"),
            "DAP",
        ),
        refused("a method that begins as a header does", http("CONNECT 127.0.0.1:2345 HTTP/1.1"), ""),
        refused("an SSH client", "SSH-2.0-OpenSSH_9.9\r\n", "DAP"),
        refused("a mail server's greeting", "EHLO evil.example\r\nMAIL FROM:<a@b>\r\n", "DAP"),
        refused("a hundred kilobytes of zeros", vec![0; 100_000], "DAP"),
        refused("a megabyte of 0xff", vec![0xff; 1_000_000], "DAP"),
        refused("a probe with a session after it", format!("dlvgate?\r\n\r\n{initialize}"), "dlvgate "),
        refused("a probe, and a megabyte", format!("dlvgate?\r\n\r\n{}", "x".repeat(1_000_000)), "dlvgate "),
        refused("half a probe", "dlvga", "dlvgate "),
        refused("what only begins as a probe", "dlvgate? rm -rf /\n", ""),
        refused(
            "JSON-RPC where there is none",
            r#"{"method":"RPCServer.Detach","params":[{"Kill":true}],"id":1}"#,
            "headless",
        ),
        refused(
            "JSON-RPC whose id is an object of a megabyte",
            format!(r#"{{"method":"x","id":{{"a":"{}"}}}}"#, "x".repeat(1_000_000)),
            "headless",
        ),
        refused("a hundred thousand open braces", "{".repeat(100_000), "headless"),
        refused("a megabyte of line feeds", "\n".repeat(1_000_000), "headless"),
        refused("a batch of JSON-RPC", r#"[{"method":"x","id":1},{"method":"y","id":2}]"#, "DAP"),
        first(
            "a session with JSON-RPC within it",
            format!("{initialize}{{\"method\":\"RPCServer.State\",\"id\":1}}"),
            Then::Closed,
        ),
    ]
}

#[test]
fn other_protocols_harm_nobody() {
    Arena::run(&[], &all());
}
