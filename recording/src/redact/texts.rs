//! Texts of which a part may stay: names, expressions, places of files.

use super::words;

/// What of a text stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// All, where it is a word of the protocol.
    Word,
    /// Nothing.
    Secret,
    /// Its ending; all, where names stay and it is below the project.
    Path,
    /// Its form, without literals and comments.
    Expression,
    /// Its form, where it is the name of something in a program; a map's key is a value.
    Name,
    /// Its form.
    Type,
    /// All, where it is an address in memory.
    Address,
    /// Each word that is a version's.
    Version,
    /// All, where it is a time.
    Time,
}

/// Replaces the parts of a text.
pub(super) trait Replace {
    /// A literal, or a text whole.
    fn secret(&mut self, text: &str) -> String;
    /// An identifier.
    fn identifier(&mut self, word: &str) -> String;
    /// A placeholder, of a recording that was redacted before.
    fn placeholder(&mut self, word: &str) -> String {
        self.identifier(word)
    }
}

/// A name of the program's: a variable, a field, an index, a function with its package, a
/// goroutine.
pub(super) fn is_name(text: &str) -> bool {
    if let Some(goroutine) = text.trim_start_matches("* ").strip_prefix("[Go ") {
        let Some((number, place)) = goroutine.split_once("] ") else { return false };
        let place = place.split_once(" (Thread ").map_or(place, |(place, _)| place);
        return number.bytes().all(|byte| byte.is_ascii_digit()) && is_name(place);
    }
    if matches!(text, "Locals" | "Arguments" | "Registers") || text.starts_with("Globals (package ") {
        return true;
    }
    if let Some(index) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return index.split("..").all(|end| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit()));
    }
    // `#`: a placeholder, of a recording that was redacted before.
    let is_first = |char: char| char.is_alphabetic() || "_~(*&.#".contains(char);
    let is_part = |char: char| char.is_alphanumeric() || "_~()*&.$/-[],{}·#".contains(char);
    text.starts_with(is_first) && text.chars().all(is_part) && !matches!(text, "true" | "false")
}

/// Characters of Go's own that stay.
const MARKS: &str = "()[]{}.,*&+-=!<>|^%:;$/~@? \t\n";

/// Replaces literals, comments and identifiers of a Go expression, a type or a name. It has the
/// same form afterwards.
///
/// `keeps_numbers`: of an index or a goroutine; in an expression one may be a map's key. Text that
/// is no Go is filled.
pub(super) fn code(text: &str, keeps_numbers: bool, replace: &mut impl Replace) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' | '\'' | '`' => {
                let len = literal(rest, first);
                let inner = rest[1..len].strip_suffix(first).unwrap_or(&rest[1..len]);
                kept.push(first);
                kept.push_str(&replace.secret(inner));
                kept.push_str(&rest[1 + inner.len()..len]);
                len
            }
            '/' if rest.starts_with("//") || rest.starts_with("/*") => {
                let (len, end) = comment(rest);
                kept.push_str(&rest[..2]);
                kept.push_str(&FILL.repeat(len - 2 - end.len()));
                kept.push_str(end);
                len
            }
            '0'..='9' => {
                let end = rest.find(|char: char| !char.is_alphanumeric() && char != '.');
                let number = &rest[..end.unwrap_or(rest.len())];
                let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                if keeps_numbers && is_plain {
                    kept.push_str(number);
                } else {
                    kept.push_str(&"0".repeat(number.len()));
                }
                number.len()
            }
            '#' => {
                let end = rest[1..].find(|char: char| !char.is_ascii_lowercase());
                let len = end.map_or(rest.len(), |end| end + 1);
                kept.push_str(&replace.placeholder(&rest[..len]));
                len
            }
            _ if is_of_identifier(first) => {
                let end = rest.find(|char| !is_of_identifier(char)).unwrap_or(rest.len());
                let word = &rest[..end];
                if words::is_go(word) {
                    kept.push_str(word);
                } else {
                    kept.push_str(&replace.identifier(word));
                }
                end
            }
            _ if MARKS.contains(first) => {
                kept.push(first);
                first.len_utf8()
            }
            _ => {
                kept.push_str(&FILL.repeat(first.len_utf8()));
                first.len_utf8()
            }
        };
        rest = &rest[len..];
    }
    kept
}

