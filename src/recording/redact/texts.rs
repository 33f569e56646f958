//! Texts of which a part may stay: names, expressions, places of files.

use super::placeholder::Placeholders;

/// What of a text stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// All.
    Keep,
    /// Nothing.
    Secret,
    /// All, where it is below the project; else its last extension.
    Path,
    /// All but literals.
    Expression,
    /// All, where it is the name of something in a program; a map's key is a value.
    Name,
}

/// A name of the program's: a variable, a field, an index, a function with its package, a goroutine.
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
    let is_first = |char: char| char.is_alphabetic() || "_~(*&.".contains(char);
    let is_part = |char: char| char.is_alphanumeric() || "_~()*&.$/-[],{}·".contains(char);
    text.starts_with(is_first) && text.chars().all(is_part) && !matches!(text, "true" | "false")
}

/// Replaces the literals of a Go expression: strings, runes, numbers, indexes too: a map's key may be one. It is an expression afterwards.
pub(super) fn expression(text: &str, mut secret: impl FnMut(&str) -> String) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let before = kept.chars().next_back();
        let in_word = before.is_some_and(|before| before.is_alphanumeric() || before == '_');
        match first {
            '"' | '\'' | '`' => {
                let whole = &rest[..literal(rest, first)];
                let inner = whole[1..].strip_suffix(first).unwrap_or(&whole[1..]);
                kept.push(first);
                kept.push_str(&secret(inner));
                kept.push_str(&whole[1 + inner.len()..]);
                rest = &rest[whole.len()..];
            }
            '0'..='9' if !in_word => {
                let len =
                    rest.find(|char: char| !char.is_alphanumeric() && char != '.').unwrap_or(rest.len());
                kept.push_str(&"0".repeat(len));
                rest = &rest[len..];
            }
            _ => {
                kept.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    kept
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

/// A path outside the project: its slash and its last extension stay.
pub(super) fn outside(path: &str, placeholders: &mut Placeholders) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rfind('.').filter(|dot| *dot > 0).map_or("", |dot| &name[dot..]);
    let is_usual = extension.len() <= 4 && extension.chars().skip(1).all(char::is_alphanumeric);
    let extension = if is_usual { extension } else { "" };
    let slash = if path.starts_with('/') { "/" } else { "" };
    let inner = &path[slash.len()..path.len() - extension.len()];
    format!("{slash}{}{extension}", placeholders.of(inner))
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

    #[test]
    fn an_expression_keeps_all_but_its_literals() {
        let stars = |text: &str| expression(text, |literal| "*".repeat(literal.len()));
        assert_eq!(
            stars(r#"users["bob\"s"].age > 42 && x1 == 'c'"#),
            r#"users["******"].age > 00 && x1 == '*'"#
        );
        assert_eq!(stars("list[3].name"), "list[0].name");
        assert_eq!(stars("a == \"open"), "a == \"****");
    }

    #[test]
    fn a_path_outside_keeps_its_extension_and_its_size() {
        let mut placeholders = Placeholders::default();
        for path in
            ["/usr/local/go/src/runtime/proc.go", "/home/me/.ssh/id_rsa", "/x", "name.go", "/etc/a.b c"]
        {
            let kept = outside(path, &mut placeholders);
            assert_eq!(kept.len(), path.len(), "{path}");
            assert_eq!(kept.ends_with(".go"), path.ends_with(".go"));
            assert!(!kept.contains("proc") && !kept.contains("id_rsa") && !kept.contains("name"));
        }
    }
}
