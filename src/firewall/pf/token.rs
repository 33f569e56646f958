//! The enable token: pf counts who wants it on, and each `pfctl -E` is one such reference.

use std::path::Path;
use std::{fmt, io};

/// One reference: its number, as `pfctl -E` printed it, and the process id of that pfctl.
///
/// The number alone is not enough: it is made from an address in the kernel, and after a `pfctl -d`
/// another reference may get the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::firewall) struct EnableToken {
    pub(in crate::firewall) taker: u32,
    pub(in crate::firewall) number: u64,
}

impl EnableToken {
    /// Reads `Token : 11012949885072952621` out of what `pfctl -E` wrote to standard error.
    pub(super) fn parse(stderr: &str, taker: u32) -> Option<EnableToken> {
        let after = stderr.split_once("Token :")?.1.trim_start();
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(|number| EnableToken { taker, number })
    }
}

impl fmt::Display for EnableToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// Told of a token before and after it is taken, so that it is known to the next guard should this
/// one be killed.
pub(crate) trait TokenNotes: Send + Sync {
    /// Where guards see of each other what they hold.
    fn folder(&self) -> &Path;
    /// The process that is about to take it.
    fn taking(&self, pid: u32) -> io::Result<()>;
    /// It was taken.
    fn taken(&self, pid: u32, token: u64) -> io::Result<()>;
    /// It was given back.
    fn released(&self) -> io::Result<()>;
}

/// The references that pf holds, as `pfctl -s References` prints them. The processes are pfctls,
/// and have ended.
pub(super) fn listed(references: &str) -> Vec<EnableToken> {
    let row = |row: &str| {
        let mut columns = row.split_whitespace();
        let taker = columns.next()?.parse().ok()?;
        Some(EnableToken { taker, number: columns.nth(1)?.parse().ok()? })
    };
    references.lines().filter_map(row).collect()
}

/// Whether a failed `pfctl -X` means that the token was gone already: after `pfctl -d`, or a
/// reboot.
pub(super) fn is_stale(said: &str) -> bool {
    said.contains("pf not enabled") || said.contains("token invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_read_from_standard_error() {
        let token = EnableToken::parse("pf enabled; Token : 11012949885072952621", 7).unwrap();
        assert_eq!((token.to_string().as_str(), token.taker), ("11012949885072952621", 7));
        assert_eq!(EnableToken::parse("pf enabled", 7), None);
        assert_eq!(EnableToken::parse("Token : none", 7), None);
    }

    #[test]
    fn the_tokens_are_listed_with_who_took_them() {
        let references = "TOKENS:\nPID      Process Name                 TOKEN                    TIMESTAMP\n\
                          77       pfctl                        4711                     0 days 00:00:01\n\
                          78       pfctl                        4712                     0 days 00:00:00\n";
        let tokens = [EnableToken { taker: 77, number: 4711 }, EnableToken { taker: 78, number: 4712 }];
        assert_eq!(listed(references), tokens);
        assert_eq!(listed("No pf starter references held\n"), []);
    }

    #[test]
    fn both_stale_answers_are_known() {
        assert!(is_stale("pfctl: pf not enabled"));
        assert!(is_stale("pfctl: pf: token invalid"));
        assert!(!is_stale("pfctl: /dev/pf: Permission denied"));
    }
}