/// What stands for a byte of a comment.
const FILL: &str = "-";

fn is_of_identifier(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Gives how long a comment is, and what it ends with.
fn comment(text: &str) -> (usize, &'static str) {
    match (text.starts_with("//"), text[2..].find("*/")) {
        (true, _) => (text.find('\n').unwrap_or(text.len()), ""),
        (false, Some(end)) => (end + 4, "*/"),
        (false, None) => (text.len(), ""),
    }
}

/// Tells whether a text is prose and no expression: two words in a row of which Go names neither.
pub(super) fn is_prose(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_plain = |word: &str| !words::is_go(word) && word.chars().all(is_of_identifier);
    words.windows(2).any(|pair| is_plain(pair[0]) && is_plain(pair[1]))
}

/// How long a quoted literal is, its quotes included; the rest where it has no end.
fn literal(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if char == quote => return at + char.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// Replaces a path but for its slash and its ending.
pub(super) fn outside(path: &str, replace: &mut impl Replace) -> String {
    let slash = if path.starts_with('/') { "/" } else { "" };
    let extension = words::extension(&path[slash.len()..]);
    let inner = &path[slash.len()..path.len() - extension.len()];
    format!("{slash}{}{extension}", replace.secret(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_values() {
        for name in [
            "order",
            "~r0",
            "[0]",
            "[0..64]",
            "(*p)",
            "main.(*Order).Total",
            "example.com/calc.Sum",
            "Locals",
            "* [Go 1] main.main (Thread 5)",
            "[Go 18] main.worker",
            "Globals (package main)",
            "Größe",
        ] {
            assert!(is_name(name), "{name}");
        }
        for value in
            ["\"key\"", "42", "-3", "main.T {A: 1}", "true", "a b", "", "[key 0]", "[Go 1] two words", "3.5"]
        {
            assert!(!is_name(value), "{value}");
        }
    }

    /// Stars in the length of what they replace.
    struct Stars;

    impl Replace for Stars {
        fn secret(&mut self, text: &str) -> String {
            "*".repeat(text.len())
        }

        fn identifier(&mut self, word: &str) -> String {
            "x".repeat(word.len())
        }
    }

    #[test]
    fn expression_keeps_its_form_alone() {
        for (given, kept) in [
            (r#"users["bob\"s"].age > 42 && x1 == 'c'"#, r#"xxxxx["******"].xxx > 00 && xx == '*'"#),
            ("list[3].name", "xxxx[0].xxxx"),
            ("a == \"open", "x == \"****"),
            ("x // it is Anna's\n+ 1", "x //-------------\n+ 0"),
            ("len(x /* Anna */) /* open", "len(x /*------*/) /*-----"),
            ("map[string]*main.Order", "map[string]*main.xxxxx"),
            ("0x1fe €", "00000 ---"),
            ("#ab.x", "xxx.x"),
        ] {
            assert_eq!(code(given, false, &mut Stars), kept);
        }
        assert_eq!(code("[Go 18] main.run (Thread 7)", true, &mut Stars), "[Go 18] main.xxx (Thread 7)");
        assert!(is_prose("please look at Anna's") && !is_prose("call f(x)") && !is_prose("a + b"));
    }

    #[test]
    fn path_keeps_a_usual_ending_and_its_size() {
        for path in [
            "/usr/local/go/src/runtime/proc.go",
            "/home/me/.ssh/id_rsa",
            "/x",
            "name.go",
            "/etc/a.b c",
            "/.go",
            ".go",
        ] {
            let kept = outside(path, &mut Stars);
            assert_eq!(kept.len(), path.len(), "{path}");
            assert_eq!(kept.ends_with(".go"), path.ends_with(".go"));
            assert!(!kept.contains("proc") && !kept.contains("id_rsa") && !kept.contains("name"));
        }
    }
}
