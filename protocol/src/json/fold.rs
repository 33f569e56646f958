//! Keys as Go's encoding/json takes them for a struct's fields: without case.
//!
//! `encoding/json/fold.go`: ASCII's letters in either case, and the two other letters that Unicode
//! folds onto ASCII's: `ſ` (U+017F) onto `s`, the Kelvin sign `K` (U+212A) onto `k`. The fields of
//! go-dap, Delve and net/rpc are ASCII.

const LONG_S: [u8; 2] = [0xc5, 0xbf];
const KELVIN: [u8; 3] = [0xe2, 0x84, 0xaa];

/// Whether Go takes this decoded key for the field.
pub(crate) fn is_field(key: &[u8], field: &str) -> bool {
    same(key, field.as_bytes())
}

/// Whether Go takes both decoded keys for the same field.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    // A special letter is two or three bytes in place of one.
    one == other
        || (one.len().abs_diff(other.len()) <= 2 * one.len().min(other.len())
            && folded(one).eq(folded(other)))
}

fn folded(key: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let (byte, len) = if rest.starts_with(&LONG_S) {
            (b's', LONG_S.len())
        } else if rest.starts_with(&KELVIN) {
            (b'k', KELVIN.len())
        } else {
            (rest.first()?.to_ascii_lowercase(), 1)
        };
        rest = &rest[len..];
        Some(byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_folds_ascii_and_two_more_letters() {
        for key in ["seq", "SEQ", "Seq", "\u{17f}eq", "\u{17f}EQ"] {
            assert!(is_field(key.as_bytes(), "seq"), "{key}");
        }
        for key in ["se", "seqq", "", "ſſeq", "séq", "s\u{17f}", "\u{17f}", "seq\u{17f}"] {
            assert!(!is_field(key.as_bytes(), "seq"), "{key}");
        }
        assert!(same("\u{212a}ey".as_bytes(), b"KEY") && same("ſſ".as_bytes(), b"sS"));
        assert!(same("\u{212a}\u{212a}".as_bytes(), b"kk"));
        assert!(!same("ß".as_bytes(), b"ss") && !same("ä".as_bytes(), "Ä".as_bytes()));
        assert!(!is_field(b"request-seq", "request_seq"));
    }
}
