//! The envelope's fields as far as they are known.

use super::{Envelope, Id, Kind};
use crate::envelope::Name;
use crate::json::{Value, Walker};

/// The fields that make an envelope, in the order of the constants below.
pub(super) const NAMES: &[&str] = &["id", "method", "result", "error"];

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
}

impl Fields {
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
