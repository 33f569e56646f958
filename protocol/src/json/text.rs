//! Decodes a JSON string that arrives in pieces, and keeps its beginning in place.

use memchr::memchr2;

use super::fold;
use crate::envelope::{NAME_MAX, Name};

#[derive(Clone, Copy, Debug)]
enum Escape {
    None,
    /// After a backslash.
    Began,
    /// After `\u` and this many digits of four.
    Unicode {
        digits: u8,
        value: u16,
    },
}

/// The string between its quotes.
#[derive(Clone, Debug)]
pub(super) struct Text {
    bytes: [u8; NAME_MAX],
    len: usize,
    truncated: bool,
    escape: Escape,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

impl Text {
    pub(super) fn new() -> Text {
        Text { bytes: [0; NAME_MAX], len: 0, truncated: false, escape: Escape::None, high: None }
    }

    /// Stands after an opening quote.
    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.truncated = false;
        self.escape = Escape::None;
        self.high = None;
    }

    /// Takes bytes up to and with the closing quote; returns how many, and whether it came.
    pub(super) fn take(&mut self, input: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            match self.escape {
                Escape::None => {
                    let found = memchr2(b'"', b'\\', &input[at..]);
                    let end = found.map_or(input.len(), |found| at + found);
                    if end > at {
                        self.flush_high();
                        self.push(&input[at..end]);
                    }
                    match input.get(end) {
                        Some(b'"') => {
                            self.flush_high();
                            return (end + 1, true);
                        }
                        Some(_) => self.escape = Escape::Began,
                        None => {}
                    }
                    at = end + usize::from(found.is_some());
                }
                Escape::Began => {
                    at += 1;
                    self.escaped(byte);
                }
                Escape::Unicode { digits, value } => match char::from(byte).to_digit(16) {
                    Some(digit) => {
                        at += 1;
                        self.hex(digits + 1, (value << 4) | digit as u16);
                    }
                    // No escape after all; the byte may well be the closing quote.
                    None => {
                        self.escape = Escape::None;
                        self.flush_high();
                        self.push_char(char::REPLACEMENT_CHARACTER);
                    }
                },
            }
        }
        (input.len(), false)
    }

    /// Returns the text so far, as far as it is kept.
    pub(super) fn name(&self) -> Name {
        Name::from_bytes(&self.bytes[..self.len], self.truncated)
    }

    /// Whether all that has been taken is this text.
    pub(super) fn is(&self, text: &str) -> bool {
        !self.truncated && self.bytes[..self.len] == *text.as_bytes()
    }

    /// Whether Go takes all that has been taken for this field.
    pub(super) fn is_field(&self, field: &str) -> bool {
        !self.truncated && fold::is_field(&self.bytes[..self.len], field)
    }

    fn escaped(&mut self, byte: u8) {
        self.escape = Escape::None;
        let plain = match byte {
            b'u' => {
                self.escape = Escape::Unicode { digits: 0, value: 0 };
                return;
            }
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            // `"`, `\`, `/`, and whatever should not have been escaped.
            other => other,
        };
        self.flush_high();
        self.push(&[plain]);
    }

    fn hex(&mut self, digits: u8, value: u16) {
        if digits < 4 {
            self.escape = Escape::Unicode { digits, value };
            return;
        }
        self.escape = Escape::None;
        if let Some(high) = self.high.take() {
            if let Some(Ok(pair)) = char::decode_utf16([high, value]).next() {
                self.push_char(pair);
                return;
            }
            self.push_char(char::REPLACEMENT_CHARACTER);
        }
        match value {
            0xd800..=0xdbff => self.high = Some(value),
            _ => self.push_char(char::from_u32(u32::from(value)).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }

    /// A first half that no second half follows, as Go's decoder has it.
    fn flush_high(&mut self) {
        if self.high.take().is_some() {
            self.push_char(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.truncated {
            return;
        }
        let take = bytes.len().min(NAME_MAX - self.len);
        self.truncated = take < bytes.len();
        self.bytes[self.len..self.len + take].copy_from_slice(&bytes[..take]);
        self.len += take;
    }
}

/// Decodes the text between the quotes of a string, of any length: U+FFFD for each byte that is not
/// UTF-8. An escape that is none or is cut gives any text.
pub(crate) fn decoded(written: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(written.len());
    let mut rest = written;
    while !rest.is_empty() {
        let end = memchr::memchr(b'\\', rest).unwrap_or(rest.len());
        push_lossy(&rest[..end], &mut out);
        rest = &rest[end..];
        if rest.is_empty() {
            break;
        }
        // One escape, or two that are a pair of surrogates.
        let first = escape_len(rest);
        let is_pair = rest.starts_with(b"\\u")
            && rest[first..].starts_with(b"\\u")
            && rest.get(..2 * first).is_some_and(surrogates);
        let len = if is_pair { 2 * first } else { first };
        let mut text = Text::new();
        text.take(&rest[..len]);
        text.flush_high();
        out.extend_from_slice(&text.bytes[..text.len]);
        rest = &rest[len..];
    }
    out
}

/// Appends `bytes` with U+FFFD in place of each that is not UTF-8, as Go does.
fn push_lossy(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().as_bytes());
        for _ in chunk.invalid() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn escape_len(escape: &[u8]) -> usize {
    let len = if escape.get(1) == Some(&b'u') { 6 } else { 2 };
    len.min(escape.len())
}

/// Whether `\uXXXX\uXXXX` is one character.
fn surrogates(pair: &[u8]) -> bool {
    let unit = |at: usize| {
        let digits = pair.get(at + 2..at + 6)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match (unit(0), unit(6)) {
        (Some(high), Some(low)) => char::decode_utf16([high, low])
            .next()
            .is_some_and(|one| one.is_ok_and(|one| u32::from(one) > 0xffff)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str, chunk: usize) -> Option<Name> {
        let mut decoder = Text::new();
        for piece in text.as_bytes().chunks(chunk) {
            let (taken, closed) = decoder.take(piece);
            if closed {
                return Some(decoder.name());
            }
            assert_eq!(taken, piece.len());
        }
        None
    }

    #[test]
    fn escapes_are_decoded_wherever_chunks_end() {
        for (text, decoded) in [
            (r#"plain""#, "plain"),
            (r#"\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#"\u0041\u00e4\uD83D\ude00""#, "Aä😀"),
            (r#"\ud83dx""#, "\u{fffd}x"),
            (r#"\ud83d""#, "\u{fffd}"),
            (r#"\ud83d\n""#, "\u{fffd}\n"),
            (r#"\ud83d\u0041""#, "\u{fffd}A"),
            (r#"\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#"\ude00""#, "\u{fffd}"),
            (r#"\u12""#, "\u{fffd}"),
            (r#"\q""#, "q"),
            ("ä€😀\"", "ä€😀"),
        ] {
            for chunk in 1..=text.len() {
                assert_eq!(decode(text, chunk).unwrap(), decoded, "{text} by {chunk}");
            }
        }
        assert!(decode(r#"no end\""#, 3).is_none());
    }

    #[test]
    fn cut_escapes_are_decoded_to_some_text() {
        let pair = br"a\ud83d\ude00b";
        for end in 0..=pair.len() {
            assert!(decoded(&pair[..end]).starts_with(&b"a"[..end.min(1)]));
        }
        assert_eq!(decoded(pair), "a\u{1f600}b".as_bytes());
    }
}
