//! A short string kept in place, so that an envelope needs no memory of its own.

use std::fmt;

/// Most bytes of a [`Name`] that are kept. DAP's longest command, `setInstructionBreakpoints`, has
/// 25; Delve's methods stay well below, too.
pub const NAME_MAX: usize = 62;

const REPLACEMENT: &str = "\u{fffd}";

/// A command, event or method: UTF-8, at most [`NAME_MAX`] bytes.
///
/// A longer one is cut at a character's boundary, says so ([`Name::is_truncated`], and `…` when
/// displayed), and equals no string.
///
/// Of 64 bytes and aligned, since envelopes are moved for each message.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C, align(16))]
pub struct Name {
    /// Valid UTF-8 up to `len`, zero from there on.
    bytes: [u8; NAME_MAX],
    len: u8,
    truncated: bool,
}

impl Name {
    /// The empty name.
    pub const EMPTY: Name = Name { bytes: [0; NAME_MAX], len: 0, truncated: false };

    /// Keeps `text`, or its first [`NAME_MAX`] bytes.
    pub fn new(text: &str) -> Name {
        let mut name = Name::EMPTY;
        name.push(text);
        name
    }

    /// Keeps ASCII's letters, at most [`NAME_MAX`] of them.
    pub(crate) fn usual(letters: &[u8]) -> Name {
        let mut name = Name::EMPTY;
        name.bytes[..letters.len()].copy_from_slice(letters);
        name.len = letters.len() as u8;
        name
    }

    /// Keeps `bytes`, with U+FFFD for bytes that are not UTF-8. `truncated`: more bytes followed.
    pub(crate) fn from_bytes(bytes: &[u8], truncated: bool) -> Name {
        let mut name = Name::EMPTY;
        let mut rest = bytes;
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    name.push(text);
                    break;
                }
                Err(error) => {
                    let (valid, bad) = rest.split_at(error.valid_up_to());
                    name.push(std::str::from_utf8(valid).unwrap_or_default());
                    match error.error_len() {
                        // One for each byte, as Go does.
                        Some(len) => {
                            (0..len).for_each(|_| name.push(REPLACEMENT));
                            rest = &bad[len..];
                        }
                        // The end of the bytes cuts a character: by truncation, or by the sender.
                        None => {
                            if !truncated {
                                bad.iter().for_each(|_| name.push(REPLACEMENT));
                            }
                            break;
                        }
                    }
                }
            }
        }
        name.truncated |= truncated;
        name
    }

    /// The name as far as it is kept.
    pub fn as_str(&self) -> &str {
        // Always valid; without unsafe code that has to be shown each time.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }

    /// Whether the name was longer than [`NAME_MAX`] bytes and its end is not kept.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn push(&mut self, text: &str) {
        if self.truncated {
            return;
        }
        let len = usize::from(self.len);
        let mut take = text.len().min(NAME_MAX - len);
        self.truncated = take < text.len();
        while !text.is_char_boundary(take) {
            take -= 1;
        }
        self.bytes[len..len + take].copy_from_slice(&text.as_bytes()[..take]);
        self.len += take as u8;
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name::new(text)
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        !self.truncated && self.bytes[..usize::from(self.len)] == *other.as_bytes()
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        if self.truncated { f.write_str("…") } else { Ok(()) }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())?;
        if self.truncated { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_at_a_character_and_says_so() {
        let fits = Name::new(&"a".repeat(NAME_MAX));
        assert!(!fits.is_truncated());
        let long = Name::new(&"ä".repeat(NAME_MAX));
        assert!(long.is_truncated());
        assert_eq!(long.as_str(), "ä".repeat(NAME_MAX / 2));
        assert_eq!(long.to_string(), "ä".repeat(NAME_MAX / 2) + "…");
        assert_ne!(long, *long.as_str(), "a part is not the whole");
    }

    #[test]
    fn a_name_is_its_text_and_no_other() {
        let next = Name::new("next");
        assert!(next == "next" && next != "nex" && next != "nexts" && next != *"stepIn");
        assert_eq!(format!("{next:?}"), r#""next""#);
        assert_eq!(
            format!("{:?}", Name::new(&"a".repeat(NAME_MAX + 1))),
            format!("{:?}…", "a".repeat(NAME_MAX))
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(Name::from_bytes(b"a\xffb\xc3", false), "a\u{fffd}b\u{fffd}");
        assert_eq!(Name::from_bytes(b"ab\xc3", true).as_str(), "ab");
        let wide = Name::from_bytes(&[0xff; NAME_MAX], false);
        assert!(wide.is_truncated());
        assert_eq!(wide.as_str(), REPLACEMENT.repeat(NAME_MAX / 3));
    }
}
