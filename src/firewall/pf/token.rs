//! The enable token: pf counts who wants it on, and each `pfctl -E` is one such reference.

use std::fmt;

/// One reference, as `pfctl -E` printed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token(String);

impl Token {
    /// Reads `Token : 11012949885072952621` out of what `pfctl -E` wrote to standard error.
    pub(super) fn parse(stderr: &str) -> Option<Token> {
        let after = stderr.split_once("Token :")?.1.trim_start();
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        if digits.is_empty() { None } else { Some(Token(digits)) }
    }

    /// The token as `pfctl -X` takes it.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `pfctl -s References` lists it.
    pub(super) fn listed_in(&self, references: &str) -> bool {
        references.split_whitespace().any(|word| word == self.0)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
        assert_eq!(token.as_str(), "11012949885072952621");
        assert_eq!(Token::parse("pf enabled"), None);
        assert_eq!(Token::parse("Token : none"), None);
    }

    #[test]
    fn only_the_token_tells_whose_reference_it_is() {
        let references = "TOKENS:\nPID      Process Name                 TOKEN                    TIMESTAMP\n\
                          77       pfctl                        4711                     0 days 00:00:01\n";
        assert!(Token("4711".into()).listed_in(references));
        assert!(!Token("471".into()).listed_in(references));
    }

    #[test]
    fn both_stale_answers_are_known() {
        assert!(is_stale("pfctl: pf not enabled"));
        assert!(is_stale("pfctl: pf: token invalid"));
        assert!(!is_stale("pfctl: /dev/pf: Permission denied"));
    }
}
