//! Which versions of Go each Delve supports.

use crate::doctor::facts::delves::DelveVersion;
use crate::doctor::facts::go_version::GoVersion;

/// The first Delve with these limits, and the least and greatest minor version of Go 1 that it
/// supports: the constants `MinSupportedVersionOfGoMinor` and `MaxSupportedVersionOfGoMinor` of
/// Delve's `pkg/goversion/compat.go` at the commit that made each release
/// (`pkg/version/version.go`). To bring up to date: add a line for each release that changes them.
const SUPPORT: [(DelveVersion, u32, u32); 18] = [
    ((1, 5, 0), 12, 15),
    ((1, 6, 0), 13, 16),
    ((1, 6, 1), 14, 16),
    ((1, 7, 0), 15, 17),
    ((1, 8, 0), 16, 18),
    ((1, 9, 0), 16, 19),
    ((1, 9, 1), 17, 19),
    ((1, 20, 0), 18, 20),
    ((1, 21, 0), 18, 21),
    ((1, 21, 1), 19, 21),
    ((1, 22, 0), 19, 22),
    ((1, 23, 0), 21, 23),
    ((1, 24, 0), 21, 24),
    ((1, 25, 0), 21, 24),
    ((1, 25, 1), 22, 25),
    ((1, 26, 0), 24, 26),
    ((1, 27, 0), 25, 27),
    ((1, 28, 0), 0, 0), // not released when this was written
];

/// How a Delve and a Go go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compatibility {
    /// It supports this Go.
    Good,
    /// Go is newer than the greatest minor version that it supports.
    DelveTooOld { greatest: u32 },
    /// Go is older than the least minor version that it supports.
    GoTooOld { least: u32 },
    /// This Delve is newer than the table, or older than all of it.
    Unknown,
}

/// Looks it up.
pub(super) fn fit(delve: DelveVersion, go: GoVersion) -> Compatibility {
    let Some(&(_, least, greatest)) = SUPPORT.iter().rev().find(|(first, ..)| *first <= delve) else {
        return Compatibility::Unknown;
    };
    match go {
        _ if greatest == 0 || go.major != 1 => Compatibility::Unknown,
        GoVersion { minor, .. } if minor > greatest => Compatibility::DelveTooOld { greatest },
        GoVersion { minor, .. } if minor < least => Compatibility::GoTooOld { least },
        _ => Compatibility::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_rises() {
        assert!(SUPPORT.windows(2).all(|two| two[0].0 < two[1].0));
    }

    #[test]
    fn the_limits_are_those_of_delve_s_own_check() {
        let go = |minor| GoVersion { major: 1, minor };
        // Measured: dlv 1.27.1 on a program of go1.19 says that Go is too old, minimum 1.25.
        assert_eq!(fit((1, 27, 1), go(19)), Compatibility::GoTooOld { least: 25 });
        assert_eq!(fit((1, 20, 2), go(19)), Compatibility::Good);
        assert_eq!(fit((1, 20, 2), go(24)), Compatibility::DelveTooOld { greatest: 20 });
        assert_eq!(fit((1, 28, 0), go(27)), Compatibility::Unknown);
        assert_eq!(fit((1, 4, 0), go(14)), Compatibility::Unknown);
    }
}
