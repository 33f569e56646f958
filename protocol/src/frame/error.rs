//! Errors in a message's header, with words that help to find their cause.

use std::ascii::escape_default;

/// Longest excerpt of a peer's bytes in an error, in characters after escaping.
pub const EXCERPT_MAX: usize = 60;

const CUT: &str = "...";

/// Why a stream is not, or no longer, a stream of DAP messages.
///
/// None of these can be recovered from: where the next message begins is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A header line is longer than [`Limits::header_line`](super::Limits::header_line).
    #[error("header line is longer than the limit of {limit} bytes; it begins with \"{excerpt}\"")]
    LineTooLong {
        /// The limit in bytes, without the line end.
        limit: usize,
        /// How the line begins, escaped.
        excerpt: String,
    },
    /// A message has more header lines than [`Limits::headers`](super::Limits::headers).
    #[error("header line {} \"{excerpt}\" is over the limit of {limit} header lines", .limit.saturating_add(1))]
    TooManyHeaders {
        /// The limit in lines.
        limit: usize,
        /// The first line too many, escaped.
        excerpt: String,
    },
    /// A line is not `Name: value`.
    #[error("\"{excerpt}\" is not a header line; expected \"Content-Length: N\"")]
    NotAHeader {
        /// The line, escaped.
        excerpt: String,
    },
    /// The blank line came before any `Content-Length`.
    #[error("header of {headers} line(s) has no Content-Length")]
    MissingContentLength {
        /// How many header lines there were.
        headers: usize,
    },
    /// The value of `Content-Length` is not a decimal number of at most 64 bits.
    #[error("Content-Length \"{excerpt}\" is not a number between 0 and {}", u64::MAX)]
    BadContentLength {
        /// The value, escaped.
        excerpt: String,
    },
    /// Two `Content-Length` lines of one message contradict each other.
    #[error("two different Content-Lengths in one header: {first} and {second}")]
    ConflictingContentLength {
        /// The first value in bytes.
        first: u64,
        /// The value that differs, in bytes.
        second: u64,
    },
    /// The body is longer than [`Limits::body`](super::Limits::body).
    #[error("body of {len} bytes is over the limit of {limit} bytes")]
    BodyTooLong {
        /// What `Content-Length` announced, in bytes.
        len: u64,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Returns `bytes` as printable ASCII of at most [`EXCERPT_MAX`] characters, cut off with `...`.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let mut text = String::new();
    // Where to cut if the rest does not fit.
    let mut fits = 0;
    for &byte in bytes {
        let escaped = escape_default(byte);
        if text.len() + escaped.len() > EXCERPT_MAX {
            text.truncate(fits);
            text.push_str(CUT);
            return text;
        }
        text.extend(escaped.map(char::from));
        if text.len() <= EXCERPT_MAX - CUT.len() {
            fits = text.len();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_no_control_characters_and_an_end() {
        assert_eq!(excerpt(b"GET / HTTP/1.1"), "GET / HTTP/1.1");
        assert_eq!(excerpt(b"\x16\x03\x01\x1b[2J"), "\\x16\\x03\\x01\\x1b[2J");
        assert_eq!(excerpt(&[b'a'; EXCERPT_MAX]), "a".repeat(EXCERPT_MAX));
        assert_eq!(excerpt(&[b'a'; EXCERPT_MAX + 1]), "a".repeat(EXCERPT_MAX - 3) + "...");
        let long = excerpt(&[0_u8; 1000]);
        assert!(long.len() <= EXCERPT_MAX && long.ends_with("\\x00..."), "{long}");
    }

    #[test]
    fn a_message_names_value_and_limit() {
        let error = FrameError::BodyTooLong { len: 5, limit: 4 };
        assert_eq!(error.to_string(), "body of 5 bytes is over the limit of 4 bytes");
        let error = FrameError::TooManyHeaders { limit: 2, excerpt: "X: 1".into() };
        assert_eq!(error.to_string(), "header line 3 \"X: 1\" is over the limit of 2 header lines");
    }
}
