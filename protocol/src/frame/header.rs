//! Reads the header of one message, a chunk at a time.

use memchr::{memchr, memchr_iter};

use super::error::FrameError;
use super::error::excerpt;
use super::limits::Limits;

pub(super) const NAME: &[u8] = b"Content-Length: ";
pub(super) const END: &[u8] = b"\r\n\r\n";

const CONTENT_LENGTH: &[u8] = b"content-length";

/// Carriage return and line feed, which a line may have above its limit.
const LINE_END: usize = 2;

/// Digits of a length that fits in any case.
const USUAL_DIGITS: usize = 18;

/// What the header of one message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the body that follows, in bytes.
    pub body_len: u64,
    /// Whether the header's bytes were exactly `Content-Length: N\r\n\r\n`, with an `N` that go-dap
    /// takes: digits only (leading zeros included) and at most `i64::MAX`, Go's `int`. Such a
    /// header may be forwarded as it came; any other header must be normalized.
    pub canonical: bool,
}

/// Incremental reader of message headers. It takes no byte of a body.
#[derive(Clone, Debug)]
pub struct HeaderReader {
    limits: Limits,
    /// The present line as far as it came, line end included.
    line: Vec<u8>,
    /// Complete header lines of the present message.
    lines: usize,
    length: Option<u64>,
    canonical: bool,
    failed: Option<FrameError>,
}

impl HeaderReader {
    /// Returns a reader that stands before a message. It ignores [`Limits::body`].
    pub fn new(limits: Limits) -> HeaderReader {
        HeaderReader { limits, line: Vec::new(), lines: 0, length: None, canonical: true, failed: None }
    }

    /// Takes bytes from the front of `input` until the header's blank line or the end of `input`.
    ///
    /// Returns how many bytes were taken, and the header if it is complete. After a complete
    /// header the next message's header is expected: the caller takes the body away first.
    ///
    /// # Errors
    ///
    /// See [`FrameError`]; all but [`FrameError::BodyTooLong`] come from here. Every further call
    /// returns the same error.
    pub fn step(&mut self, input: &[u8]) -> Result<(usize, Option<Header>), FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.at_boundary() {
            if let Some((taken, body_len)) = usual(input, self.limits) {
                return Ok((taken, Some(Header { body_len, canonical: true })));
            }
        }
        self.advance(input).inspect_err(|error| self.failed = Some(error.clone()))
    }

    /// Whether no byte of a header has been taken: the stream may end here.
    pub fn at_boundary(&self) -> bool {
        self.line.is_empty() && self.lines == 0 && self.failed.is_none()
    }

    /// How many bytes are kept of the present line.
    #[cfg(fuzzing)]
    pub fn held(&self) -> usize {
        self.line.len()
    }

    fn advance(&mut self, input: &[u8]) -> Result<(usize, Option<Header>), FrameError> {
        let mut consumed = 0;
        while consumed < input.len() {
            let rest = &input[consumed..];
            let room = self.limits.header_line.saturating_add(LINE_END).saturating_sub(self.line.len());
            let window = &rest[..rest.len().min(room)];
            let end = memchr(b'\n', window);
            let taken = end.map_or(window.len(), |at| at + 1);
            self.line.extend_from_slice(&window[..taken]);
            consumed += taken;
            if content(&self.line).len() > self.limits.header_line || taken == 0 {
                // Cut at the limit: the error must not depend on where chunks end.
                let excerpt = excerpt(&self.line[..self.limits.header_line.min(self.line.len())]);
                return Err(FrameError::LineTooLong { limit: self.limits.header_line, excerpt });
            }
            if end.is_some() {
                if let Some(header) = self.end_line()? {
                    return Ok((consumed, Some(header)));
                }
            }
        }
        Ok((consumed, None))
    }

    fn end_line(&mut self) -> Result<Option<Header>, FrameError> {
        let line = content(&self.line);
        if line.is_empty() {
            let length = self.length.ok_or(FrameError::MissingContentLength { headers: self.lines })?;
            let canonical = self.canonical && self.lines == 1 && self.line == b"\r\n";
            self.line.clear();
            self.lines = 0;
            self.length = None;
            self.canonical = true;
            return Ok(Some(Header { body_len: length, canonical }));
        }
        if self.lines >= self.limits.headers {
            return Err(FrameError::TooManyHeaders { limit: self.limits.headers, excerpt: excerpt(line) });
        }
        self.lines += 1;
        let (name, value) = split(line).ok_or_else(|| FrameError::NotAHeader { excerpt: excerpt(line) })?;
        if name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            let second =
                number(value).ok_or_else(|| FrameError::BadContentLength { excerpt: excerpt(value) })?;
            match self.length {
                Some(first) if first != second => {
                    return Err(FrameError::ConflictingContentLength { first, second });
                }
                _ => self.length = Some(second),
            }
            self.canonical &= is_canonical(&self.line, second);
        } else {
            self.canonical = false;
        }
        self.line.clear();
        Ok(None)
    }
}

/// Reads a whole header of the usual form `Content-Length: N\r\n\r\n`: returns its length, and N.
/// Any other header is read line by line, with the same result.
fn usual(input: &[u8], limits: Limits) -> Option<(usize, u64)> {
    let rest = input.strip_prefix(NAME)?;
    let digits = rest.iter().take(USUAL_DIGITS + 1).position(|byte| !byte.is_ascii_digit())?;
    let within = limits.headers >= 1 && limits.header_line >= NAME.len() + digits;
    if digits == 0 || !within || !rest[digits..].starts_with(END) {
        return None;
    }
    let length = rest[..digits].iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some((NAME.len() + digits + END.len(), length))
}

/// The line without `\r\n` or `\n`. A trailing `\r` counts as the beginning of a line end.
fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Name and value of `Name: value`, trimmed; `None` if there is no colon or no name.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr_iter(b':', line).next()?;
    let name = trim(&line[..colon]);
    let named = !name.is_empty() && name.iter().all(|&byte| is_token(byte));
    named.then(|| (name, trim(&line[colon + 1..])))
}

fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// A header name's characters (RFC 9110, section 5.6.2). An HTTP request line is none, for its
/// spaces.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, digit| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
}

fn is_canonical(line: &[u8], length: u64) -> bool {
    let digits = line.strip_prefix(NAME).and_then(|rest| rest.strip_suffix(b"\r\n"));
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit)) && i64::try_from(length).is_ok()
}

#[cfg(test)]
mod tests;
