//! The flags of dlv's commands as far as reading a command line needs them (Delve 1.20 to 1.27,
//! `cmd/dlv/cmds/commands.go`; their spelling is that of the Go library pflag).

use super::error::ParseError;

/// Flags that take a value, so that the word after one is no command.
const WITH_VALUE: [&str; 24] = [
    "api-version",
    "backend",
    "build-flags",
    "client-addr",
    "ebpf",
    "exec",
    "init",
    "listen",
    "log-dest",
    "log-output",
    "output",
    "pid",
    "redirect",
    "regex",
    "rr-onprocess-pid",
    "stack",
    "follow-calls",
    "trace-output",
    "tty",
    "waitfor",
    "waitfor-duration",
    "waitfor-interval",
    "wd",
    "substitute-path-guess",
];

/// The one-letter flags that take a value, with their long names.
const SHORT_WITH_VALUE: [(char, &str); 5] =
    [('l', "listen"), ('r', "redirect"), ('p', "pid"), ('s', "stack"), ('o', "output")];

/// A flag as it stands on the command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flag<'a> {
    /// The long name, without dashes.
    pub(super) name: &'a str,
    /// Its value where it stands in the same word, and how many bytes of the word come before that.
    pub(super) value: Option<(&'a str, usize)>,
    /// Whether the next word is its value.
    pub(super) takes_next: bool,
}

/// Reads one word that begins with `-`.
pub(super) fn read(word: &str) -> Vec<Flag<'_>> {
    if let Some(long) = word.strip_prefix("--") {
        let flag = match long.split_once('=') {
            Some((name, value)) => {
                Flag { name, value: Some((value, word.len() - value.len())), takes_next: false }
            }
            None => Flag { name: long, value: None, takes_next: WITH_VALUE.contains(&long) },
        };
        return vec![flag];
    }
    let mut flags = Vec::new();
    for (at, letter) in word.char_indices().skip(1) {
        let rest = &word[at + letter.len_utf8()..];
        let Some((_, name)) = SHORT_WITH_VALUE.iter().find(|(short, _)| *short == letter) else {
            let name = &word[at..at + letter.len_utf8()];
            let value = rest.strip_prefix('=').map(|value| (value, word.len() - value.len()));
            flags.push(Flag { name, value, takes_next: false });
            if value.is_some() {
                break;
            }
            continue;
        };
        let value = rest.strip_prefix('=').unwrap_or(rest);
        let inside = !rest.is_empty();
        flags.push(Flag {
            name,
            value: inside.then_some((value, word.len() - value.len())),
            takes_next: !inside,
        });
        break;
    }
    flags
}

/// A flag that is on or off, as Go's `strconv.ParseBool` reads it.
///
/// # Errors
/// If it is neither; dlv refuses that too.
pub(super) fn is_on(flag: &Flag<'_>) -> Result<bool, ParseError> {
    match flag.value.map(|(value, _)| value) {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(ParseError::NotABool { flag: flag.name.to_owned(), value: other.to_owned() }),
    }
}
