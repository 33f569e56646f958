//! The enable token: pf counts who wants it on, and each `pfctl -E` is one such reference.

use std::{fmt, io};

/// One reference, as `pfctl -E` printed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token(pub(super) u64);

impl Token {
    /// Reads `Token : 11012949885072952621` out of what `pfctl -E` wrote to standard error.
    pub(super) fn parse(stderr: &str) -> Option<Token> {
        let after = stderr.split_once("Token :")?.1.trim_start();
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok().map(Token)
    }

    /// Whether `pfctl -s References` lists it.
    pub(super) fn listed_in(&self, references: &str) -> bool {
        references.split_whitespace().any(|word| word.parse() == Ok(self.0))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Told of a token before and after it is taken, so that it is known to the next guard should this one be killed.
pub(crate) trait TokenNotes: Send + Sync {
    /// The process that is about to take it.
    fn taking(&self, pid: u32) -> io::Result<()>;
    /// It was taken.
    fn taken(&self, pid: u32, token: u64) -> io::Result<()>;
    /// It was given back.
    fn released(&self) -> io::Result<()>;
}

/// Who has taken which token, as `pfctl -s References` prints it. The processes are pfctls, and have ended.
pub(super) fn listed(references: &str) -> Vec<(u32, u64)> {
    let row = |row: &str| {
        let mut columns = row.split_whitespace();
        let pid = columns.next()?.parse().ok()?;
        Some((pid, columns.nth(1)?.parse().ok()?))
    };
    references.lines().filter_map(row).collect()
}

/// Whether a failed `pfctl -X` means that the token was gone already: somebody ran `pfctl -d`, or the
/// machine was started anew.
pub(super) fn is_stale(said: &str) -> bool {
    said.contains("pf not enabled") || said.contains("token invalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_read_from_standard_error() {
        let token = Token::parse("pf enabled; Token : 11012949885072952621").unwrap();
        assert_eq!(token.to_string(), "11012949885072952621");
        assert_eq!(Token::parse("pf enabled"), None);
        assert_eq!(Token::parse("Token : none"), None);
    }

    #[test]
    fn only_the_token_tells_whose_reference_it_is() {
        let references = "TOKENS:\nPID      Process Name                 TOKEN                    TIMESTAMP\n\
                          77       pfctl                        4711                     0 days 00:00:01\n";
        assert!(Token(4711).listed_in(references));
        assert!(!Token(471).listed_in(references));
    }

    #[test]
    fn the_tokens_are_listed_with_who_took_them() {
        let references = "TOKENS:\nPID      Process Name                 TOKEN                    TIMESTAMP\n\
                          77       pfctl                        4711                     0 days 00:00:01\n\
                          78       pfctl                        4712                     0 days 00:00:00\n";
        assert_eq!(listed(references), [(77, 4711), (78, 4712)]);
        assert_eq!(listed("No pf starter references held\n"), []);
    }

    #[test]
    fn both_stale_answers_are_known() {
        assert!(is_stale("pfctl: pf not enabled"));
        assert!(is_stale("pfctl: pf: token invalid"));
        assert!(!is_stale("pfctl: /dev/pf: Permission denied"));
    }
}
