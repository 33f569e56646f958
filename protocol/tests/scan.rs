//! The scanner reports the truth about a stream of DAP messages, however it is cut.
// Helpers outside #[test] functions may panic as well.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use dlvgate_protocol::envelope::{Envelope, MessageKind, Name};
use dlvgate_protocol::frame::{FrameError, Header, Limits};
use dlvgate_protocol::scan::{DapPart, DapScanner};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;
use support::{cut, json, object, sizes, text};

/// What a stream says, however it was cut.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    messages: Vec<Message>,
    /// How the stream ended.
    error: Option<FrameError>,
    at_boundary: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Message {
    header: Header,
    body: Vec<u8>,
    envelope: Option<Envelope>,
    whole: bool,
}

fn scan(chunks: &[&[u8]], limits: Limits) -> Seen {
    let mut scanner = DapScanner::new(limits);
    let mut seen = Seen::default();
    for chunk in chunks {
        let mut rest = *chunk;
        while !rest.is_empty() {
            let before = scanner.body_remaining();
            let step = match scanner.step(rest) {
                Ok(step) => step,
                Err(error) => {
                    assert_eq!(scanner.step(rest), Err(error.clone()), "an error stays");
                    seen.error = Some(error);
                    return seen;
                }
            };
            assert!(step.consumed > 0 && step.consumed <= rest.len());
            let (taken, left) = rest.split_at(step.consumed);
            match step.part {
                DapPart::PartialHeader => assert!(left.is_empty() && !scanner.at_boundary()),
                DapPart::Header(header) => {
                    let whole = header.body_len == 0;
                    seen.messages.push(Message { header, body: Vec::new(), envelope: None, whole });
                    assert_eq!(scanner.body_remaining(), header.body_len);
                }
                DapPart::Body { end } => {
                    assert_eq!(scanner.body_remaining(), before - taken.len() as u64);
                    let message = seen.messages.last_mut().unwrap();
                    message.body.extend_from_slice(taken);
                    message.whole = end;
                    assert!(step.envelope.is_none() || message.envelope.is_none(), "reported twice");
                    message.envelope = message.envelope.or(step.envelope);
                    assert!(!end || message.envelope.is_some(), "never reported");
                }
            }
            assert!(step.envelope.is_none() || matches!(step.part, DapPart::Body { .. }));
            rest = left;
        }
    }
    // In a cut body the envelope may or may not have come; the cut decides.
    seen.at_boundary = scanner.at_boundary();
    seen
}

/// A header that a liberal reader takes, and whether go-dap takes it too.
fn header(len: usize) -> impl Strategy<Value = (String, bool)> {
    let extra =
        prop_oneof![Just(""), Just("Content-Type: application/json; charset=utf-8\r\n"), Just("x-a:b\n")];
    let name = prop_oneof![
        3 => Just("Content-Length"), 1 => Just("content-length"), 1 => Just("CONTENT-LENGTH"), 1 => Just(" Content-Length "),
    ];
    let colon = prop_oneof![3 => Just(": "), 1 => Just(":"), 1 => Just(":\t ")];
    let zeros = prop_oneof![3 => Just(""), 1 => Just("00")];
    let end = prop_oneof![4 => Just("\r\n"), 1 => Just("\n"), 1 => Just(" \r\n")];
    let blank = prop_oneof![4 => Just("\r\n"), 1 => Just("\n")];
    (extra.clone(), name, colon, zeros, end, extra, blank).prop_map(
        move |(before, name, colon, zeros, end, after, blank)| {
            let canonical = before.is_empty()
                && after.is_empty()
                && (name, colon, end, blank) == ("Content-Length", ": ", "\r\n", "\r\n");
            (format!("{before}{name}{colon}{zeros}{len}{end}{after}{blank}"), canonical)
        },
    )
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => fields().prop_map(|(fields, style)| object(&fields, style).into_bytes()),
        1 => json().prop_map(|value| value.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..60),
    ]
}

/// The fields of an object in any order: those of an envelope, of any type, among others.
fn fields() -> impl Strategy<Value = (Vec<(String, Value)>, u8)> {
    let kind = prop_oneof![
        6 => prop::sample::select(vec!["request", "response", "event"]).prop_map(Value::from), 1 => json(),
    ];
    let number = || prop_oneof![6 => any::<i64>().prop_map(Value::from), 1 => json()];
    let name = || prop_oneof![6 => text().prop_map(Value::from), 1 => json()];
    let success = prop_oneof![6 => any::<bool>().prop_map(Value::from), 1 => json()];
    let known = (kind, number(), name(), name(), number(), success).prop_map(|values| {
        let names = ["type", "seq", "command", "event", "request_seq", "success"];
        let values = [values.0, values.1, values.2, values.3, values.4, values.5];
        names.map(String::from).into_iter().zip(values).collect::<Vec<_>>()
    });
    let other = vec((text(), json()), 0..4);
    (known, any::<u8>(), other, any::<u8>())
        .prop_flat_map(|(known, keep, other, style)| {
            // Mostly all of an envelope's fields, sometimes without one or two.
            let keep = if keep < 160 { 0xff } else { keep };
            let kept = known.into_iter().enumerate().filter(move |(at, _)| keep & (1 << at) != 0);
            let fields: Vec<_> = kept.map(|(_, field)| field).chain(other).collect();
            (Just(fields).prop_shuffle(), Just(style))
        })
        .boxed()
}

