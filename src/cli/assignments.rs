//! Values of flags that are pairs, with how to write one where a value is refused.

use dlvgate_protocol::message::{Argument, ArgumentError};
use dlvgate_protocol::paths::{PathRule, RuleError};

/// Reads an argument of `launch` and `attach`, `KEY=JSON`.
///
/// # Errors
/// Says why the text is no assignment, and how to write one.
pub(super) fn argument(text: &str) -> Result<Argument, String> {
    text.parse().map_err(|error: ArgumentError| match &error {
        ArgumentError::NoJson { key, value, .. } => {
            format!("{error}. A text needs quotes: '{key}=\"{value}\"'")
        }
        _ => format!("{error}: write KEY=JSON, such as stopOnEntry=true"),
    })
}

/// Reads a folder's or file's name on two sides, `CLIENT=SERVER`.
///
/// # Errors
/// Says why the text is no assignment, and how to write one.
pub(super) fn rule(text: &str) -> Result<PathRule, String> {
    text.parse().map_err(|error: RuleError| {
        format!("{error}: write CLIENT=SERVER, such as /home/me/shop=/go/src/shop")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_argument_is_shown_as_it_is_written() {
        let refused = argument("mode=exec").unwrap_err();
        assert!(
            refused.starts_with("`exec` is not JSON: ") && refused.ends_with(r#"'mode="exec"'"#),
            "{refused}"
        );
        let no_equals = "`mode` has no `=`: write KEY=JSON, such as stopOnEntry=true";
        assert_eq!(argument("mode").unwrap_err(), no_equals);
        assert!(argument("=1").unwrap_err().contains("KEY=JSON"));
        assert_eq!(argument("mode=\"exec\"").unwrap().to_string(), "mode=\"exec\"");
    }

    #[test]
    fn refused_rule_is_shown_as_it_is_written() {
        for text in ["/a", "=/b", "/a=", "="] {
            let refused = rule(text).unwrap_err();
            assert!(
                refused.ends_with("write CLIENT=SERVER, such as /home/me/shop=/go/src/shop"),
                "{refused}"
            );
        }
        assert_eq!(rule("/a=/b").unwrap().to_string(), "/a=/b");
    }
}
