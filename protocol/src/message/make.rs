//! The messages that a proxy makes itself, framed and ready to be sent.
//!
//! `seq` is the caller's: a proxy that speaks for Delve chooses one that Delve does not use.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use crate::frame::frame;

#[derive(Serialize)]
struct Response<'a> {
    seq: i64,
    r#type: &'static str,
    request_seq: i64,
    success: bool,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<ErrorBody<'a>>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: Message<'a>,
}

/// DAP specification, `Message`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    id: i64,
    format: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    variables: BTreeMap<&'a str, &'a str>,
    show_user: bool,
}

#[derive(Serialize)]
struct Event<B: Serialize> {
    seq: i64,
    r#type: &'static str,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<B>,
}

#[derive(Serialize)]
struct Output<'a> {
    category: &'a str,
    output: &'a str,
}

/// Returns a response with `success: false` that shows `text` to the person (DAP specification,
/// `ErrorResponse`).
///
/// `request_seq` and `command` are those of the request that failed, `id` is the number of the
/// error. `text` is both `message`, which some clients show, and `body.error.format`, which others
/// do. In a format, `{name}` stands for a variable, and there is no way to escape a brace: each
/// `{name}` in `text` is therefore given as a variable with itself as its value, so that the text
/// comes out unchanged whether a client replaces variables or not.
pub fn error_response(seq: i64, request_seq: i64, command: &str, id: i64, text: &str) -> Bytes {
    let error = Message { id, format: text, variables: identities(text), show_user: true };
    let body = Some(ErrorBody { error });
    let message = Some(text);
    framed(&Response { seq, r#type: "response", request_seq, success: false, command, message, body })
}

/// Returns a response with `success: true` and no body (DAP specification, `Response`).
pub fn success_response(seq: i64, request_seq: i64, command: &str) -> Bytes {
    let (message, body) = (None, None);
    framed(&Response { seq, r#type: "response", request_seq, success: true, command, message, body })
}

/// Returns an `output` event (DAP specification, `OutputEvent`).
///
/// `category` is `console`, `important`, `stdout`, `stderr` or `telemetry`; `text` is shown as it is,
/// and needs a line feed at its end where a line is meant.
pub fn output_event(seq: i64, category: &str, text: &str) -> Bytes {
    let body = Some(Output { category, output: text });
    framed(&Event { seq, r#type: "event", event: "output", body })
}

/// Returns a `terminated` event: debugging has ended (DAP specification, `TerminatedEvent`).
pub fn terminated_event(seq: i64) -> Bytes {
    framed(&Event { seq, r#type: "event", event: "terminated", body: None::<()> })
}

/// Every `{name}` of `text`, as variables that stand for themselves.
///
/// Of `{a{b}` both `a{b` and `b` are names: clients differ on whether the first or the last brace begins one. Those between are
/// nobody's: as many braces as `text` has bytes would make an answer of its length squared.
fn identities(text: &str) -> BTreeMap<&str, &str> {
    let mut names = BTreeMap::new();
    let mut begin = 0;
    for (close, _) in text.match_indices('}') {
        let before = &text[begin..close];
        for open in [before.find('{'), before.rfind('{')].into_iter().flatten() {
            let open = begin + open;
            names.insert(&text[open + 1..close], &text[open..=close]);
        }
        begin = close + 1;
    }
    names.remove("");
    names
}

fn framed(message: &impl Serialize) -> Bytes {
    // Cannot fail: strings and integers under string keys, into memory.
    frame(&serde_json::to_vec(message).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn body(message: &Bytes) -> Value {
        let at = message.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(&message[..at], format!("Content-Length: {}\r\n\r\n", message.len() - at).as_bytes());
        serde_json::from_slice(&message[at..]).unwrap()
    }

    #[test]
    fn messages_are_as_the_specification_has_them() {
        assert_eq!(
            body(&error_response(5, 2, "launch", 9001, "gate \"x\" shut")),
            json!({"seq": 5, "type": "response", "request_seq": 2, "success": false, "command": "launch",
                "message": "gate \"x\" shut",
                "body": {"error": {"id": 9001, "format": "gate \"x\" shut", "showUser": true}}})
        );
        assert_eq!(
            body(&success_response(5, 2, "disconnect")),
            json!({"seq": 5, "type": "response", "request_seq": 2, "success": true, "command": "disconnect"})
        );
        assert_eq!(
            body(&output_event(6, "stderr", "a\n")),
            json!({"seq": 6, "type": "event", "event": "output", "body": {"category": "stderr", "output": "a\n"}})
        );
        assert_eq!(body(&terminated_event(7)), json!({"seq": 7, "type": "event", "event": "terminated"}));
    }

    /// As a client does that replaces all it knows and leaves out what it does not.
    fn rendered(format: &str, variables: &Value, drop_unknown: bool) -> String {
        let mut out = String::new();
        let mut rest = format;
        while let Some(open) = rest.find('{') {
            let Some(len) = rest[open..].find('}').filter(|len| *len > 1) else {
                break;
            };
            out.push_str(&rest[..open]);
            let name = &rest[open + 1..open + len];
            match variables.get(name).and_then(Value::as_str) {
                Some(value) => out.push_str(value),
                None if drop_unknown => {}
                None => out.push_str(&rest[open..=open + len]),
            }
            rest = &rest[open + len + 1..];
        }
        out + rest
    }

    #[test]
    fn braces_reach_the_person_unchanged() {
        for text in
            ["no braces", "a {b} c", "{a{b}}", "}{", "{", "map[string]struct{}{\"a\": {}} {x}", "{ä} {b} {b}"]
        {
            let message = body(&error_response(1, 1, "launch", 1, text));
            let error = &message["body"]["error"];
            assert_eq!(message["message"], text);
            assert_eq!(error["format"], text, "for clients that replace nothing");
            for drop_unknown in [false, true] {
                assert_eq!(rendered(text, &error["variables"], drop_unknown), text);
            }
        }
    }

    #[test]
    fn an_answer_is_not_much_longer_than_its_text_however_many_braces_it_has() {
        // As much as is kept of dlv's standard error; for Miri, enough for a square to be seen.
        let half = if cfg!(miri) { 64 } else { 4096 };
        for text in [
            "{".repeat(2 * half) + "}",
            "{".repeat(half) + &"}".repeat(half),
            "{a".repeat(half / 2) + &"b}".repeat(half / 2),
        ] {
            let answer = error_response(1, 1, "launch", 1, &text);
            assert!(answer.len() < 300 + 8 * text.len(), "{} bytes of {}", answer.len(), text.len());
            let error = &body(&answer)["body"]["error"];
            assert_eq!(rendered(&text, &error["variables"], true), text);
        }
    }
}
