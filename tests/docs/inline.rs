//! `dlvgate …` in lines of text and in captured sessions: its words are words that this dlvgate,
//! and dlv, know. They are given to it with `--help` behind them: what comes before is then parsed,
//! and nothing is done.

use std::process::Command;

use dlvgate_test_support::toolchain::Pair;

use crate::pages;

/// What stands for a value on the pages, and one that it can be.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("ADDRESS", "192.0.2.5"),
    ("ADDR", "192.0.2.5"),
    ("HOST", "192.0.2.1"),
    ("SHELL", "bash"),
    ("PORT", "2345"),
    ("JSON", "1"),
    ("PID", "4711"),
    ("N", "4711"),
];

/// The words after `dlvgate`, of a text that is such a command line.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = text.split_whitespace().skip_while(|word| {
        let variable = word
            .split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|one| one.is_ascii_uppercase() || one == '_'));
        *word == "sudo" || *word == "$" || variable
    });
    if words.next()? != "dlvgate" {
        return None;
    }
    let given: Vec<String> = words.filter(|word| *word != "…").map(stands_for).collect();
    // Where nothing is said after the name, it is a name.
    (!given.is_empty()).then_some(given)
}

fn stands_for(word: &str) -> String {
    let word = word.trim_matches('\'');
    let parts = word.split_inclusive(['=', ':', '-']).map(|part| {
        let name = part.trim_end_matches(['=', ':', '-']);
        let value = PLACEHOLDERS.iter().find(|(placeholder, _)| *placeholder == name);
        value.map_or(part.to_owned(), |(name, value)| part.replacen(name, value, 1))
    });
    parts.collect()
}

/// Returns the fault of these words, if there is one.
fn complaint(pair: &Pair, given: &[String]) -> Option<String> {
    let dashes = given.iter().position(|word| word == "--");
    let (ours, dlv_s) = given.split_at(dashes.unwrap_or(given.len()));
    let ours = refused(pair.command(env!("CARGO_BIN_EXE_dlvgate")).args(ours));
    ours.or_else(|| {
        let mut dlv_s: Vec<&str> =
            dlv_s.iter().skip(1).map(String::as_str).take_while(|word| *word != "--").collect();
        if dlv_s.first().is_some_and(|word| word.starts_with('-')) {
            dlv_s.insert(0, "dap");
        }
        if dlv_s.is_empty() { None } else { refused(pair.command(&pair.dlv).args(dlv_s)) }
    })
}

fn refused(command: &mut Command) -> Option<String> {
    let output = command.arg("--help").env_remove("DLVGATE_DLV").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let helps = said.contains("Usage:") || said.starts_with(concat!("dlvgate ", env!("CARGO_PKG_VERSION")));
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    // A flag that is only named, at the end, is known.
    let known = helps && output.status.success() || complained.contains("a value is required for");
    (!known).then_some(complained)
}

#[test]
fn each_inline_command_is_known_to_dlvgate() {
    let pair = Pair::any();
    let (mut count, mut wrong) = (0, Vec::new());
    for page in pages::all() {
        let mut texts = pages::spans(&page.prose);
        for block in page.blocks.iter().filter(|block| block.language == "console") {
            let typed = block.text.lines().zip(block.line..).filter(|(line, _)| line.starts_with("$ "));
            texts.extend(typed.map(|(line, number)| (number, line.to_owned())));
        }
        for (line, text) in texts {
            let Some(given) = words(&text) else { continue };
            count += 1;
            if let Some(complaint) = complaint(&pair, &given) {
                wrong.push(format!("{}:{line}: `{text}`: {complaint}", page.path));
            }
        }
    }
    println!("{count} commands");
    assert!(count > 20, "the pages have more commands than {count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
