//! The envelope's fields as far as they are known.

use super::envelope::{RpcEnvelope, RpcKind};
use super::id::Id;
use crate::envelope::Name;
use crate::json::exact::Exact;
use crate::json::{FoundValue, Walker};

/// The fields that make an envelope, in the order of the constants below.
pub(super) const NAMES: &[&str] = &["id", "method", "result", "error"];

/// The fields of a request that net/rpc/jsonrpc reads before it looks for the method.
pub(super) const REQUEST_NAMES: &[&str] = &["id", "method"];

const ID: usize = 0;
const METHOD: usize = 1;
const RESULT: usize = 2;
const ERROR: usize = 3;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RpcFields {
    /// A bit for each field that came, usable or not: the first of equal keys wins.
    seen: u8,
    id: Option<Id>,
    method: Option<Name>,
    failed: bool,
    /// `method` once had a value of a type that Go does not take for it.
    wrong: bool,
}

impl RpcFields {
    /// Takes the value that `walker` just found for the field with this index in [`REQUEST_NAMES`],
    /// as Go does: of several the last, and a method of another type is an error whatever follows.
    pub(super) fn take_last(&mut self, field: usize, value: FoundValue, walker: &Exact) {
        match (field, value) {
            (ID, FoundValue::Scalar | FoundValue::String) => self.id = Id::from_raw(walker.raw()),
            (ID, FoundValue::Compound) => self.id = None,
            (METHOD, FoundValue::String) => self.method = Some(walker.string()),
            // It changes nothing.
            (METHOD, FoundValue::Scalar) if walker.raw().is_null() => {}
            _ => self.wrong = true,
        }
    }

    /// What net/rpc/jsonrpc reads from the whole object, whose method is empty there where it is
    /// missing.
    pub(super) fn request(&self) -> RpcEnvelope {
        let request = RpcKind::Request { method: self.method.unwrap_or(Name::EMPTY) };
        RpcEnvelope { id: self.id, kind: if self.wrong { RpcKind::Unknown } else { request } }
    }

    /// Takes the value that `walker` just found for the field with this index in [`NAMES`].
    pub(super) fn take(&mut self, field: usize, value: FoundValue, walker: &Walker) {
        if self.has(field) {
            return;
        }
        self.seen |= 1 << field;
        match (field, value) {
            (ID, FoundValue::Scalar | FoundValue::String) => self.id = Id::from_raw(walker.raw()),
            (METHOD, FoundValue::String) => self.method = Some(walker.string()),
            (ERROR, FoundValue::Scalar) => self.failed = !walker.raw().is_null(),
            (ERROR, _) => self.failed = true,
            _ => {}
        }
    }

    /// Whether all fields have come that a request, or that a reply needs.
    pub(super) fn are_enough(&self) -> bool {
        self.has(ID) && (self.has(METHOD) || self.has(ERROR))
    }

    /// What the fields say so far.
    pub(super) fn envelope(&self) -> RpcEnvelope {
        let kind = match self.method {
            Some(method) => RpcKind::Request { method },
            None if self.has(METHOD) => RpcKind::Unknown,
            None if self.has(ERROR) || self.has(RESULT) => RpcKind::Reply { success: !self.failed },
            None => RpcKind::Unknown,
        };
        RpcEnvelope { id: self.id, kind }
    }

    fn has(&self, field: usize) -> bool {
        self.seen & (1 << field) != 0
    }
}