/// The envelope by a full parse: of equal keys the first counts.
fn oracle(fields: &[(String, Value)]) -> Envelope {
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let name = |field: &str| get(field).and_then(Value::as_str).map(Name::new);
    let seq = get("seq").and_then(Value::as_i64);
    let kind = match get("type").and_then(Value::as_str) {
        Some("request") => name("command").map(|command| MessageKind::Request { command }),
        Some("response") => {
            get("request_seq").and_then(Value::as_i64).map(|request_seq| MessageKind::Response {
                request_seq,
                success: get("success").and_then(Value::as_bool).unwrap_or(false),
                command: name("command").unwrap_or(Name::EMPTY),
            })
        }
        Some("event") => name("event").map(|event| MessageKind::Event { event }),
        _ => None,
    };
    Envelope { seq, kind: kind.unwrap_or(MessageKind::Unknown) }
}

proptest! {
    #![proptest_config(support::config())]

    #[test]
    fn cut_message_stream_reads_the_same(
        messages in vec(body().prop_flat_map(|body| (header(body.len()), Just(body))), 1..5),
        sizes in sizes(),
    ) {
        let wire: Vec<u8> =
            messages.iter().flat_map(|((header, _), body)| [header.as_bytes(), body].concat()).collect();
        let seen = scan(&cut(&wire, &sizes), Limits::default());
        prop_assert_eq!(&seen, &scan(&[&wire], Limits::default()));
        prop_assert!(seen.at_boundary && seen.error.is_none());
        prop_assert_eq!(seen.messages.len(), messages.len());
        for (seen, ((_, canonical), body)) in seen.messages.iter().zip(&messages) {
            prop_assert_eq!(&seen.body, body);
            prop_assert_eq!(seen.header, Header { body_len: body.len() as u64, canonical: *canonical });
            prop_assert!(seen.whole);
        }
    }

    #[test]
    fn an_envelope_is_what_a_full_parse_says((fields, style) in fields(), sizes in sizes()) {
        let body = object(&fields, style);
        prop_assert!(serde_json::from_str::<Value>(&body).is_ok());
        let wire = dlvgate_protocol::frame::frame(body.as_bytes());
        let seen = scan(&cut(&wire, &sizes), Limits::default());
        prop_assert_eq!(seen.messages[0].envelope, Some(oracle(&fields)), "{}", body);
    }

    #[test]
    fn a_malformed_body_reads_the_same_however_it_is_cut(
        (fields, style) in fields(), at in any::<prop::sample::Index>(), byte in any::<u8>(), sizes in sizes(),
    ) {
        let mut body = object(&fields, style).into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        let wire = dlvgate_protocol::frame::frame(&body);
        let seen = scan(&cut(&wire, &sizes), Limits::default());
        prop_assert_eq!(&seen, &scan(&[&wire[..]], Limits::default()));
        prop_assert!(seen.at_boundary);
    }

    #[test]
    fn garbage_reads_the_same_however_it_is_cut(
        pieces in vec(prop_oneof![
            Just(b"Content-Length: 3\r\n".to_vec()), Just(b"\r\n".to_vec()), Just(b"\n".to_vec()),
            Just(b"a: b\r\n".to_vec()), Just(b"\r".to_vec()), Just(b"content-length:4\n\n".to_vec()),
            Just(b"{\"type\":\"event\"}".to_vec()), vec(any::<u8>(), 0..30), "[a-z:]{0,40}".prop_map(String::into_bytes),
        ], 0..12),
        sizes in sizes(), header_line in 0_usize..40, headers in 0_usize..4,
    ) {
        let wire = pieces.concat();
        let limits = Limits { header_line, headers, ..Limits::default() };
        let mut seen = scan(&cut(&wire, &sizes), limits);
        let mut whole = scan(&[&wire[..]], limits);
        // A body that the stream's end cuts may have told its envelope or not.
        for seen in [&mut seen, &mut whole] {
            for message in seen.messages.iter_mut().filter(|message| !message.whole) {
                message.envelope = None;
            }
        }
        prop_assert_eq!(seen, whole);
    }
}
