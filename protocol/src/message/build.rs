//! The messages that a proxy makes itself, framed and ready to be sent.
//!
//! `seq` is the caller's: a proxy that speaks for Delve chooses one that Delve does not use.

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
    error: ErrorMessage<'a>,
}

/// DAP specification, `ErrorMessage`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorMessage<'a> {
    id: i64,
    format: &'a str,
    show_user: bool,
}

#[derive(Serialize)]
struct EventMessage<B: Serialize> {
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
/// do. In a format, `{name}` stands for a variable. There are none: a client leaves what it has no
/// variable for as it is (VS Code, nvim-dap), shows the format as it came (Zed), or falls back to
/// `message` (vimspector), and no part of a text that may be a program's becomes a key.
///
/// ```
/// use dlvgate_protocol::message::error_response;
///
/// let wire = error_response(7, 2, "launch", 3000, "dlv could not be started");
/// assert!(wire.starts_with(b"Content-Length: "));
/// assert!(wire.ends_with(br#""format":"dlv could not be started","showUser":true}}}"#));
/// ```
pub fn error_response(seq: i64, request_seq: i64, command: &str, id: i64, text: &str) -> Bytes {
    let error = ErrorMessage { id, format: text, show_user: true };
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
/// `category` is `console`, `important`, `stdout`, `stderr` or `telemetry`; `text` is shown as it
/// is, and needs a line feed at its end where a line is meant.
pub fn output_event(seq: i64, category: &str, text: &str) -> Bytes {
    let body = Some(Output { category, output: text });
    framed(&EventMessage { seq, r#type: "event", event: "output", body })
}

/// Returns a `terminated` event: debugging has ended (DAP specification, `TerminatedEvent`).
pub fn terminated_event(seq: i64) -> Bytes {
    framed(&EventMessage { seq, r#type: "event", event: "terminated", body: None::<()> })
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

    /// As VS Code and nvim-dap do: what there is a variable for is replaced.
    fn rendered(error: &Value) -> String {
        let format = error["format"].as_str().unwrap().to_owned();
        let variables = error["variables"].as_object().into_iter().flatten();
        variables
            .fold(format, |text, (name, value)| text.replace(&format!("{{{name}}}"), value.as_str().unwrap()))
    }

    #[test]
    fn braces_reach_the_person_and_become_no_key() {
        for text in
            ["no braces", "a {b} c", "{a{b}}", "}{", "{", "map[string]struct{}{\"a\": {}} {x}", "{ä} {b} {b}"]
        {
            let message = body(&error_response(1, 1, "launch", 1, text));
            let error = &message["body"]["error"];
            assert_eq!((&message["message"], &error["format"]), (&json!(text), &json!(text)));
            assert_eq!(rendered(error), text);
            let is_fixed = |key: &String| ["id", "format", "showUser"].contains(&key.as_str());
            assert!(error.as_object().unwrap().keys().all(is_fixed), "the text is a value and nothing else");
        }
    }

    #[test]
    fn answer_is_not_much_longer_than_its_text() {
        // As much as is kept of dlv's standard error; for Miri, enough for a square to be seen.
        let half = if cfg!(miri) { 64 } else { 4096 };
        for text in ["{".repeat(half) + &"}".repeat(half), "{a".repeat(half / 2) + &"b}".repeat(half / 2)] {
            let answer = error_response(1, 1, "launch", 1, &text);
            assert!(answer.len() < 300 + 2 * text.len(), "{} bytes of {}", answer.len(), text.len());
        }
    }
}
