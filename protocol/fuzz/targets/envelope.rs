//! A body's envelope is what a full JSON parser says of its first fields, whenever that parser
//! takes the body.
#![no_main]

use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::envelope::{Envelope, MessageKind, Name};
use dlvgate_protocol::frame::{Limits, frame};
use dlvgate_protocol::scan::DapScanner;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_protocol_fuzz::members::Members;
use libfuzzer_sys::fuzz_target;

fn scanned(body: &[u8]) -> Option<Envelope> {
    let wire = frame(body);
    let mut scanner = DapScanner::new(Limits::default());
    let mut rest = &wire[..];
    let mut envelope = None;
    while !rest.is_empty() {
        let step = scanner.step(rest).expect("our own header is well");
        envelope = envelope.or(step.envelope);
        rest = &rest[step.consumed..];
    }
    assert!(scanner.at_boundary());
    envelope
}

/// As the specification reads, by a parser that knows nothing of chunks.
fn parsed(members: &Members) -> Envelope {
    let name = |key: &str| members.string(key).map(|text| Name::new(&text));
    let number = |key: &str| members.integer(key);
    let kind = match members.string("type").as_deref() {
        Some("request") => name("command").map(|command| MessageKind::Request { command }),
        Some("response") => number("request_seq").map(|request_seq| MessageKind::Response {
            request_seq,
            success: members.get("success") == Some("true"),
            command: name("command").unwrap_or(Name::EMPTY),
        }),
        Some("event") => name("event").map(|event| MessageKind::Event { event }),
        _ => None,
    };
    Envelope { seq: number("seq"), kind: kind.unwrap_or(MessageKind::Unknown) }
}

fuzz_target!(|body: &[u8]| {
    if body.is_empty() {
        return;
    }
    let seen = scanned(body).expect("each body has an envelope");
    assert_eq!(Message::of(Protocol::Dap, body), Message::from(seen));
    // Below the top level the scanner tells brackets and strings only; what no parser takes is not
    // compared.
    if let Some(members) = Members::of(body) {
        assert_eq!(seen, parsed(&members), "{}", String::from_utf8_lossy(body));
    }
});
