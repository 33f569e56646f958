//! The command line that a user gives to `serve` after `--`: flags of `dlv dap`, or a command for a
//! headless dlv.

use std::ffi::OsString;

use super::{Argv, ParseError, Serves};

/// Why it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenError {
    /// A flag that dlvgate needs for itself.
    #[error("`{flag}` after `--` is not for dlv here: {instead}")]
    Ours {
        /// The flag.
        flag: &'static str,
        /// What to use.
        instead: &'static str,
    },
    /// A word that is neither.
    #[error(
        "`{word}` after `--` is not a dlv command that dlvgate can serve: use debug, exec, test, attach or core for a headless dlv, or \
         flags of `dlv dap` alone, such as `--check-go-version=false`"
    )]
    NoCommand {
        /// The word.
        word: String,
    },
    /// dlv would not understand it.
    #[error("after `--`: {0}")]
    Unread(#[from] ParseError),
}

/// Reads what a user gives after `--`, and completes it: `dap` where there is no command, else what
/// makes dlv headless.
///
/// # Errors
/// See [`GivenError`].
pub fn check(words: &[OsString]) -> Result<Argv, GivenError> {
    let given = Argv::parse(words.to_vec())?;
    let ours = |flag, instead| Err(GivenError::Ours { flag, instead });
    if given.listen().is_some() {
        return ours(
            "--listen",
            "dlv's port is private to dlvgate; use `--listen` or `--dlv-port` before `--`",
        );
    }
    if !given.client_addr.is_empty() {
        return ours("--client-addr", "dlvgate connects to dlv itself; use `--listen` before `--`");
    }
    if given.log_dest().is_some() {
        return ours(
            "--log-dest",
            "dlv's log goes to dlvgate's standard error, and so does what `--log` writes; redirect that",
        );
    }
    let mut words = words.to_vec();
    match &given.command {
        None => {
            if let Some(word) = words.first().filter(|word| !word.to_string_lossy().starts_with('-')) {
                return Err(GivenError::NoCommand { word: word.to_string_lossy().into_owned() });
            }
            words.insert(0, "dap".into());
        }
        Some((_, command)) if command == "dap" => {}
        Some((at, _)) => {
            let mut added = vec![OsString::from("--headless")];
            if !given.api_version {
                // before Delve 1.21 it was 1, which no client speaks
                added.push("--api-version=2".into());
            }
            // Behind the command, where a `--headless=false` of the user's comes later; that one is
            // refused.
            words.splice(at + 1..at + 1, added);
        }
    }
    let argv = Argv::parse(words)?;
    match argv.serves() {
        Some(Serves::Dap | Serves::Both) => Ok(argv),
        None if argv.help => ours("--help", "`dlv help` says what dlv's commands take"),
        None => {
            ours("--headless=false", "a dlv behind dlvgate is headless; `dlvgate dlv` runs it in a terminal")
        }
    }
}
