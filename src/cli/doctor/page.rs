//! The findings for people.

use std::fmt::Write;

use crate::doctor::{Finding, Health, first};
use crate::escape::printable;

/// Characters of a line of text; commands are never cut.
const WIDTH: usize = 110;

/// Formats the findings: groups in the order of causes, then what to fix first.
pub(super) fn page(findings: &[Finding], took_ms: u128, colour: bool) -> String {
    let mut page = String::new();
    let mut group = None;
    for finding in findings {
        if group != Some(finding.group) {
            let _ = writeln!(page, "{}", bold(finding.group.name(), colour));
            group = Some(finding.group);
        }
        describe(finding, colour, &mut page);
    }
    let _ = writeln!(page);
    conclude(findings, took_ms, colour, &mut page);
    page
}

fn describe(finding: &Finding, colour: bool, page: &mut String) {
    let sign = painted(finding.state, colour);
    let _ = writeln!(page, "  {sign} {}", wrapped(&finding.seen, "    "));
    if !finding.why.is_empty() {
        let _ = writeln!(page, "    {}", wrapped(&finding.why, "    "));
    }
    for remedy in &finding.remedies {
        let _ = writeln!(page, "      $ {}", printable(&remedy.command));
    }
}

fn conclude(findings: &[Finding], took_ms: u128, colour: bool, page: &mut String) {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let unknown = match count(Health::Unknown) {
        0 => String::new(),
        number => format!(", {number} unknown"),
    };
    let (bad, warnings) = (count(Health::Bad), count(Health::Warning));
    let counted =
        |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let result = match (bad, warnings) {
        (0, 0) => "no problems".to_owned(),
        _ => format!("{}, {}", counted(bad, "problem"), counted(warnings, "warning")),
    };
    let _ = writeln!(page, "{} in {took_ms} ms: {result}{unknown}", counted(findings.len(), "check"));
    let Some(first) = first(findings) else { return };
    let _ = writeln!(page, "\n{}", bold("First:", colour));
    describe(first, colour, page);
}

fn painted(state: Health, colour: bool) -> String {
    let code = match state {
        Health::Good => 32,
        Health::Note => 2,
        Health::Unknown => 36,
        Health::Warning => 33,
        Health::Bad => 31,
    };
    if colour { format!("\x1b[{code}m{}\x1b[0m", state.sign()) } else { state.sign().to_string() }
}

fn bold(text: &str, colour: bool) -> String {
    if colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}

/// Broken at spaces; what comes from the system cannot move the cursor.
fn wrapped(text: &str, indent: &str) -> String {
    let text = printable(text);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join(&format!("\n{indent}"))
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_text_wraps_without_control_characters() {
        let text = wrapped(&"a word ".repeat(40), "  ");
        assert!(text.lines().all(|line| line.len() <= 112) && text.lines().count() > 1);
        assert_eq!(wrapped("a\x1b[2Jb", ""), "a·[2Jb");
    }
}
