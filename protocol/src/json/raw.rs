//! A short piece of JSON kept as it was written.

/// Most bytes of a raw value that are kept.
pub(crate) const RAW_MAX: usize = 64;

/// A scalar or string as its bytes came, at most [`RAW_MAX`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Raw {
    /// Zero from `len` on.
    bytes: [u8; RAW_MAX],
    len: u8,
    overflow: bool,
}

impl Raw {
    pub(crate) const EMPTY: Raw = Raw { bytes: [0; RAW_MAX], len: 0, overflow: false };

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let len = usize::from(self.len);
        let take = bytes.len().min(RAW_MAX - len);
        self.overflow |= take < bytes.len();
        self.bytes[len..len + take].copy_from_slice(&bytes[..take]);
        self.len += take as u8;
    }

    /// The text; `None` if it was longer than [`RAW_MAX`] bytes or is not UTF-8.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if self.overflow {
            return None;
        }
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).ok()
    }

    /// An integer as JSON writes it: no plus sign, no leading zeros, no fraction, no exponent.
    pub(crate) fn as_i64(&self) -> Option<i64> {
        self.as_str().filter(|text| is_integer(text))?.parse().ok()
    }

    /// As [`Raw::as_i64`], for numbers above its range.
    pub(crate) fn as_u64(&self) -> Option<u64> {
        self.as_str().filter(|text| is_integer(text))?.parse().ok()
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        self.as_str()?.parse().ok()
    }

    pub(crate) fn is_null(&self) -> bool {
        self.as_str() == Some("null")
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Raw {
        let mut raw = Raw::EMPTY;
        raw.push(text.as_bytes());
        raw
    }

    #[test]
    fn numbers_are_integers_of_64_bits_or_nothing() {
        assert_eq!(raw("0").as_i64(), Some(0));
        assert_eq!(raw("-9223372036854775808").as_i64(), Some(i64::MIN));
        assert_eq!(raw("18446744073709551615").as_u64(), Some(u64::MAX));
        for text in ["", "-", "01", "-01", "+1", "1.0", "1e3", "9223372036854775808", "1a", "--1"] {
            assert_eq!(raw(text).as_i64(), None, "{text}");
        }
        assert_eq!(raw("-1").as_u64(), None);
        assert_eq!(raw("true").as_bool(), Some(true));
        assert_eq!(raw("True").as_bool(), None);
    }

    #[test]
    fn what_does_not_fit_is_not_given_in_part() {
        assert!(raw(&"1".repeat(RAW_MAX)).as_str().is_some());
        assert!(raw(&"1".repeat(RAW_MAX + 1)).as_str().is_none());
    }
}
