//! The number that ties a reply to its request.

use std::fmt;

use serde::de::IgnoredAny;

use crate::json::{RAW_MAX, Raw};

/// Longest id that is kept, in bytes as written (a string's quotes included).
pub const ID_MAX: usize = RAW_MAX;

/// An `id` as it was written: a number, or a string with its quotes and escapes.
///
/// Delve repeats the bytes that the client sent, so equal text is the same id. Fit to be a key; the order is the text's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Raw);

impl Id {
    /// `None` for `null`, for what is not JSON, and for what did not fit.
    pub(super) fn from_raw(raw: &Raw) -> Option<Id> {
        let text = raw.as_str().filter(|text| *text != "null")?;
        serde_json::from_str::<IgnoredAny>(text).is_ok().then_some(Id(*raw))
    }

    /// The id as raw JSON, as [`error_reply`](super::error_reply) takes it.
    pub fn as_str(&self) -> &str {
        self.0.as_str().unwrap_or_default()
    }

    /// The id as an integer; `None` for a string or a number outside `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_i64()
    }

    /// The id as an unsigned integer, as Go's clients number their requests.
    pub fn as_u64(&self) -> Option<u64> {
        self.0.as_u64()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.as_str())
    }
}
