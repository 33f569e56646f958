//! Walks along one JSON object, chunk by chunk, and reports the top-level fields asked for.
//!
//! Neither recursion nor allocation: nesting is a counter, and reported values are kept in place.
//! Below the top level only brackets and strings are recognised, so that some malformed objects
//! pass; a well-formed one is never misread.

pub(crate) mod exact;
pub(crate) mod fold;
pub(crate) mod members;
mod raw;
mod text;

use memchr::memchr2;

use crate::envelope::Name;
pub(crate) use raw::{RAW_MAX, Raw};
use text::Text;
pub(crate) use text::decoded;

/// JSON's white space (RFC 8259, section 2).
pub(crate) fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The value that was found for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FoundValue {
    /// A string: see [`Walker::string`] and [`Walker::raw`].
    String,
    /// A number, `true`, `false` or `null`, not yet validated: see [`Walker::raw`].
    Scalar,
    /// An object or array begins.
    Compound,
}

/// How far [`Walker::advance`] came.
pub(crate) struct Advance {
    /// Bytes taken.
    pub(crate) consumed: usize,
    /// A field, by its index in the list given to [`Walker::new`], and its value.
    pub(crate) found: Option<(usize, FoundValue)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ScanState {
    /// Before the opening brace.
    Start,
    /// After the opening brace.
    KeyOrEnd,
    /// After a comma.
    Key,
    InKey,
    Colon,
    Value,
    /// In a string that is asked for.
    InString,
    Scalar,
    /// In an object or array that is a field's value, outside strings.
    Nested,
    /// In a string that is not asked for, at any depth.
    SkipString {
        escaped: bool,
    },
    CommaOrEnd,
    /// After the closing brace.
    Done,
    /// The input is not a JSON object.
    Broken,
}

#[derive(Clone, Debug)]
pub(crate) struct Walker {
    fields: &'static [&'static str],
    state: ScanState,
    /// Open brackets; 1 at the top level of the object.
    depth: u64,
    /// The present field, if it is asked for.
    field: Option<usize>,
    text: Text,
    raw: Raw,
}

