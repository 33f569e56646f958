//! The envelope's fields as far as they are known.

use crate::envelope::{Envelope, MessageKind, Name};
use crate::json::exact::Exact;
use crate::json::{FoundValue, Walker};

/// The fields that make an envelope, in the order of the constants below.
pub(super) const NAMES: &[&str] = &["seq", "type", "command", "event", "request_seq", "success"];

/// What go-dap reads besides, and closes the connection where it is no string.
pub(super) const ALL_NAMES: &[&str] =
    &["seq", "type", "command", "event", "request_seq", "success", "message"];

const SEQ: usize = 0;
const TYPE: usize = 1;
const COMMAND: usize = 2;
const EVENT: usize = 3;
const REQUEST_SEQ: usize = 4;
const SUCCESS: usize = 5;
const MESSAGE: usize = 6;

#[derive(Clone, Copy, Debug)]
enum MessageType {
    Request,
    Response,
    Event,
    Other,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EnvelopeFields {
    /// A bit for each field that came, usable or not: the first of equal keys wins.
    seen: u8,
    seq: Option<i64>,
    kind: Option<MessageType>,
    command: Option<Name>,
    event: Option<Name>,
    request_seq: Option<i64>,
    success: Option<bool>,
    /// A bit for each field that once had a value of a type that Go does not take for it.
    wrong: u8,
}

impl EnvelopeFields {
    /// The fields of an envelope that was read in one look.
    pub(super) fn of(envelope: Envelope) -> EnvelopeFields {
        let mut fields = EnvelopeFields { seq: envelope.seq, ..EnvelopeFields::default() };
        match envelope.kind {
            MessageKind::Request { command } => {
                fields.kind = Some(MessageType::Request);
                fields.command = Some(command);
            }
            MessageKind::Response { request_seq, success, command } => {
                fields.kind = Some(MessageType::Response);
                fields.request_seq = Some(request_seq);
                fields.success = Some(success);
                fields.command = Some(command);
            }
            MessageKind::Event { event } => {
                fields.kind = Some(MessageType::Event);
                fields.event = Some(event);
            }
            MessageKind::Unknown => {}
        }
        fields
    }

    /// Takes the value that `walker` just found for the field with this index in [`ALL_NAMES`], as
    /// Go does: of several the last, `null` changes nothing, and a value of another type is an
    /// error whatever follows.
    pub(super) fn take_last(&mut self, field: usize, value: FoundValue, walker: &Exact) {
        let raw = walker.raw();
        if value == FoundValue::Scalar && raw.is_null() {
            return;
        }
        let is_taken = match (field, value) {
            (SEQ, FoundValue::Scalar) => put(&mut self.seq, raw.as_i64()),
            (REQUEST_SEQ, FoundValue::Scalar) => put(&mut self.request_seq, raw.as_i64()),
            (SUCCESS, FoundValue::Scalar) => put(&mut self.success, raw.as_bool()),
            (COMMAND, FoundValue::String) => put(&mut self.command, Some(walker.string())),
            (EVENT, FoundValue::String) => put(&mut self.event, Some(walker.string())),
            (TYPE, FoundValue::String) => put(&mut self.kind, Some(kind(|name| walker.string_is(name)))),
            (MESSAGE, FoundValue::String) => true,
            _ => false,
        };
        if !is_taken {
            self.wrong |= 1 << field;
        }
    }

    /// What go-dap reads from the whole object; `seq` and `command` are 0 and empty there where
    /// they are missing.
    pub(super) fn last_envelope(&self) -> Envelope {
        let (kind, read): (_, &[usize]) = match self.kind {
            Some(MessageType::Request) => {
                (MessageKind::Request { command: self.command.unwrap_or(Name::EMPTY) }, &[SEQ, TYPE, COMMAND])
            }
            Some(MessageType::Response) => {
                let kind = MessageKind::Response {
                    request_seq: self.request_seq.unwrap_or_default(),
                    success: self.success.unwrap_or_default(),
                    command: self.command.unwrap_or(Name::EMPTY),
                };
                (kind, &[SEQ, TYPE, COMMAND, REQUEST_SEQ, SUCCESS, MESSAGE])
            }
            Some(MessageType::Event) => {
                (MessageKind::Event { event: self.event.unwrap_or(Name::EMPTY) }, &[SEQ, TYPE, EVENT])
            }
            Some(MessageType::Other) | None => (MessageKind::Unknown, &[SEQ, TYPE]),
        };
        if read.iter().any(|field| self.wrong & (1 << field) != 0) {
            return Envelope { seq: None, kind: MessageKind::Unknown };
        }
        Envelope { seq: self.seq, kind }
    }

    /// Takes the value that `walker` just found for the field with this index in [`NAMES`].
    pub(super) fn take(&mut self, field: usize, value: FoundValue, walker: &Walker) {
        if self.has(field) {
            return;
        }
        self.seen |= 1 << field;
        match (field, value) {
            (SEQ, FoundValue::Scalar) => self.seq = walker.raw().as_i64(),
            (REQUEST_SEQ, FoundValue::Scalar) => self.request_seq = walker.raw().as_i64(),
            (SUCCESS, FoundValue::Scalar) => self.success = walker.raw().as_bool(),
            (COMMAND, FoundValue::String) => self.command = Some(walker.string()),
            (EVENT, FoundValue::String) => self.event = Some(walker.string()),
            (TYPE, FoundValue::String) => {
                self.kind = Some(kind(|name| walker.string_is(name)));
            }
            (TYPE, _) => self.kind = Some(MessageType::Other),
            _ => {}
        }
    }

    /// Whether all fields that the message's type needs have come.
    pub(super) fn are_enough(&self) -> bool {
        let Some(kind) = self.kind else { return false };
        let needed: &[usize] = match kind {
            MessageType::Request => &[SEQ, COMMAND],
            MessageType::Response => &[SEQ, REQUEST_SEQ, SUCCESS, COMMAND],
            MessageType::Event => &[SEQ, EVENT],
            MessageType::Other => &[SEQ],
        };
        needed.iter().all(|&field| self.has(field))
    }

    /// What the fields say so far.
    pub(super) fn envelope(&self) -> Envelope {
        let kind = match self.kind {
            Some(MessageType::Request) => self.command.map(|command| MessageKind::Request { command }),
            Some(MessageType::Response) => self.request_seq.map(|request_seq| MessageKind::Response {
                request_seq,
                success: self.success.unwrap_or(false),
                command: self.command.unwrap_or(Name::EMPTY),
            }),
            Some(MessageType::Event) => self.event.map(|event| MessageKind::Event { event }),
            Some(MessageType::Other) | None => None,
        };
        Envelope { seq: self.seq, kind: kind.unwrap_or(MessageKind::Unknown) }
    }

    fn has(&self, field: usize) -> bool {
        self.seen & (1 << field) != 0
    }
}

fn kind(is: impl Fn(&str) -> bool) -> MessageType {
    let types = [
        ("request", MessageType::Request),
        ("response", MessageType::Response),
        ("event", MessageType::Event),
    ];
    types.into_iter().find(|(name, _)| is(name)).map_or(MessageType::Other, |(_, known)| known)
}

/// Whether there is a value.
fn put<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let is_value = value.is_some();
    *field = value.or(field.take());
    is_value
}
