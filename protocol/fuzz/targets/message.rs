//! Typed messages: what is read is what another parser reads, what is made is read back, and is not
//! longer than its words.
#![no_main]

use dlvgate_protocol::conversation::{Key, Message};
use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::message::{
    AttachArguments, DisconnectArguments, InitializeArguments, LaunchArguments, Request, error_response,
    output_event, success_response, terminated_event,
};
use dlvgate_protocol::sniff::Protocol;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Bytes of JSON that a byte of text makes at most: `\u0000`, and twice for an error's two fields.
const PER_BYTE: usize = 12;

fn read(body: &[u8]) {
    let Ok(request) = Request::parse(body) else { return };
    // A skipped string may hold text that a value cannot: half a surrogate pair, bytes that are not
    // UTF-8.
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    assert!(value.is_object());
    assert_eq!(value["command"], *request.command);
    let launch = request.arguments_as::<LaunchArguments>();
    let all = [
        launch.is_ok(),
        request.arguments_as::<InitializeArguments>().is_ok(),
        request.arguments_as::<AttachArguments>().is_ok(),
        request.arguments_as::<DisconnectArguments>().is_ok(),
    ];
    match &value["arguments"] {
        Value::Null => assert_eq!(all, [true; 4]),
        Value::Object(arguments) => {
            // A key that comes twice is refused.
            if let Ok(launch) = launch {
                assert_eq!(launch.mode.as_deref(), arguments.get("mode").and_then(Value::as_str));
                assert_eq!(launch.no_debug, arguments.get("noDebug").and_then(Value::as_bool));
            }
        }
        _ => assert_eq!(all, [false; 4], "arguments that are not an object"),
    }
}

fn body(framed: &[u8]) -> &[u8] {
    let at = framed.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a header") + 4;
    assert_eq!(&framed[..at], format!("Content-Length: {}\r\n\r\n", framed.len() - at).as_bytes());
    &framed[at..]
}

fn made(text: &str) {
    let name = Name::new(text);
    let error = error_response(1, 2, text, 3, text);
    let reply = |success| Message::Reply { key: Some(Key::Seq(2)), name: Some(name), success };
    assert_eq!(Message::of(Protocol::Dap, body(&error)), reply(false));
    assert_eq!(Message::of(Protocol::Dap, body(&success_response(1, 2, text))), reply(true));
    let event = |name| Message::Event { name: Name::new(name) };
    let output = output_event(1, "stderr", text);
    assert_eq!(Message::of(Protocol::Dap, body(&output)), event("output"));
    assert_eq!(Message::of(Protocol::Dap, body(&terminated_event(1))), event("terminated"));

    let said: Value = serde_json::from_slice(body(&output)).expect("our own JSON");
    assert_eq!(said["body"]["output"], text);
    let said: Value = serde_json::from_slice(body(&error)).expect("our own JSON");
    assert_eq!(said["message"], text);
    assert_eq!(substituted(&said["body"]["error"]), text);
    assert!(error.len() <= 300 + (text.len() + 1) * 4 * PER_BYTE, "{} bytes of {}", error.len(), text.len());
}

/// The format with its variables put in, as a client does it.
fn substituted(error: &Value) -> String {
    let format = error["format"].as_str().expect("a text");
    let mut out = String::new();
    let mut rest = format;
    while let Some(open) = rest.find('{') {
        let Some(len) = rest[open..].find('}') else { break };
        out.push_str(&rest[..open]);
        let name = &rest[open + 1..open + len];
        match error["variables"][name].as_str() {
            Some(value) => out.push_str(value),
            None => out.push_str(&rest[open..=open + len]),
        }
        rest = &rest[open + len + 1..];
    }
    out + rest
}

fuzz_target!(|input: &[u8]| {
    read(input);
    if let Ok(text) = std::str::from_utf8(input) {
        made(text);
    }
});
