//! The members of an object that Go's encoding/json takes, as they were written.

use super::exact::Exact;
use super::fold;
use super::{decoded, is_white_space};

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    /// The key, decoded as Go does: U+FFFD for bytes that are not UTF-8.
    key: Vec<u8>,
    /// Key, colon and white space as they were written.
    written: &'a [u8],
    /// The value as it was written, without white space around it.
    pub(crate) value: &'a [u8],
}

impl Member<'_> {
    /// Whether Go takes it for the field of this key.
    pub(crate) fn is(&self, key: &str) -> bool {
        fold::same(&self.key, key.as_bytes())
    }

    /// The key, decoded.
    pub(crate) fn key(&self) -> String {
        String::from_utf8_lossy(&self.key).into_owned()
    }

    /// Appends it as it was written.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.written);
        out.extend_from_slice(self.value);
    }
}

/// Whether Go takes both decoded keys for the same field.
pub(crate) fn is_same_key(one: &str, other: &str) -> bool {
    fold::same(one.as_bytes(), other.as_bytes())
}

/// The members of an object in their order; `None` where Go takes no object from these bytes.
pub(crate) fn of(object: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut walker = Exact::new(&[]);
    let taken = walker.advance(object).consumed;
    if !walker.is_done() || !object[taken..].iter().all(|&byte| is_white_space(byte)) {
        return None;
    }
    // From here on it is known to be well-formed.
    let mut members = Vec::new();
    let mut at = skip_white(object, 0) + 1;
    loop {
        at = skip_white(object, at);
        if object[at] != b'"' {
            return Some(members);
        }
        let begin = at;
        at = value_end(object, at);
        let key = decoded(&object[begin + 1..at - 1]);
        at = skip_white(object, at) + 1;
        at = skip_white(object, at);
        let value = at;
        at = value_end(object, at);
        members.push(Member { key, written: &object[begin..value], value: &object[value..at] });
        at = skip_white(object, at);
        at += usize::from(object[at] == b',');
    }
}

fn skip_white(json: &[u8], from: usize) -> usize {
    json[from..].iter().position(|&byte| !is_white_space(byte)).map_or(json.len(), |white| from + white)
}

/// Where the value that begins at `from` ends.
fn value_end(json: &[u8], from: usize) -> usize {
    let (mut at, mut depth, mut in_text) = (from, 0_usize, false);
    while at < json.len() {
        let byte = json[at];
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            // The end of a scalar.
            b'}' | b']' | b',' | b':' if depth == 0 => return at,
            _ if is_white_space(byte) && depth == 0 => return at,
            _ => {}
        }
        at += 1;
        if depth == 0 && !in_text && matches!(byte, b'"' | b'}' | b']') {
            return at;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_what_was_written() {
        let object = b" { \"a\" : 1 , \"\\u0041\xff\":[{\"}\":\"\\\"\"}, 2] ,\"\":null,\"b\":\"x\"} ";
        let members = of(object).unwrap();
        let values: Vec<_> = members.iter().map(|one| String::from_utf8_lossy(one.value)).collect();
        assert_eq!(values, ["1", r#"[{"}":"\""}, 2]"#, "null", r#""x""#]);
        let keys: Vec<_> = members.iter().map(|one| String::from_utf8_lossy(&one.key)).collect();
        assert_eq!(keys, ["a", "A\u{fffd}", "", "b"]);
        assert!(members[0].is("A") && !members[1].is("A") && members[3].is("B"));
        let mut written = Vec::new();
        members[0].write(&mut written);
        assert_eq!(written, b"\"a\" : 1");
        assert!(of(b"{}").unwrap().is_empty());
        for none in [&b"[]"[..], b"null", b"", b"{", b"{} x", b"{\"a\":tru}"] {
            assert!(of(none).is_none(), "{none:?}");
        }
    }
}
