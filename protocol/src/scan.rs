//! Walks along a stream of DAP messages and reports boundaries and envelopes.
//!
//! The scanner never asks anybody to wait: bytes can be forwarded while it looks at them. It keeps
//! no body, and once it knows an envelope it passes over the rest of the body by its length alone.

mod fields;

use crate::envelope::Envelope;
use crate::frame::{FrameError, Header, HeaderReader, Limits};
use crate::json::Walker;
use fields::Fields;

/// What [`Scanner::step`] took, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes taken from the front of the input; at least one where the input is not empty.
    pub consumed: usize,
    /// What those bytes are.
    pub part: Part,
    /// The message's envelope. `Some` exactly once for each message with a body: in the first
    /// body step in which it is known, at the latest in the one with `end: true`.
    pub envelope: Option<Envelope>,
}

/// What the bytes of a step are. A step never spans two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Some of a header, which goes on.
    PartialHeader,
    /// The rest of a header, its blank line included. With a `body_len` of 0 the message is whole
    /// and no body step follows.
    Header(Header),
    /// Some of a body.
    Body {
        /// Whether the body's last byte is among them.
        end: bool,
    },
}

/// Follows one direction of one connection.
#[derive(Clone, Debug)]
pub struct Scanner {
    header: HeaderReader,
    remaining: u64,
    walker: Walker,
    fields: Fields,
    /// The present body's envelope has been reported.
    reported: bool,
}

impl Scanner {
    /// Returns a scanner between messages.
    ///
    /// [`Limits::body`] is not enforced: the caller decides on [`Header::body_len`], and may go on
    /// scanning a body that it discards.
    pub fn new(limits: Limits) -> Scanner {
        Scanner {
            header: HeaderReader::new(limits),
            remaining: 0,
            walker: Walker::new(fields::NAMES),
            fields: Fields::default(),
            reported: false,
        }
    }

    /// Takes some bytes from the front of `input` (not empty) and says what they are.
    ///
    /// Call it again with the bytes that are left. What a stream yields does not depend on how it
    /// is cut into inputs, but for how many partial headers and bodies it is reported in, and in
    /// which of a body's steps the envelope comes.
    ///
    /// # Errors
    ///
    /// Where a header is malformed or over a limit; see [`FrameError`]. Every further call returns
    /// the same error, since where the next message begins is unknown. A body never is an error.
    pub fn step(&mut self, input: &[u8]) -> Result<Step, FrameError> {
        if self.remaining > 0 {
            return Ok(self.body(input));
        }
        let (consumed, header) = self.header.step(input)?;
        let part = match header {
            None => Part::PartialHeader,
            Some(header) => {
                self.remaining = header.body_len;
                self.walker.reset();
                self.fields = Fields::default();
                self.reported = false;
                Part::Header(header)
            }
        };
        Ok(Step {
            consumed,
            part,
            envelope: None,
        })
    }

    /// Whether the stream stands between messages: no byte of the next header has been taken.
    pub fn at_boundary(&self) -> bool {
        self.remaining == 0 && self.header.at_boundary()
    }

    /// How many bytes of the present body are still to come; 0 outside a body.
    pub fn body_remaining(&self) -> u64 {
        self.remaining
    }

    fn body(&mut self, input: &[u8]) -> Step {
        let consumed = usize::try_from(self.remaining)
            .unwrap_or(usize::MAX)
            .min(input.len());
        self.remaining -= consumed as u64;
        let end = self.remaining == 0;
        let mut envelope = None;
        if !self.reported {
            self.walk(&input[..consumed]);
            if end || self.fields.are_enough() {
                self.reported = true;
                envelope = Some(self.fields.envelope());
            }
        }
        Step {
            consumed,
            part: Part::Body { end },
            envelope,
        }
    }