impl Walker {
    /// Returns a walker before an object, which reports the `fields` named.
    pub(crate) fn new(fields: &'static [&'static str]) -> Walker {
        let state = ScanState::Start;
        Walker { fields, state, depth: 0, field: None, text: Text::new(), raw: Raw::EMPTY }
    }

    /// Stands before an object again.
    pub(crate) fn reset(&mut self) {
        self.state = ScanState::Start;
    }

    /// Whether no byte of the object has been taken.
    pub(crate) fn is_at_start(&self) -> bool {
        self.state == ScanState::Start
    }

    /// Whether the object's closing brace has been taken.
    pub(crate) fn is_done(&self) -> bool {
        self.state == ScanState::Done
    }

    /// Whether the bytes are not a JSON object. None are taken any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.state == ScanState::Broken
    }

    /// The string just found, its escapes decoded.
    pub(crate) fn string(&self) -> Name {
        self.text.name()
    }

    /// Whether the string just found is this one.
    pub(crate) fn string_is(&self, text: &str) -> bool {
        self.text.is(text)
    }

    /// The scalar or string just found as it was written.
    pub(crate) fn raw(&self) -> &Raw {
        &self.raw
    }

    /// Takes bytes until a field is found, the object ends or breaks, or `input` ends.
    pub(crate) fn advance(&mut self, input: &[u8]) -> Advance {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let rest = &input[at..];
            match self.state {
                ScanState::Done | ScanState::Broken => break,
                ScanState::InKey => {
                    let (taken, closed) = self.text.take(rest);
                    at += taken;
                    if closed {
                        self.state = ScanState::Colon;
                    }
                }
                ScanState::InString => {
                    let (taken, closed) = self.text.take(rest);
                    self.raw.push(&rest[..taken]);
                    at += taken;
                    if closed {
                        self.state = ScanState::CommaOrEnd;
                        return self.found(at, FoundValue::String);
                    }
                }
                ScanState::Scalar => {
                    let end = rest.iter().position(|&byte| !is_scalar(byte));
                    let taken = end.unwrap_or(rest.len());
                    self.raw.push(&rest[..taken]);
                    at += taken;
                    if end.is_some() {
                        self.state = ScanState::CommaOrEnd;
                        if self.field.is_some() {
                            return self.found(at, FoundValue::Scalar);
                        }
                    }
                }
                ScanState::Nested => at += self.skip_nested(rest),
                ScanState::SkipString { escaped } => at += self.skip_string(rest, escaped),
                _ if is_white_space(byte) => at += 1,
                ScanState::Value => {
                    // A scalar's first byte is taken with the rest of it.
                    at += usize::from(self.begin_value(byte));
                    if self.state == ScanState::Nested && self.field.is_some() {
                        return self.found(at, FoundValue::Compound);
                    }
                }
                ScanState::Start
                | ScanState::KeyOrEnd
                | ScanState::Key
                | ScanState::Colon
                | ScanState::CommaOrEnd => {
                    at += usize::from(self.punctuation(byte));
                }
            }
        }
        Advance { consumed: at, found: None }
    }

    fn found(&self, consumed: usize, value: FoundValue) -> Advance {
        Advance { consumed, found: self.field.map(|field| (field, value)) }
    }

    /// Returns whether the byte was taken.
    fn punctuation(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (ScanState::Start, b'{') => {
                self.depth = 1;
                ScanState::KeyOrEnd
            }
            (ScanState::KeyOrEnd | ScanState::Key, b'"') => {
                self.text.clear();
                ScanState::InKey
            }
            (ScanState::Colon, b':') => {
                self.field = self.fields.iter().position(|field| self.text.is(field));
                ScanState::Value
            }
            (ScanState::CommaOrEnd, b',') => ScanState::Key,
            (ScanState::KeyOrEnd | ScanState::CommaOrEnd, b'}') => ScanState::Done,
            _ => ScanState::Broken,
        };
        self.state != ScanState::Broken
    }

    /// Returns whether the byte was taken.
    fn begin_value(&mut self, byte: u8) -> bool {
        match byte {
            b'"' if self.field.is_some() => {
                self.text.clear();
                self.raw = Raw::EMPTY;
                self.raw.push(b"\"");
                self.state = ScanState::InString;
            }
            b'"' => self.state = ScanState::SkipString { escaped: false },
            b'{' | b'[' => {
                self.depth = 2;
                self.state = ScanState::Nested;
            }
            byte if is_scalar(byte) => {
                self.raw = Raw::EMPTY;
                self.state = ScanState::Scalar;
                return false;
            }
            _ => {
                self.state = ScanState::Broken;
                return false;
            }
        }
        true
    }

    /// Returns how many bytes were taken.
    fn skip_nested(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            at += 1;
            match byte {
                b'"' => {
                    self.state = ScanState::SkipString { escaped: false };
                    at += self.skip_string(&input[at..], false);
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 1 {
                        self.state = ScanState::CommaOrEnd;
                        break;
                    }
                }
                _ => {}
            }
        }
        at
    }

    /// Returns how many bytes were taken.
    fn skip_string(&mut self, input: &[u8], escaped: bool) -> usize {
        let mut at = usize::from(escaped);
        while let Some(found) = input.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            at += found + 1;
            if input[at - 1] == b'"' {
                self.state = if self.depth > 1 { ScanState::Nested } else { ScanState::CommaOrEnd };
                return at;
            }
            // An escaped byte does not end the string.
            at += 1;
        }
        self.state = ScanState::SkipString { escaped: at > input.len() };
        input.len()
    }
}

/// The characters of numbers and of `true`, `false` and `null`, and some that make neither.
fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests;
