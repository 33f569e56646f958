//! Every written message is read back.
// Helpers outside #[test] functions may panic as well.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use bytes::{Bytes, BytesMut};
use dlvgate_protocol::codec::FrameCodec;
use dlvgate_protocol::envelope::{MessageKind, Name};
use dlvgate_protocol::frame::{Limits, frame};
use dlvgate_protocol::message::{error_response, output_event, success_response, terminated_event};
use dlvgate_protocol::scan::{DapPart, DapScanner};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{cut, sizes, text};
use tokio_util::codec::{Decoder, Encoder};

/// The kind of a single, canonically framed message.
fn kind(message: &Bytes) -> MessageKind {
    let mut scanner = DapScanner::new(Limits::default());
    let header = scanner.step(message).unwrap();
    assert!(matches!(header.part, DapPart::Header(header) if header.canonical));
    let body = scanner.step(&message[header.consumed..]).unwrap();
    assert_eq!(body.part, DapPart::Body { end: true });
    body.envelope.unwrap().kind
}

proptest! {
    #![proptest_config(support::config())]

    #[test]
    fn frames_pass_through_the_codec(bodies in vec(vec(any::<u8>(), 0..300), 1..6), sizes in sizes()) {
        let mut wire = BytesMut::new();
        let mut framed = Vec::new();
        for body in &bodies {
            FrameCodec::default().encode(Bytes::copy_from_slice(body), &mut wire).unwrap();
            framed.extend_from_slice(&frame(body));
        }
        prop_assert_eq!(&wire[..], &framed[..]);
        let mut codec = FrameCodec::default();
        let mut input = BytesMut::new();
        let mut read = Vec::new();
        for chunk in cut(&wire, &sizes) {
            input.extend_from_slice(chunk);
            while let Some(body) = codec.decode(&mut input).unwrap() {
                read.push(body.to_vec());
            }
        }
        prop_assert!(codec.decode_eof(&mut input).unwrap().is_none());
        prop_assert_eq!(read, bodies);
    }

    #[test]
    fn the_codec_never_panics_on_garbage(wire in vec(any::<u8>(), 0..200), sizes in sizes()) {
        let mut codec = FrameCodec::default();
        let mut input = BytesMut::new();
        for chunk in cut(&wire, &sizes) {
            input.extend_from_slice(chunk);
            while let Ok(Some(_)) = codec.decode(&mut input) {}
        }
        let _ = codec.decode_eof(&mut input);
    }

    #[test]
    fn made_messages_are_read_as_what_they_are(
        seq in any::<i64>(), request_seq in any::<i64>(), command in text(), id in any::<i64>(), text in text(),
    ) {
        let name = Name::new(&command);
        let response = |success| MessageKind::Response { request_seq, success, command: name };
        prop_assert_eq!(kind(&error_response(seq, request_seq, &command, id, &text)), response(false));
        prop_assert_eq!(kind(&success_response(seq, request_seq, &command)), response(true));
        prop_assert_eq!(kind(&output_event(seq, "stderr", &text)), MessageKind::Event { event: Name::new("output") });
        prop_assert_eq!(kind(&terminated_event(seq)), MessageKind::Event { event: Name::new("terminated") });
    }
}
