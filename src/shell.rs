//! Words for a shell.

/// A word as a POSIX shell takes it back: a folder's name may be somebody else's choice, and the command is copied.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-+=:@%,".contains(char);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_reaches_the_shell_as_it_is() {
        assert_eq!(quoted("/usr/bin/dlv"), "/usr/bin/dlv");
        assert_eq!(quoted("it's a dlv"), r"'it'\''s a dlv'");
        assert_eq!(quoted(""), "''");
    }
}
