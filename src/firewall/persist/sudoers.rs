//! The sudoers entry: one line a user, for exactly one command line (sudoers(5)).

use super::PersistError;
use crate::firewall::FirewallBackend;

/// First line of the file.
const HEAD: &str = "# Written by `dlvgate firewall install`; `dlvgate firewall uninstall` removes it.\n";

/// Longest name of a user (utmp's on Linux; macOS allows longer ones, which do not occur).
const LONGEST_NAME: usize = 32;

/// The file for these users.
pub(super) fn text(users: &[String], helper: &str, backend: FirewallBackend) -> String {
    let entry =
        |user: &String| format!("{user} ALL=(root) NOPASSWD: {helper} guard --backend {}\n", backend.name());
    HEAD.to_owned() + &users.iter().map(entry).collect::<String>()
}

/// The users of a file that we wrote.
pub(super) fn users(text: &str) -> Vec<String> {
    let entries = text.lines().filter(|line| !line.starts_with('#'));
    entries.filter_map(|line| Some(line.split_once(" ALL=")?.0.to_owned())).collect()
}

/// Whether this name means one user and nothing else in sudoers: no alias, group, netgroup, number
/// or wildcard.
pub(super) fn check_name(name: &str) -> Result<(), PersistError> {
    let bad = |why| Err(PersistError::BadUser { name: name.to_owned(), why });
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > LONGEST_NAME {
        return bad("a name has 1 to 32 characters");
    }
    if !name.bytes().all(is_of_a_name)
        || !name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
    {
        return bad(
            "a name is made of letters, digits, `.`, `_` and `-`, and begins with a letter, digit or `_`",
        );
    }
    if name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_') {
        return bad("sudoers takes a name in capitals for an alias");
    }
    if name == "root" {
        return bad("root needs no entry");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_command_line_is_allowed_and_no_other() {
        let users_named = ["alice".to_owned(), "bob.b".to_owned()];
        let text = text(&users_named, "/usr/local/libexec/dlvgate-guard", FirewallBackend::Nftables);
        assert!(text.ends_with(
            "alice ALL=(root) NOPASSWD: /usr/local/libexec/dlvgate-guard guard --backend nftables\n\
             bob.b ALL=(root) NOPASSWD: /usr/local/libexec/dlvgate-guard guard --backend nftables\n"
        ));
        assert_eq!(users(&text), users_named);
    }

    #[test]
    fn a_name_that_could_mean_more_is_refused() {
        for name in [
            "",
            "ALL",
            "ADMINS",
            "%admin",
            "+net",
            "#0",
            "a b",
            "a,b",
            "a\nroot ALL=(ALL) ALL",
            "root",
            "-n",
            "x*",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        for name in ["alice", "_www", "bob.b", "Alice", "user1"] {
            assert!(check_name(name).is_ok(), "{name:?}");
        }
    }
}
