//! `--fix`: runs what can be undone, after showing it.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::Command;

use anyhow::Context;

use crate::doctor::{Finding, Health, Remedy};
use crate::escape::Printable;
use crate::stdio::{self, ask};

/// Shows the commands and runs them. Returns whether anything was run.
pub(super) fn run(findings: &[Finding]) -> anyhow::Result<bool> {
    let chosen = chosen(findings);
    let mut stdout = Printable(stdio::stdout());
    if findings.iter().all(|finding| finding.state < Health::Warning) {
        writeln!(stdout, "\nThere is nothing to fix.")?;
        return Ok(false);
    }
    if chosen.is_empty() {
        writeln!(stdout, "\nNo command that can be undone fixes this: see the commands above.")?;
        return Ok(false);
    }
    writeln!(stdout, "\nThis will be run:")?;
    for (command, undo) in &chosen {
        writeln!(stdout, "  $ {command}\n      undone by: {undo}")?;
    }
    stdout.flush()?;
    if io::stdin().is_terminal() && !is_agreed()? {
        return Ok(false);
    }
    for (command, undo) in &chosen {
        let status =
            Command::new("/bin/sh").args(["-c", command]).status().context("no shell can be started")?;
        if status.success() {
            writeln!(stdout, "done: {command}")?;
        } else {
            writeln!(stdout, "FAILED ({status}): {command}; to be sure: {undo}")?;
        }
    }
    writeln!(stdout)?;
    Ok(true)
}

/// Chooses the findings whose commands can all be undone.
fn chosen(findings: &[Finding]) -> Vec<(&str, &str)> {
    let undoable = |remedy: &'_ Remedy| remedy.undo.is_some();
    let mut chosen: Vec<(&str, &str)> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.state >= Health::Warning) {
        if finding.remedies.iter().all(undoable) {
            let pairs =
                finding.remedies.iter().filter_map(|one| Some((one.command.as_str(), one.undo.as_deref()?)));
            for pair in pairs {
                if !chosen.contains(&pair) {
                    chosen.push(pair);
                }
            }
        }
    }
    chosen
}

fn is_agreed() -> io::Result<bool> {
    ask!("Run it? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::CheckGroup;

    fn finding(state: Health, undos: &[Option<&str>]) -> Finding {
        let remedy = |undo: &Option<&str>| Remedy { command: "do".to_owned(), undo: undo.map(str::to_owned) };
        let remedies = undos.iter().map(remedy).collect();
        let text = String::new;
        Finding { group: CheckGroup::Go, id: text(), state, seen: text(), why: text(), remedies }
    }

    #[test]
    fn what_cannot_be_undone_as_a_whole_is_not_begun() {
        let mixed = finding(Health::Bad, &[Some("undo"), None]);
        let whole = finding(Health::Warning, &[Some("undo"), Some("undo it")]);
        let note = finding(Health::Note, &[Some("undo nothing")]);
        assert_eq!(chosen(&[mixed]), []);
        assert_eq!(chosen(&[whole, note]), [("do", "undo"), ("do", "undo it")]);
    }
}