    fn walk(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.walker.is_done() && !self.walker.is_broken() {
            let advance = self.walker.advance(bytes);
            bytes = &bytes[advance.consumed..];
            if let Some((field, value)) = advance.found {
                self.fields.take(field, value, &self.walker);
                if self.fields.are_enough() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Kind, Name};
    use crate::frame::frame;

    /// Every step of a stream given at once.
    fn steps(wire: &[u8]) -> Vec<Step> {
        let mut scanner = Scanner::new(Limits::default());
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
            Envelope {
                seq: Some(3),
                kind: Kind::Request { command }
            }
        );
        assert_eq!(
            envelope(
                r#"{"body":{"seq":9},"command":"next","success":true,"request_seq":3,"type":"response","seq":0}"#
            ),
            Envelope {
                seq: Some(0),
                kind: Kind::Response {
                    request_seq: 3,
                    success: true,
                    command
                }
            }
        );
        assert_eq!(
            envelope(r#"{"seq":4,"type":"event","event":"stopped"}"#),
            Envelope {
                seq: Some(4),
                kind: Kind::Event {
                    event: Name::new("stopped")
                }
            }
        );
    }

    #[test]
    fn a_nested_field_never_counts() {
        let body = r#"{"arguments":{"command":"evil","type":"event","seq":9},"type":"request","seq":1,"command":"good"}"#;
        let kind = Kind::Request {
            command: Name::new("good"),
        };
        assert_eq!(envelope(body), Envelope { seq: Some(1), kind });
    }

    #[test]
    fn the_first_of_two_equal_keys_wins() {
        let body = r#"{"command":"a","command":"b","seq":"x","seq":2,"type":"request","type":"event"}"#;
        assert_eq!(
            envelope(body),
            Envelope {
                seq: None,
                kind: Kind::Request {
                    command: Name::new("a")
                }
            }
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
            assert_eq!(
                envelope(body),
                Envelope {
                    seq: None,
                    kind: Kind::Unknown
                },
                "{body}"
            );
        }
    }

    #[test]
    fn a_missing_seq_or_a_broken_end_leaves_the_rest_usable() {
        let kind = Kind::Request {
            command: Name::new("threads"),
        };
        assert_eq!(
            envelope(r#"{"type":"request","command":"threads"}"#),
            Envelope { seq: None, kind }
        );
        assert_eq!(
            envelope(r#"{"type":"request","command":"threads",#"#),
            Envelope { seq: None, kind }
        );
        let command = Name::EMPTY;
        assert_eq!(
            envelope(r#"{"type":"response","request_seq":1}"#).kind,
            Kind::Response {
                request_seq: 1,
                success: false,
                command
            }
        );
    }

    #[test]
    fn an_envelope_is_reported_as_soon_as_it_is_known() {
        let wire = frame(br#"{"seq":1,"type":"request","command":"launch","arguments":{"program":"/x"}}"#);
        let known = wire.windows(8).position(|bytes| bytes == b"\"launch\"").unwrap() + 8;
        let mut scanner = Scanner::new(Limits::default());
        let header = scanner.step(&wire[..known]).unwrap();
        let body = scanner.step(&wire[header.consumed..known]).unwrap();
        assert_eq!(body.part, Part::Body { end: false });
        assert!(body.envelope.is_some());
        assert_eq!(scanner.body_remaining(), (wire.len() - known) as u64);
        let last = scanner.step(&wire[known..]).unwrap();
        assert_eq!(last.part, Part::Body { end: true });
        assert!(last.envelope.is_none());
    }

    #[test]
    fn an_empty_body_is_a_whole_message_without_a_body_step() {
        let parts: Vec<Part> = steps(b"Content-Length: 0\r\n\r\nContent-Length: 2\r\n\r\n{}")
            .iter()
            .map(|step| step.part)
            .collect();
        let header = |body_len| {
            Part::Header(Header {
                body_len,
                canonical: true,
            })
        };
        assert_eq!(parts, [header(0), header(2), Part::Body { end: true }]);
    }

    #[test]
    fn a_body_limit_is_the_callers_business() {
        let mut scanner = Scanner::new(Limits {
            body: 1,
            ..Limits::default()
        });
        scanner.step(b"Content-Length: 5000000000\r\n\r\n").unwrap();
        assert_eq!(scanner.body_remaining(), 5_000_000_000);
        assert!(!scanner.at_boundary());
    }
}
