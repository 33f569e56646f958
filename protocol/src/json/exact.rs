//! Walks along one JSON object, chunk by chunk, as Go's encoding/json does
//! (`encoding/json/scanner.go`).
//!
//! It takes what Go takes, and breaks at the byte at which Go says no, at any depth. Of the top
//! level it reports the fields asked for: each time that one comes, since the last wins, and in
//! whatever case it is written, as Go matches keys to fields. [`Walker`](super::Walker) is quicker,
//! and reads the same of what Go itself writes.

use super::raw::Raw;
use super::text::Text;
use super::{Advance, FoundValue, is_white_space};
use crate::envelope::Name;

/// Deepest nesting that Go takes (`maxNestingDepth`).
const DEPTH_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DecodeState {
    /// Before the opening brace.
    Start,
    KeyOrEnd,
    Key,
    Colon,
    Value,
    /// After an opening bracket.
    ValueOrEnd,
    CommaOrEnd,
    /// In a string.
    Text,
    /// After a backslash.
    Escape,
    /// This many hexadecimal digits are to come.
    Hex(u8),
    /// After a number's sign.
    Sign,
    /// After a leading zero.
    Zero,
    Digits,
    /// After a decimal point, and after digits behind it.
    Point,
    Fraction,
    /// After `e`, after its sign, after digits behind it.
    Exponent,
    ExponentSign,
    ExponentDigits,
    /// In `true`, `false` or `null`.
    Literal,
    Done,
    Broken,
}

/// What the present string is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StringRole {
    /// A key of the top level.
    Key,
    /// A key below.
    InnerKey,
    /// The value of a field that is asked for.
    Field,
    Other,
}

#[derive(Clone, Debug)]
pub(crate) struct Exact {
    fields: &'static [&'static str],
    state: DecodeState,
    role: StringRole,
    depth: usize,
    /// A bit for each level, set where it is an object: of the innermost 64 here, of those around
    /// them in `outer`.
    levels: u64,
    outer: Vec<u64>,
    /// The field of the top level, if it is asked for.
    field: Option<usize>,
    /// The rest of `true`, `false` or `null`.
    literal: &'static [u8],
    text: Text,
    raw: Raw,
}

