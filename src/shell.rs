//! Words and lines for a shell. Every path and word in a command that people copy goes through
//! here.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::escape::is_visible;

/// Quotes a word for a POSIX shell: a folder's name may be another's choice, and the command is
/// copied.
///
/// A word with characters that a terminal does not show, such as a newline, is written by `printf`:
/// the text copied from the terminal is then the same word.
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "/._-+=:@%,".contains(char);
    let text = word.to_str().filter(|text| text.chars().all(is_visible));
    match text {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text) => in_quotes(text),
        None => printed(word.as_bytes()),
    }
}

/// Quotes a path, which no command takes for an option.
pub(crate) fn quoted_path(path: &Path) -> String {
    if path.as_os_str().as_bytes().starts_with(b"-") {
        return quoted(Path::new(".").join(path));
    }
    quoted(path)
}

/// The line that puts a folder first in PATH.
pub(crate) fn first_in_path(folder: &Path) -> String {
    format!("export PATH={}:\"$PATH\"", quoted_path(folder))
}

/// The line that puts a folder last in PATH.
pub(crate) fn last_in_path(folder: &Path) -> String {
    format!("export PATH=\"$PATH\":{}", quoted_path(folder))
}

/// Adds a line to a file. `file` is for the shell already. The file's own last line may have no
/// newline. Shells' `echo` differs in what a backslash is; printf does not.
pub(crate) fn append(line: &str, file: &str) -> String {
    format!("printf '\\n%s\\n' {} >> {file}", quoted(line))
}

fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `$(…)` drops newlines at the end: a word that ends with one stands in quotes as it is.
fn printed(word: &[u8]) -> String {
    let mut escaped = String::new();
    for chunk in word.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\\' => escaped += r"\\",
                char if is_visible(char) => escaped.push(char),
                char => octal(char.encode_utf8(&mut [0; 4]).as_bytes(), &mut escaped),
            }
        }
        octal(chunk.invalid(), &mut escaped);
    }
    if word.ends_with(b"\n") {
        return in_quotes(&String::from_utf8_lossy(word));
    }
    format!("\"$(printf %b {})\"", in_quotes(&escaped))
}

fn octal(bytes: &[u8], escaped: &mut String) {
    bytes.iter().for_each(|byte| *escaped += &format!("\\0{byte:03o}"));
}

#[cfg(test)]
pub(crate) mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    use std::process::Command;

    use super::*;

    /// Names that a careless command would split, run, expand, or take for an option.
    pub(crate) const HOSTILE: [&str; 9] = [
        "it's a \"dlv\"",
        "a; touch pwned",
        "$(touch pwned)`touch pwned`",
        "two\nlines; touch pwned",
        "-rf",
        "a\\nb\\\\c",
        "~*?[x]",
        "tab\tbell\u{7}\u{202e}",
        "ends\n",
    ];

    /// What a shell makes of a word.
    pub(crate) fn read_back(word: &str) -> OsString {
        let said = Command::new("/bin/sh").args(["-c", &format!("printf '%s.' {word}")]).output().unwrap();
        assert!(said.status.success(), "{word}: {said:?}");
        let mut bytes = said.stdout;
        assert_eq!(bytes.pop(), Some(b'.'), "{word}");
        OsString::from_vec(bytes)
    }

    #[test]
    fn hostile_word_reaches_the_shell_as_it_is() {
        for name in HOSTILE {
            assert_eq!(read_back(&quoted(name)), name, "{}", quoted(name));
        }
        let no_text = OsString::from_vec(b"caf\xe9 'x'\n.".to_vec());
        assert_eq!(read_back(&quoted(&no_text)), no_text);
        assert_eq!(read_back(&quoted("")), "");
        assert_eq!(quoted("/usr/bin/dlv"), "/usr/bin/dlv");
    }

    #[test]
    fn quoted_word_is_copied_from_a_terminal() {
        for name in HOSTILE.iter().filter(|name| !name.ends_with('\n')) {
            let word = quoted(name);
            assert_eq!(crate::escape::printable(&word), word);
            assert!(!word.contains('\n'), "{word}");
        }
    }

    #[test]
    fn quoted_path_is_no_option() {
        assert_eq!(read_back(&quoted_path(Path::new("-rf"))), "./-rf");
    }

    #[test]
    fn lines_of_a_profile_hold_hostile_folders() {
        let folder = tempfile::tempdir().unwrap();
        for name in HOSTILE.iter().filter(|name| !name.starts_with('-')) {
            let file = folder.path().join("profile");
            std::fs::write(&file, "true").unwrap(); // without a newline
            let wanted = Path::new("/opt").join(name);
            let command = append(&first_in_path(&wanted), &quoted_path(&file));
            let script = format!("{command}; . {}; printf '%s' \"$PATH\"", quoted_path(&file));
            let mut sh = Command::new("/bin/sh");
            let said = sh.args(["-c", &script]).current_dir(folder.path()).output().unwrap();
            let path = String::from_utf8(said.stdout).unwrap();
            assert!(path.starts_with(&format!("/opt/{name}:/")), "{command}: {path}");
            assert!(!folder.path().join("pwned").exists(), "{command}");
        }
    }
}
