//! Versions of Go.

use std::fmt;

/// A version as far as compatibility goes: `go1.24.11` is 1.24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::doctor) struct GoVersion {
    pub(in crate::doctor) major: u32,
    pub(in crate::doctor) minor: u32,
}

impl GoVersion {
    /// Reads `go1.24.11`, `1.24rc1` or a line that has such a word. A build from the tip
    /// (`devel …`) has no version.
    pub(in crate::doctor) fn parse(text: &str) -> Option<GoVersion> {
        let number =
            |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        text.split_whitespace().find_map(|word| {
            let (major, rest) = word.strip_prefix("go").unwrap_or(word).split_once('.')?;
            Some(GoVersion { major: major.parse().ok()?, minor: number(rest)? })
        })
    }
}

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_out_of_what_go_prints() {
        let read = |text| GoVersion::parse(text).map(|version| version.to_string());
        assert_eq!(read("go version go1.19.8 linux/amd64").as_deref(), Some("1.19"));
        assert_eq!(read("go1.27rc1\ntime 2026-06-01T00:00:00Z").as_deref(), Some("1.27"));
        assert_eq!(read("1.21").as_deref(), Some("1.21"));
        assert_eq!(read("devel +abcdef"), None);
    }
}