impl Exact {
    /// Returns a walker before an object, which reports the `fields` named.
    pub(crate) fn new(fields: &'static [&'static str]) -> Exact {
        Exact {
            fields,
            state: DecodeState::Start,
            role: StringRole::Other,
            depth: 0,
            levels: 0,
            outer: Vec::new(),
            field: None,
            literal: b"",
            text: Text::new(),
            raw: Raw::EMPTY,
        }
    }

    /// Stands before an object again.
    pub(crate) fn reset(&mut self) {
        self.state = DecodeState::Start;
        self.depth = 0;
        self.outer.clear();
    }

    /// Stands behind a value of the top level, which was read in one look.
    pub(crate) fn resume(&mut self) {
        self.reset();
        self.open(true);
        self.state = DecodeState::CommaOrEnd;
    }

    /// Whether no byte of the object has been taken.
    pub(crate) fn is_at_start(&self) -> bool {
        self.state == DecodeState::Start
    }

    /// Takes no more: something follows the object that may not.
    pub(crate) fn refuse(&mut self) {
        self.state = DecodeState::Broken;
    }

    /// Whether the object's closing brace has been taken.
    pub(crate) fn is_done(&self) -> bool {
        self.state == DecodeState::Done
    }

    /// Whether Go refuses the bytes. None are taken any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.state == DecodeState::Broken
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
            match self.state {
                DecodeState::Done | DecodeState::Broken => break,
                DecodeState::Text => {
                    at += self.text(&input[at..]);
                    if self.role == StringRole::Field && self.state == DecodeState::CommaOrEnd {
                        return Advance {
                            consumed: at,
                            found: self.field.map(|field| (field, FoundValue::String)),
                        };
                    }
                }
                DecodeState::Escape | DecodeState::Hex(_) => at += usize::from(self.escape(byte)),
                DecodeState::Literal => {
                    let Some((next, rest)) = self.literal.split_first().filter(|(next, _)| **next == byte)
                    else {
                        self.state = DecodeState::Broken;
                        break;
                    };
                    at += 1;
                    self.keep(&[*next]);
                    self.literal = rest;
                    if rest.is_empty() {
                        self.state = DecodeState::CommaOrEnd;
                        if let Some(field) = self.asked() {
                            return Advance { consumed: at, found: Some((field, FoundValue::Scalar)) };
                        }
                    }
                }
                // Most numbers are nothing but digits.
                DecodeState::Digits if byte.is_ascii_digit() => {
                    let digits = input[at..].iter().position(|byte| !byte.is_ascii_digit());
                    let end = digits.map_or(input.len(), |digits| at + digits);
                    self.keep(&input[at..end]);
                    at = end;
                }
                DecodeState::Sign
                | DecodeState::Zero
                | DecodeState::Digits
                | DecodeState::Point
                | DecodeState::Fraction
                | DecodeState::Exponent
                | DecodeState::ExponentSign
                | DecodeState::ExponentDigits => {
                    if self.number(byte) {
                        at += 1;
                        self.keep(&[byte]);
                    } else if self.state == DecodeState::CommaOrEnd {
                        if let Some(field) = self.asked() {
                            return Advance { consumed: at, found: Some((field, FoundValue::Scalar)) };
                        }
                    }
                }
                _ if is_white_space(byte) => at += 1,
                DecodeState::Value | DecodeState::ValueOrEnd => {
                    let field = self.asked();
                    at += usize::from(self.value(byte));
                    if let (Some(field), b'{' | b'[') = (field, byte) {
                        return Advance { consumed: at, found: Some((field, FoundValue::Compound)) };
                    }
                }
                DecodeState::KeyOrEnd | DecodeState::Key if byte == b'"' && self.depth == 1 => {
                    at += match self.usual_key(&input[at..]) {
                        Some(taken) => taken,
                        None => usize::from(self.punctuation(byte)),
                    };
                }
                DecodeState::Start
                | DecodeState::KeyOrEnd
                | DecodeState::Key
                | DecodeState::Colon
                | DecodeState::CommaOrEnd => {
                    at += usize::from(self.punctuation(byte));
                }
            }
        }
        Advance { consumed: at, found: None }
    }

    /// The field that a value of the top level is of.
    fn asked(&self) -> Option<usize> {
        self.field.filter(|_| self.depth == 1)
    }

    /// Keeps a scalar's bytes where it is asked for.
    fn keep(&mut self, bytes: &[u8]) {
        if self.asked().is_some() {
            self.raw.push(bytes);
        }
    }

    /// Takes bytes of a string until its end or a backslash; returns how many.
    fn text(&mut self, input: &[u8]) -> usize {
        let plain = input.iter().position(|&byte| matches!(byte, b'"' | b'\\') || byte < b' ');
        let end = plain.unwrap_or(input.len());
        let taken = match input.get(end) {
            None => end,
            Some(b'"') => {
                self.state = match self.role {
                    StringRole::Key | StringRole::InnerKey => DecodeState::Colon,
                    StringRole::Field | StringRole::Other => DecodeState::CommaOrEnd,
                };
                end + 1
            }
            Some(b'\\') => {
                self.state = DecodeState::Escape;
                end + 1
            }
            Some(_) => {
                self.state = DecodeState::Broken;
                end
            }
        };
        self.decode(&input[..taken]);
        taken
    }

    /// Returns whether the byte was taken.
    fn escape(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (DecodeState::Escape, b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => {
                DecodeState::Text
            }
            (DecodeState::Escape, b'u') => DecodeState::Hex(4),
            (DecodeState::Hex(1), byte) if byte.is_ascii_hexdigit() => DecodeState::Text,
            (DecodeState::Hex(left), byte) if byte.is_ascii_hexdigit() => DecodeState::Hex(left - 1),
            _ => DecodeState::Broken,
        };
        let is_taken = self.state != DecodeState::Broken;
        if is_taken {
            self.decode(&[byte]);
        }
        is_taken
    }

    /// Bytes of a string that Go takes.
    fn decode(&mut self, bytes: &[u8]) {
        match self.role {
            StringRole::Key => drop(self.text.take(bytes)),
            StringRole::Field => {
                self.text.take(bytes);
                self.raw.push(bytes);
            }
            StringRole::InnerKey | StringRole::Other => {}
        }
    }

    /// Returns whether the byte belongs to the number. Where it does not, the number is over, or
    /// broken.
    fn number(&mut self, byte: u8) -> bool {
        let next = match (self.state, byte) {
            (DecodeState::Sign, b'0') => DecodeState::Zero,
            (DecodeState::Sign, b'1'..=b'9') | (DecodeState::Digits, b'0'..=b'9') => DecodeState::Digits,
            (DecodeState::Zero | DecodeState::Digits, b'.') => DecodeState::Point,
            (DecodeState::Point | DecodeState::Fraction, b'0'..=b'9') => DecodeState::Fraction,
            (DecodeState::Zero | DecodeState::Digits | DecodeState::Fraction, b'e' | b'E') => {
                DecodeState::Exponent
            }
            (DecodeState::Exponent, b'+' | b'-') => DecodeState::ExponentSign,
            (
                DecodeState::Exponent | DecodeState::ExponentSign | DecodeState::ExponentDigits,
                b'0'..=b'9',
            ) => DecodeState::ExponentDigits,
            (
                DecodeState::Zero | DecodeState::Digits | DecodeState::Fraction | DecodeState::ExponentDigits,
                _,
            ) => DecodeState::CommaOrEnd,
            _ => DecodeState::Broken,
        };
        self.state = next;
        !matches!(next, DecodeState::CommaOrEnd | DecodeState::Broken)
    }

    /// Returns whether the byte was taken.
    fn value(&mut self, byte: u8) -> bool {
        let is_first = self.state == DecodeState::ValueOrEnd;
        if self.asked().is_some() {
            self.raw = Raw::EMPTY;
        }
        let state = match byte {
            b'"' => {
                self.role = if self.asked().is_some() { StringRole::Field } else { StringRole::Other };
                if self.role == StringRole::Field {
                    self.text.clear();
                    self.raw.push(b"\"");
                }
                self.state = DecodeState::Text;
                return true;
            }
            b'{' | b'[' => return self.open(byte == b'{'),
            b']' if is_first => return self.close(false),
            b'-' => DecodeState::Sign,
            b'0' => DecodeState::Zero,
            b'1'..=b'9' => DecodeState::Digits,
            b't' => self.literal(b"rue"),
            b'f' => self.literal(b"alse"),
            b'n' => self.literal(b"ull"),
            _ => DecodeState::Broken,
        };
        self.state = state;
        if state != DecodeState::Broken {
            self.keep(&[byte]);
        }
        state != DecodeState::Broken
    }

    fn literal(&mut self, rest: &'static [u8]) -> DecodeState {
        self.literal = rest;
        DecodeState::Literal
    }

    /// Takes a whole key of the top level, with quotes and colon, where it has small letters only,
    /// as nearly every key; returns its length in bytes. Any other key takes the general path.
    fn usual_key(&mut self, input: &[u8]) -> Option<usize> {
        let rest = &input[1..];
        let len = rest.iter().position(|&byte| !matches!(byte, b'a'..=b'z' | b'_'))?;
        if !rest[len..].starts_with(b"\":") {
            return None;
        }
        self.field = self.fields.iter().position(|field| field.as_bytes() == &rest[..len]);
        self.state = DecodeState::Value;
        Some(len + 3)
    }

    /// Returns whether the byte was taken.
    fn punctuation(&mut self, byte: u8) -> bool {
        match (self.state, byte) {
            (DecodeState::Start, b'{') => return self.open(true),
            (DecodeState::KeyOrEnd | DecodeState::Key, b'"') => {
                self.role = if self.depth == 1 { StringRole::Key } else { StringRole::InnerKey };
                if self.role == StringRole::Key {
                    self.text.clear();
                }
                self.state = DecodeState::Text;
            }
            (DecodeState::Colon, b':') => {
                if self.depth == 1 {
                    self.field = self.fields.iter().position(|field| self.text.is_field(field));
                }
                self.state = DecodeState::Value;
            }
            (DecodeState::CommaOrEnd, b',') => {
                self.state = if self.levels & 1 == 1 { DecodeState::Key } else { DecodeState::Value };
            }
            (DecodeState::KeyOrEnd, b'}') => return self.close(true),
            (DecodeState::CommaOrEnd, b'}' | b']') => return self.close(byte == b'}'),
            _ => self.state = DecodeState::Broken,
        }
        self.state != DecodeState::Broken
    }

    /// An object or array begins; returns whether it may.
    fn open(&mut self, is_object: bool) -> bool {
        if self.depth == DEPTH_MAX {
            self.state = DecodeState::Broken;
            return false;
        }
        if self.depth > 0 && self.depth % 64 == 0 {
            self.outer.push(self.levels);
        }
        self.levels = self.levels << 1 | u64::from(is_object);
        self.depth += 1;
        self.state = if is_object { DecodeState::KeyOrEnd } else { DecodeState::ValueOrEnd };
        true
    }

    /// An object or array ends; returns whether it may.
    fn close(&mut self, is_object: bool) -> bool {
        if (self.levels & 1 == 1) != is_object {
            self.state = DecodeState::Broken;
            return false;
        }
        self.depth -= 1;
        self.levels >>= 1;
        if self.depth > 0 && self.depth % 64 == 0 {
            self.levels = self.outer.pop().unwrap_or_default();
        }
        self.state = if self.depth == 0 { DecodeState::Done } else { DecodeState::CommaOrEnd };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["seq", "command"];

    /// Returns the values found, and whether Go takes the whole object; cut by `chunk`.
    fn walk(text: &[u8], chunk: usize) -> (Vec<String>, bool) {
        let (mut walker, mut found) = (Exact::new(FIELDS), Vec::new());
        for mut rest in text.chunks(chunk) {
            while !rest.is_empty() && !walker.is_broken() && !walker.is_done() {
                let advance = walker.advance(rest);
                rest = &rest[advance.consumed..];
                found.extend(advance.found.map(|(field, value)| match value {
                    FoundValue::String => format!("{}={}", FIELDS[field], walker.string()),
                    FoundValue::Scalar => {
                        format!("{}:{}", FIELDS[field], walker.raw().as_str().unwrap_or("?"))
                    }
                    FoundValue::Compound => format!("{}{{", FIELDS[field]),
                }));
            }
            if walker.is_done() && !rest.is_empty() {
                return (found, false);
            }
        }
        (found, walker.is_done())
    }

    #[test]
    fn each_of_equal_keys_is_found_in_any_case() {
        let text = "{\"seq\":1,\"\u{17f}EQ\" : -2.5e+7 ,\"x\":[{\"seq\":9},\"\\\\\"],\"\\u0043ommand\":\"\\ud83d\\q\"}";
        let good = text.replace("\\q", "\\n");
        for chunk in 1..=good.len() {
            let (found, whole) = walk(good.as_bytes(), chunk);
            assert_eq!(found, ["seq:1", "seq:-2.5e+7", "command=\u{fffd}\n"], "by {chunk}");
            assert!(whole);
            assert!(!walk(text.as_bytes(), chunk).1, "an unknown escape");
        }
        assert_eq!(
            walk(br#"{"seq":null,"SEQ":{"seq":3},"Command":[]}"#, 5).0,
            ["seq:null", "seq{", "command{"]
        );
    }

    #[test]
    fn go_s_grammar_is_kept_at_any_depth() {
        for good in [
            "{}",
            " \t\r\n{ } ",
            r#"{"a":[0,-0,10,1.5,1e5,1E-5,0.0e+0,true,false,null,"",[],{}]}"#,
            "{\"a\":\"\x7f\u{80}ü\"}",
            r#"{"a":{"b":[{"c":[[]]}]},"":1}"#,
        ] {
            let text = good.trim_end_matches(' ');
            assert!((1..=text.len()).all(|chunk| walk(text.as_bytes(), chunk).1), "{good}");
        }
        for bad in [
            "[]",
            "null",
            "1",
            "\u{feff}{}",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":[1,]}",
            "{\"a\":[,1]}",
            "{\"a\":[1}",
            "{\"a\":{]}",
            "{\"a\":01}",
            "{\"a\":-}",
            "{\"a\":1.}",
            "{\"a\":.5}",
            "{\"a\":1e}",
            "{\"a\":+1}",
            "{\"a\":1e+}",
            "{\"a\":tru}",
            "{\"a\":nul }",
            "{\"a\":True}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\u12g4\"}",
            "{a:1}",
            "{'a':1}",
            "{\"a\":1 2}",
            "{\"a\" 1}",
            "{1:1}",
            "{\"a\":1]",
            "{\"a\":[[1,2]}",
            "{\"a\n\":1}",
            "{} {",
            "{\"a\":1/**/}",
        ] {
            assert!((1..=bad.len()).all(|chunk| !walk(bad.as_bytes(), chunk).1), "{bad}");
        }
        assert!(walk(b"{\"\xff\":\"\xc3\"}", 1).1, "Go takes bytes that are not UTF-8");
    }

    #[test]
    fn nesting_ends_where_go_s_does() {
        for (depth, good) in [
            (1, true),
            (63, true),
            (64, true),
            (65, true),
            (129, true),
            (DEPTH_MAX, true),
            (DEPTH_MAX + 1, false),
        ] {
            // Objects and arrays by turns, so that each bit counts.
            let is_array = |level: &usize| level % 3 == 2;
            let open: String = (1..depth).map(|at| if is_array(&at) { "[" } else { "{\"a\":" }).collect();
            let close: String = (1..depth).rev().map(|at| if is_array(&at) { "]" } else { "}" }).collect();
            assert_eq!(walk(format!("{open}{{}}{close}").as_bytes(), 4096).1, good, "{depth}");
            for wrong in 0..close.len().min(200) {
                let mut close = close.clone().into_bytes();
                close[wrong] ^= b'}' ^ b']';
                let text = [open.as_bytes(), b"{}", &close].concat();
                assert!(!walk(&text, 4096).1, "{depth}: {wrong}");
            }
        }
    }
}
