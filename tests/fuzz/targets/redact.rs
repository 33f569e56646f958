//! Redaction: of a secret in a message of any shape nothing is left.
#![no_main]

use dlvgate_fuzz::secrets::{SECRET, plant};
use dlvgate_recording::Reader;
use dlvgate_recording::redact::{Redactor, copy};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

fuzz_target!(|input: &[u8]| {
    let Some((&kind, messages)) = input.split_first() else { return };
    let protocol = if kind & 1 == 0 { "dap" } else { "json-rpc" };
    let header = json!({"recording": 1, "tool": "t", "protocol": protocol, "start": "s", "client": "127.0.0.1:5",
        "settings": {"folder": "/home/me/app", "dlv": ["exec", format!("--init={SECRET}"), "--", SECRET]}});
    let mut lines = vec![header];
    let mut planted = 0;
    for (number, message) in messages.split(|byte| *byte == b'\n').enumerate() {
        let from = if number % 2 == 0 { "client" } else { "dlv" };
        match serde_json::from_slice::<Value>(message) {
            Ok(mut message) => {
                planted += plant(&mut message);
                lines.push(json!({"t": number, "from": from, "message": message}));
            }
            Err(_) => {
                lines.push(json!({"t": number, "from": from, "text": SECRET, "unframed": kind & 2 == 0}))
            }
        }
    }
    let written: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
    let mut reader = Reader::new(&written[..]).expect("a recording");
    let mut redactor = Redactor::new(reader.header());
    let mut redacted = Vec::new();
    copy(&mut reader, &mut redactor, &mut redacted).expect("memory can be read and written");
    let redacted = String::from_utf8(redacted).expect("text");
    for part in [SECRET, "s3cret", "Ünd"] {
        assert!(!redacted.contains(part), "{part} is left of {planted}: {redacted}");
    }
    assert!(!redactor.visible().to_string().contains("s3cret"), "it is listed");
});
