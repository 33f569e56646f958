//! The scanner: whatever a stream is cut into, it says the same. By single bytes nothing is usual,
//! so that the usual messages' fast path is held against the general walker, too.
#![no_main]

use dlvgate_protocol::envelope::Envelope;
use dlvgate_protocol::frame::{FrameError, Header, Limits, frame};
use dlvgate_protocol::scan::{DapPart, DapScanner};
use dlvgate_protocol_fuzz::chunks::{self, Cuts};
use libfuzzer_sys::fuzz_target;

/// Messages that are framed at most: a header is longer than what separates two bodies.
const MESSAGES: usize = 5;

/// What a stream says, however it was cut.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    messages: Vec<Message>,
    error: Option<FrameError>,
    at_boundary: bool,
}

#[derive(Debug, PartialEq)]
struct Message {
    header: Header,
    /// Where its body begins and, as far as it came, ends.
    body: (usize, usize),
    /// Of a whole message: one that the stream's end cuts may have told it or not.
    envelope: Option<Envelope>,
    whole: bool,
}

fn scan<'a>(chunks: impl Iterator<Item = &'a [u8]>, limits: Limits) -> Seen {
    let mut scanner = DapScanner::new(limits);
    let mut seen = Seen::default();
    let mut at = 0;
    for chunk in chunks {
        let mut rest = chunk;
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
            at += step.consumed;
            rest = &rest[step.consumed..];
            match step.part {
                DapPart::PartialHeader => {
                    assert!(rest.is_empty() && !scanner.at_boundary() && step.envelope.is_none());
                }
                DapPart::Header(header) => {
                    assert!(step.envelope.is_none());
                    assert_eq!(scanner.body_remaining(), header.body_len);
                    let whole = header.body_len == 0;
                    seen.messages.push(Message { header, body: (at, at), envelope: None, whole });
                }
                DapPart::Body { end } => {
                    assert_eq!(scanner.body_remaining(), before - step.consumed as u64);
                    let message = seen.messages.last_mut().expect("a body follows its header");
                    assert!(step.envelope.is_none() || message.envelope.is_none(), "reported twice");
                    message.envelope = message.envelope.or(step.envelope);
                    message.body.1 = at;
                    message.whole = end;
                    assert!(!end || message.envelope.is_some(), "never reported");
                }
            }
        }
    }
    if let Some(cut) = seen.messages.last_mut().filter(|message| !message.whole) {
        cut.envelope = None;
    }
    seen.at_boundary = scanner.at_boundary();
    seen
}

fuzz_target!(|input: &[u8]| {
    let Some((cuts, rest)) = Cuts::of(input) else { return };
    let Some((&kind, rest)) = rest.split_first() else { return };
    let framed;
    let (wire, limits) = match kind {
        // Bodies, each well framed, so that mutations of a body do not break the stream.
        b'b' => {
            framed = rest.splitn(MESSAGES, |&byte| byte == b'\n').flat_map(frame).collect::<Vec<u8>>();
            (&framed[..], Limits::default())
        }
        0..64 => (
            rest,
            Limits {
                header_line: usize::from(kind) * 2,
                headers: usize::from(kind % 4),
                ..Limits::default()
            },
        ),
        _ => (rest, Limits::default()),
    };
    let whole = scan(std::iter::once(wire), limits);
    assert_eq!(whole, scan(chunks::each(wire, cuts), limits));
    assert_eq!(whole, scan(wire.chunks(1), limits));
});
