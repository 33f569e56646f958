//! What stands in place of a secret.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Placeholders of one recording: the same text has the same one, as long as what it replaces.
///
/// They are counted, not derived from the text: a hash would let a stranger try passwords. The
/// texts are not kept either, but as numbers under a random key that is forgotten.
#[derive(Debug, Default)]
pub(super) struct Placeholders {
    keys: (RandomState, RandomState),
    known: HashMap<(u64, u64), u64>,
}

/// Different texts that are known again; in a recording with more the rest have one placeholder.
const KNOWN: usize = 1_000_000;

/// What a long enough placeholder begins with; a short one has `#` alone. No name in a program
/// does.
const MARK: &str = "#redacted-";

impl Placeholders {
    /// As many bytes of ASCII as the text has. A Go string keeps its quotes.
    pub(super) fn of(&mut self, text: &str) -> String {
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match inner {
            Some(inner) => format!("\"{}\"", self.plain(inner)),
            None => self.plain(text),
        }
    }

    /// Gives a placeholder that is letters alone, so that an expression with it is one still.
    pub(super) fn identifier(&mut self, word: &str) -> String {
        letters(self.number(word), word.len())
    }

    fn plain(&mut self, text: &str) -> String {
        filled(self.number(text), text.len())
    }

    fn number(&mut self, text: &str) -> u64 {
        let key = (self.keys.0.hash_one(text), self.keys.1.hash_one(text));
        let next = self.known.len() as u64 + 1;
        let number = self.known.get(&key).copied().unwrap_or(next);
        if number == next && self.known.len() < KNOWN {
            self.known.insert(key, next);
        }
        number
    }
}

/// A placeholder of this length. A short one is letters, and cannot be unique for long.
fn filled(number: u64, len: usize) -> String {
    let mut whole = format!("{MARK}{number}");
    if whole.len() <= len {
        // No width of a format: those end at 65,535.
        whole.push_str(&"-".repeat(len - whole.len()));
        return whole;
    }
    letters(number, len)
}

/// `#` and letters.
fn letters(number: u64, len: usize) -> String {
    let mut letters = vec![b'#'; len];
    let mut rest = number;
    for letter in letters.iter_mut().skip(1).rev() {
        *letter = b'a' + (rest % 26) as u8;
        rest /= 26;
    }
    String::from_utf8(letters).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_keeps_length_and_is_stable() {
        let mut placeholders = Placeholders::default();
        for text in ["", "7", "ab", "secret", "Zoë Müller", "\"Zoë\"", "\"\"", "\"", &"long ".repeat(20_000)]
        {
            let first = placeholders.of(text);
            assert_eq!(first.len(), text.len(), "{text}");
            assert_eq!(placeholders.of(text), first);
            assert!(text.len() < 3 || first != text);
        }
        assert_ne!(placeholders.of("first of two secrets"), placeholders.of("other of two secrets"));
        assert_eq!(filled(17, 14), "#redacted-17--");
    }
}
