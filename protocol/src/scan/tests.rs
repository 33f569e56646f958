use super::*;
use crate::envelope::{MessageKind, Name};
use crate::frame::frame;

/// Every step of a stream given at once.
fn steps(wire: &[u8]) -> Vec<DapStep> {
    let mut scanner = DapScanner::new(Limits::default());
    let mut steps = Vec::new();
    let mut rest = wire;
    while !rest.is_empty() {
        let step = scanner.step(rest).unwrap();
        rest = &rest[step.consumed..];
        steps.push(step);
    }
    assert!(scanner.at_boundary());
    steps
}

fn envelope(body: &str) -> Envelope {
    steps(&frame(body.as_bytes()))[1].envelope.unwrap()
}

#[test]
fn each_kind_is_told_with_its_fields() {
    let command = Name::new("next");
    assert_eq!(
        envelope(r#"{"seq":3,"type":"request","command":"next","arguments":{"command":"no"}}"#),
        Envelope { seq: Some(3), kind: MessageKind::Request { command } }
    );
    assert_eq!(
        envelope(
            r#"{"body":{"seq":9},"command":"next","success":true,"request_seq":3,"type":"response","seq":0}"#
        ),
        Envelope { seq: Some(0), kind: MessageKind::Response { request_seq: 3, success: true, command } }
    );
    assert_eq!(
        envelope(r#"{"seq":4,"type":"event","event":"stopped"}"#),
        Envelope { seq: Some(4), kind: MessageKind::Event { event: Name::new("stopped") } }
    );
}

#[test]
fn a_nested_field_never_counts() {
    let body = r#"{"arguments":{"command":"evil","type":"event","seq":9},"type":"request","seq":1,"command":"good"}"#;
    let kind = MessageKind::Request { command: Name::new("good") };
    assert_eq!(envelope(body), Envelope { seq: Some(1), kind });
}

#[test]
fn the_first_of_two_equal_keys_wins() {
    let body = r#"{"command":"a","command":"b","seq":"x","seq":2,"type":"request","type":"event"}"#;
    assert_eq!(
        envelope(body),
        Envelope { seq: None, kind: MessageKind::Request { command: Name::new("a") } }
    );
}

#[test]
fn what_cannot_be_used_is_unknown() {
    for body in [
        "[1,2]",
        "null",
        "garbage",
        "{",
        "{}",
        "\0",
        r#"{"type":"request"}"#,
        r#"{"type":"event"}"#,
        r#"{"type":"response","success":true}"#,
        r#"{"type":1,"command":"x"}"#,
        r#"{"type":"request","command":7}"#,
        r#"{"type":"reply","command":"x"}"#,
    ] {
        assert_eq!(envelope(body), Envelope { seq: None, kind: MessageKind::Unknown }, "{body}");
    }
}

#[test]
fn envelope_survives_missing_seq_and_broken_end() {
    let kind = MessageKind::Request { command: Name::new("threads") };
    assert_eq!(envelope(r#"{"type":"request","command":"threads"}"#), Envelope { seq: None, kind });
    assert_eq!(envelope(r#"{"type":"request","command":"threads",#"#), Envelope { seq: None, kind });
    let command = Name::EMPTY;
    assert_eq!(
        envelope(r#"{"type":"response","request_seq":1}"#).kind,
        MessageKind::Response { request_seq: 1, success: false, command }
    );
}

#[test]
fn an_envelope_is_reported_as_soon_as_it_is_known() {
    let wire = frame(br#"{"seq":1,"type":"request","command":"launch","arguments":{"program":"/x"}}"#);
    let known = wire.windows(8).position(|bytes| bytes == b"\"launch\"").unwrap() + 8;
    let mut scanner = DapScanner::new(Limits::default());
    let header = scanner.step(&wire[..known]).unwrap();
    let body = scanner.step(&wire[header.consumed..known]).unwrap();
    assert_eq!(body.part, DapPart::Body { end: false });
    assert!(body.envelope.is_some());
    assert_eq!(scanner.body_remaining(), (wire.len() - known) as u64);
    let last = scanner.step(&wire[known..]).unwrap();
    assert_eq!(last.part, DapPart::Body { end: true });
    assert!(last.envelope.is_none());
}

/// The first byte of each that is not needed is the comma.
#[test]
fn envelope_is_reported_at_its_last_field() {
    for (needed, rest) in [
        (r#"{"seq":1,"type":"request","command":"launch""#, r#","arguments":{}}"#),
        (r#"{"command":"next","seq":1,"type":"request""#, r#","arguments":{}}"#),
        (r#"{"seq":1,"type":"response","request_seq":1,"command":"next","success":true,"#, r#""body":{}}"#),
        (r#"{"seq":1,"type":"event","event":"stopped""#, r#","body":{}}"#),
        (r#"{"seq":1,"type":"other""#, r#","command":"x"}"#),
        (r#"{"seq":1,"type":5,"#, r#""command":"x"}"#),
    ] {
        let wire = frame(format!("{needed}{rest}").as_bytes());
        let known = wire.len() - rest.len();
        let mut scanner = DapScanner::new(Limits::default());
        let reported = wire.chunks(1).position(|byte| scanner.step(byte).unwrap().envelope.is_some());
        assert_eq!(reported, Some(known - 1), "{needed}");
    }
}

#[test]
fn chunk_start_is_not_taken_for_an_envelope() {
    let inner = r#"{"seq":9,"type":"event","event":"terminated"}"#;
    let wire =
        frame(format!(r#"{{"arguments":[{inner}],"seq":1,"type":"request","command":"next"}}"#).as_bytes());
    let cut = wire.windows(inner.len()).position(|bytes| bytes == inner.as_bytes()).unwrap();
    let mut scanner = DapScanner::new(Limits::default());
    let header = scanner.step(&wire[..cut]).unwrap();
    assert!(scanner.step(&wire[header.consumed..cut]).unwrap().envelope.is_none());
    let envelope = scanner.step(&wire[cut..]).unwrap().envelope.unwrap();
    assert_eq!(
        envelope,
        Envelope { seq: Some(1), kind: MessageKind::Request { command: Name::from("next") } }
    );
}

#[test]
fn empty_body_is_a_message_without_body_step() {
    let parts: Vec<DapPart> =
        steps(b"Content-Length: 0\r\n\r\nContent-Length: 2\r\n\r\n{}").iter().map(|step| step.part).collect();
    let header = |body_len| DapPart::Header(Header { body_len, canonical: true });
    assert_eq!(parts, [header(0), header(2), DapPart::Body { end: true }]);
}

#[test]
fn a_body_limit_is_the_callers_business() {
    let mut scanner = DapScanner::new(Limits { body: 1, ..Limits::default() });
    scanner.step(b"Content-Length: 5000000000\r\n\r\n").unwrap();
    assert_eq!(scanner.body_remaining(), 5_000_000_000);
    assert!(!scanner.at_boundary());
}

#[test]
fn client_s_envelope_is_what_go_dap_reads() {
    let request = |command: &str| MessageKind::Request { command: Name::new(command) };
    let cases: &[(&str, Option<i64>, MessageKind)] = &[
        (r#"{"seq":1,"type":"request","command":"threads","Command":"launch"}"#, Some(1), request("launch")),
        (
            r#"{"seq":1,"type":"request","command":"threads","arguments":{},"command":"next"}"#,
            Some(1),
            request("next"),
        ),
        ("{\"\u{17f}eq\":1,\"TYPE\":\"request\",\"\\u0063ommand\":\"a\"}", Some(1), request("a")),
        (
            r#"{"seq":1,"SEQ":2,"seq":null,"type":"event","Type":"request","command":"a"}"#,
            Some(2),
            request("a"),
        ),
        (r#"{"type":"request"}"#, None, request("")),
        (r#"{"seq":1,"type":"request","command":"a","message":5,"event":7} "#, Some(1), request("a")),
        // What go-dap refuses, and dlv ends the session on.
        (r#"{"seq":1.0,"type":"request","command":"a"}"#, None, MessageKind::Unknown),
        (r#"{"seq":"1","seq":1,"type":"request","command":"a"}"#, None, MessageKind::Unknown),
        (r#"{"seq":1,"type":"request","command":"a","command":5}"#, None, MessageKind::Unknown),
        (r#"{"seq":1,"type":"request","command":"a","arguments":{"x":tru}}"#, None, MessageKind::Unknown),
        (r#"{"seq":1,"type":"request","command":"a"} x"#, None, MessageKind::Unknown),
        (r#"{"seq":1,"type":"request","command":"a""#, None, MessageKind::Unknown),
        (
            r#"{"seq":1,"type":"response","request_seq":2,"success":true,"command":"a","message":5}"#,
            None,
            MessageKind::Unknown,
        ),
    ];
    for (body, seq, kind) in cases {
        let wire = frame(body.as_bytes());
        for chunk in 1..=wire.len() {
            let (mut scanner, mut found) = (DapScanner::of_client(Limits::default()), Vec::new());
            for mut rest in wire.chunks(chunk) {
                while !rest.is_empty() {
                    let step = scanner.step(rest).unwrap();
                    assert_eq!(step.envelope.is_some(), step.part == DapPart::Body { end: true });
                    rest = &rest[step.consumed..];
                    found.extend(step.envelope);
                }
            }
            assert_eq!(found, [Envelope { seq: *seq, kind: *kind }], "{body} by {chunk}");
        }
    }
}

#[test]
fn body_over_the_limit_has_its_envelope_early() {
    let limits = Limits { body: 60, ..Limits::default() };
    let mut scanner = DapScanner::of_client(limits);
    let front = br#"{"seq":1,"type":"request","command":"evaluate","arguments":{"#;
    let small = frame(br#"{"seq":2,"type":"request","command":"a","command":"b"}"#);
    for (wire, command) in [
        ([b"Content-Length: 9000\r\n\r\n".as_slice(), front].concat(), "evaluate"),
        ([vec![b' '; 9000 - front.len()], small.to_vec()].concat(), "b"),
    ] {
        let (mut rest, mut found) = (&wire[..], Vec::new());
        while !rest.is_empty() {
            let step = scanner.step(rest).unwrap();
            rest = &rest[step.consumed..];
            found.extend(step.envelope);
        }
        assert!(
            matches!(found[..], [Envelope { kind: MessageKind::Request { command: one }, .. }] if one.as_str() == command)
        );
    }
}
