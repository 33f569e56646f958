//! Messages that are well made, in an order that no client has.

use serde_json::{Value, json};

use crate::arena::Arena;
use crate::attack::{Attack, HOSTILE, Then, first, later, request};
use crate::support::frames::frame;

/// So many requests, each with its number.
fn many(count: u64, command: &str, arguments: &Value) -> Vec<u8> {
    let one = |seq| json!({"seq": seq, "type": "request", "command": command, "arguments": arguments});
    (0..count).flat_map(|seq| frame(&one(seq + 10).to_string())).collect()
}

fn launch() -> Vec<u8> {
    request(&json!({"command": "launch", "arguments": {"token": "x"}}))
}

pub fn all() -> Vec<Attack> {
    let disconnect = request(&json!({"command": "disconnect"}));
    let response = json!({"type": "response", "request_seq": 1, "success": true, "command": "initialize"});
    let event = json!({"type": "event", "event": "terminated", "body": {"restart": HOSTILE}});
    let answer = json!({"type": "response", "request_seq": 99, "success": false, "command": "runInTerminal", "message": HOSTILE});
    vec![
        first("launch before initialize", launch(), Then::GoesOn),
        first("a response as the first message", request(&response), Then::GoesOn),
        first("an event as the first message", request(&event), Then::GoesOn),
        first("disconnect as the first message", disconnect.clone(), Then::Told("disconnect")),
        first("10,000 times initialize", many(10_000, "initialize", &json!({})), Then::GoesOn),
        later("a response to a request that was dlv's", request(&response), Then::GoesOn),
        later("an event as if dlv had ended", request(&event), Then::GoesOn),
        later("an answer to what nobody asked", request(&answer), Then::GoesOn),
        later("five launches", launch().repeat(5), Then::GoesOn),
        later("disconnect twice", disconnect.repeat(2), Then::Told("disconnect")),
        later(
            "disconnect, and 10,000 requests after it",
            [disconnect, many(10_000, "threads", &json!({}))].concat(),
            Then::Closed,
        ),
        later(
            "10,000 requests of one number",
            request(&json!({"command": "threads"})).repeat(10_000),
            Then::GoesOn,
        ),
        later("cancel of what was never asked", many(100, "cancel", &json!({"requestId": -1})), Then::GoesOn),
        later(
            "runInTerminal from the client",
            request(&json!({"command": "runInTerminal", "arguments": {"args": ["sh"]}})),
            Then::GoesOn,
        ),
    ]
}

#[test]
fn orders_harm_nobody() {
    Arena::run(&[], &all());
}
