//! The envelope's fields as far as they are known.

use crate::envelope::{Envelope, Kind, Name};
use crate::json::{Value, Walker};

/// The fields that make an envelope, in the order of the constants below.
pub(super) const NAMES: &[&str] = &["seq", "type", "command", "event", "request_seq", "success"];

const SEQ: usize = 0;
const TYPE: usize = 1;
const COMMAND: usize = 2;
const EVENT: usize = 3;
const REQUEST_SEQ: usize = 4;
const SUCCESS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Type {
    Request,
    Response,
    Event,
    Other,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    /// A bit for each field that came, usable or not: the first of equal keys wins.
    seen: u8,
    seq: Option<i64>,
    kind: Option<Type>,
    command: Option<Name>,
    event: Option<Name>,
    request_seq: Option<i64>,
    success: Option<bool>,
}

impl Fields {
    /// Takes the value that `walker` just found for the field with this index in [`NAMES`].
    pub(super) fn take(&mut self, field: usize, value: Value, walker: &Walker) {
        if self.has(field) {
            return;
        }
        self.seen |= 1 << field;
        match (field, value) {
            (SEQ, Value::Scalar) => self.seq = walker.raw().as_i64(),
            (REQUEST_SEQ, Value::Scalar) => self.request_seq = walker.raw().as_i64(),
            (SUCCESS, Value::Scalar) => self.success = walker.raw().as_bool(),
            (COMMAND, Value::String) => self.command = Some(walker.string()),
            (EVENT, Value::String) => self.event = Some(walker.string()),
            (TYPE, Value::String) => {
                let types =
                    [("request", Type::Request), ("response", Type::Response), ("event", Type::Event)];
                let known = types.into_iter().find(|(name, _)| walker.string_is(name));
                self.kind = Some(known.map_or(Type::Other, |(_, known)| known));
            }
            (TYPE, _) => self.kind = Some(Type::Other),
            _ => {}
        }
    }

    /// Whether all fields that the message's type needs have come.
    pub(super) fn are_enough(&self) -> bool {
        let Some(kind) = self.kind else { return false };
        let needed: &[usize] = match kind {
            Type::Request => &[SEQ, COMMAND],
            Type::Response => &[SEQ, REQUEST_SEQ, SUCCESS, COMMAND],
            Type::Event => &[SEQ, EVENT],
            Type::Other => &[SEQ],
        };
        needed.iter().all(|&field| self.has(field))
    }

    /// What the fields say so far.
    pub(super) fn envelope(&self) -> Envelope {
        let kind = match self.kind {
            Some(Type::Request) => self.command.map(|command| Kind::Request { command }),
            Some(Type::Response) => self.request_seq.map(|request_seq| Kind::Response {
                request_seq,
                success: self.success.unwrap_or(false),
                command: self.command.unwrap_or(Name::EMPTY),
            }),
            Some(Type::Event) => self.event.map(|event| Kind::Event { event }),
            Some(Type::Other) | None => None,
        };
        Envelope { seq: self.seq, kind: kind.unwrap_or(Kind::Unknown) }
    }

    fn has(&self, field: usize) -> bool {
        self.seen & (1 << field) != 0
    }
}
