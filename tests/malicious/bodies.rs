//! Bodies that are no message, or one that is hard to read.

use serde_json::json;

use crate::arena::Arena;
use crate::attack::{Attack, HOSTILE, Then, later, request};
use crate::support::frames::frame;

/// A body that is framed as it is.
fn raw(body: &[u8]) -> Vec<u8> {
    [format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// A request of which one value is written so.
fn with(key: &str, value: &str) -> Vec<u8> {
    let rest: String = [("seq", "77"), ("type", "\"request\""), ("command", "\"threads\"")]
        .iter()
        .filter(|(name, _)| *name != key)
        .map(|(name, value)| format!(",\"{name}\":{value}"))
        .collect();
    frame(&format!("{{\"{key}\":{value}{rest}}}"))
}

pub fn all() -> Vec<Attack> {
    let deep = |open: &str, close: &str| {
        format!(
            "{{\"seq\":7,\"arguments\":{}1{},\"type\":\"request\",\"command\":\"threads\"}}",
            open.repeat(500_000),
            close.repeat(500_000)
        )
    };
    let ended = Then::Told("terminated");
    vec![
        later("no JSON", frame("rm -rf /"), ended),
        later("half of an object", frame(r#"{"seq":1,"type":"requ"#), ended),
        later("an array of requests", frame(r#"[{"seq":1,"type":"request","command":"threads"}]"#), ended),
        later("null", frame("null"), ended),
        later(
            "an object and more after it",
            frame("{\"seq\":7,\"type\":\"request\",\"command\":\"threads\"}{}"),
            ended,
        ),
        later("a byte order mark", frame("\u{feff}{}"), ended),
        later("half a million arrays within each other", frame(&deep("[", "]")), ended),
        later("half a million objects within each other", frame(&deep("{\"a\":", "}")), ended),
        later("a number of a million digits", with("seq", &"9".repeat(1_000_000)), Then::Closed),
        later("a seq of 2^63", with("seq", "9223372036854775808"), Then::GoesOn),
        later("a seq of -1", with("seq", "-1"), Then::GoesOn),
        later("a seq of 1e400", with("seq", "1e400"), Then::Closed),
        later("a seq that is a string", with("seq", "\"77\""), Then::GoesOn),
        later("a seq that is an object", with("seq", "{\"a\":[1]}"), Then::GoesOn),
        later("a seq that our own messages have", with("seq", "1000000000"), Then::GoesOn),
        later("no seq, type or command", frame("{}"), Then::GoesOn),
        later("a type that is none", with("type", "\"nonsense\""), Then::GoesOn),
        later("a type that is a number", with("type", "5"), Then::GoesOn),
        later(
            "every key twice",
            frame(
                r#"{"seq":7,"seq":8,"type":"event","type":"request","command":"threads","command":"disconnect","command":"threads"}"#,
            ),
            Then::GoesOn,
        ),
        later("a command of 1 MB", with("command", &format!("{:?}", "x".repeat(1_000_000))), Then::GoesOn),
        later("a command of a terminal's orders", request(&json!({"command": HOSTILE})), Then::GoesOn),
        later(
            "a command that is escaped letter by letter",
            with("command", r#""\u0074\u0068\u0072eads""#),
            Then::GoesOn,
        ),
        later("a lone surrogate", with("command", r#""\ud800""#), Then::Closed),
        later(
            "invalid UTF-8 in a string",
            raw(b"{\"seq\":7,\"type\":\"request\",\"command\":\"\xff\xfe\xc0\x80\"}"),
            Then::Closed,
        ),
        later(
            "NULs between and within",
            raw(b"{\"seq\":7,\0\"type\":\"request\",\"command\":\"a\0b\"}"),
            Then::Closed,
        ),
        later(
            "a body one byte over what dlv takes",
            raw(&[b"{\"a\":\"".as_slice(), &vec![b'x'; 4 * 1024 * 1024 - 7], b"\"}"].concat()),
            Then::GoesOn,
        ),
        later(
            "a body of what dlv takes",
            raw(&[b"{\"a\":\"".as_slice(), &vec![b'x'; 4 * 1024 * 1024 - 8], b"\"}"].concat()),
            Then::GoesOn,
        ),
        later("ten megabytes of white space in bodies", raw(&vec![b' '; 4_000_000]).repeat(2), ended),
    ]
}

#[test]
fn bodies_harm_nobody() {
    Arena::run(&[], &all());
}
