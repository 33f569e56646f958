//! Whether output is coloured: NO_COLOR and CLICOLOR_FORCE decide, then the stream.

use std::ffi::OsString;
use std::io::IsTerminal;

/// Whether text for this stream may be coloured (no-color.org, bixense.com/clicolors).
pub(super) fn is_wanted(stream: &impl IsTerminal) -> bool {
    let variable = |name: &str| std::env::var_os(name);
    decide(variable("NO_COLOR"), variable("CLICOLOR_FORCE"), stream.is_terminal())
}

fn decide(no_color: Option<OsString>, force: Option<OsString>, is_terminal: bool) -> bool {
    let is_set = |value: Option<OsString>| value.filter(|value| !value.is_empty());
    if is_set(no_color).is_some() {
        return false;
    }
    is_set(force).is_some_and(|value| value != "0") || is_terminal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_win_over_the_terminal() {
        let decide = |no: &str, force: &str, is_terminal| {
            let variable = |value: &str| (value != "unset").then(|| OsString::from(value));
            decide(variable(no), variable(force), is_terminal)
        };
        assert!(decide("unset", "unset", true) && !decide("unset", "unset", false));
        assert!(!decide("1", "unset", true) && decide("", "unset", true), "an empty NO_COLOR says nothing");
        assert!(decide("unset", "1", false) && !decide("unset", "0", false) && !decide("unset", "", false));
        assert!(!decide("1", "1", true), "NO_COLOR wins");
    }
}
