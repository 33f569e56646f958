//! The number that ties a reply to its request.

use std::fmt;

use serde::de::IgnoredAny;

use crate::json::{RAW_MAX, Raw};

/// Longest id that is kept, in bytes as written (a string's quotes included).
pub const ID_MAX: usize = RAW_MAX;

/// What Go writes as an escape in the id that it repeats (encoding/json, `compact` with HTML's
/// characters).
const ESCAPED: [(char, &str); 5] =
    [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];

/// An `id` as it was written: a number, or a string with its quotes and escapes.
///
/// Delve repeats the bytes that the client sent, but for a few characters that Go escapes, and so
/// they are here. Equal text is the same id. Fit to be a key; the order is the text's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Raw);

impl Id {
    /// `None` for `null`, for text that is not JSON, and for an id that did not fit.
    pub(super) fn from_raw(raw: &Raw) -> Option<Id> {
        let text = raw.as_str().filter(|text| *text != "null")?;
        serde_json::from_str::<IgnoredAny>(text).ok()?;
        if !text.contains(ESCAPED.map(|(char, _)| char)) {
            return Some(Id(*raw));
        }
        let mut escaped = Raw::EMPTY;
        for char in text.chars() {
            match ESCAPED.iter().find(|(from, _)| *from == char) {
                Some((_, to)) => escaped.push(to.as_bytes()),
                None => escaped.push(char.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        escaped.as_str().is_some().then_some(Id(escaped))
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
