//! The envelope's fields as far as they are known.

use super::{Envelope, Id, Kind};
use crate::envelope::Name;
use crate::json::exact::Exact;
use crate::json::{Value, Walker};

/// The fields that make an envelope, in the order of the constants below.
pub(super) const NAMES: &[&str] = &["id", "method", "result", "error"];

/// The fields of a request that net/rpc/jsonrpc reads before it looks for the method.
pub(super) const REQUEST_NAMES: &[&str] = &["id", "method"];

const ID: usize = 0;
const METHOD: usize = 1;
const RESULT: usize = 2;
const ERROR: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    /// A bit for each field that came, usable or not: the first of equal keys wins.
    seen: u8,
    id: Option<Id>,
    method: Option<Name>,
    failed: bool,
    /// `method` once had a value of a type that Go does not take for it.
    wrong: bool,
}

impl Fields {
    /// Takes the value that `walker` just found for the field with this index in [`REQUEST_NAMES`],
    /// as Go does: of several the last, and a method of another type is an error whatever follows.
    pub(super) fn take_last(&mut self, field: usize, value: Value, walker: &Exact) {
        match (field, value) {
            (ID, Value::Scalar | Value::String) => self.id = Id::from_raw(walker.raw()),
            (ID, Value::Compound) => self.id = None,
            (METHOD, Value::String) => self.method = Some(walker.string()),
            // It changes nothing.
            (METHOD, Value::Scalar) if walker.raw().is_null() => {}
            _ => self.wrong = true,
        }
    }

    /// What net/rpc/jsonrpc reads from the whole object, whose method is empty there where it is
    /// missing.
    pub(super) fn request(&self) -> Envelope {
        let request = Kind::Request { method: self.method.unwrap_or(Name::EMPTY) };
        Envelope { id: self.id, kind: if self.wrong { Kind::Unknown } else { request } }
    }

    /// Takes the value that `walker` just found for the field with this index in [`NAMES`].
    pub(super) fn take(&mut self, field: usize, value: Value, walker: &Walker) {
        if self.has(field) {
            return;
        }
        self.seen |= 1 << field;
        match (field, value) {
            (ID, Value::Scalar | Value::String) => self.id = Id::from_raw(walker.raw()),
            (METHOD, Value::String) => self.method = Some(walker.string()),
            (ERROR, Value::Scalar) => self.failed = !walker.raw().is_null(),
            (ERROR, _) => self.failed = true,
            _ => {}
        }
    }

    /// Whether all fields have come that a request, or that a reply needs.
    pub(super) fn are_enough(&self) -> bool {
        self.has(ID) && (self.has(METHOD) || self.has(ERROR))
    }

    /// What the fields say so far.
    pub(super) fn envelope(&self) -> Envelope {
        let kind = match self.method {
            Some(method) => Kind::Request { method },
            None if self.has(METHOD) => Kind::Unknown,
            None if self.has(ERROR) || self.has(RESULT) => Kind::Reply { success: !self.failed },
            None => Kind::Unknown,
        };
        Envelope { id: self.id, kind }
    }

    fn has(&self, field: usize) -> bool {
        self.seen & (1 << field) != 0
    }
}
