//! The table of promises in `docs/security.md` names tests that there are.

use std::fs;

use dlvgate_test_support::paths::repository;

/// A row: its number, its words, the tests that it names.
struct Promise {
    number: usize,
    words: String,
    tests: Vec<String>,
}

fn promises() -> Vec<Promise> {
    let page = fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let (_, table) = page.split_once("## What we promise").expect("the section");
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let number = cells.first()?.parse().ok()?;
        assert_eq!(cells.len(), 3, "{line}");
        let tests = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        Some(Promise { number, words: cells[1].to_owned(), tests })
    });
    rows.collect()
}

/// Whether `file` has a test of this name: marked as one, or in the list of a macro that makes
/// tests.
fn has_test(file: &str, name: &str) -> bool {
    let Ok(text) = fs::read_to_string(repository().join(file)) else { return false };
    let lines: Vec<&str> = text.lines().collect();
    let is_it = |line: &&str| line.contains(&format!("fn {name}("));
    let Some(at) = lines.iter().position(is_it) else { return false };
    let is_marked = lines[..at].iter().rev().take(3).any(|line| line.contains("test]"));
    let is_listed = text.split("for_every_dlv!(").skip(1).any(|list| {
        list.split(')').next().is_some_and(|list| list.split([',', '\n', ' ']).any(|word| word == name))
    });
    is_marked || is_listed
}

#[test]
fn each_promise_names_a_test_and_each_test_is_there() {
    let promises = promises();
    assert!(promises.len() >= 20, "{}", promises.len());
    let mut wrong = Vec::new();
    for (promise, number) in promises.iter().zip(1..) {
        if promise.number != number {
            wrong.push(format!("{} comes where {number} is expected", promise.number));
        }
        if promise.tests.is_empty() || promise.words.is_empty() {
            wrong.push(format!("{number} has no test"));
        }
        for test in &promise.tests {
            let found = test.split_once("::").is_some_and(|(file, name)| has_test(file, name));
            if !found {
                wrong.push(format!("{number}: there is no test `{test}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "docs/security.md\n{}", wrong.join("\n"));
}

/// The tests in the second column of what was found.
fn findings() -> Vec<String> {
    let page = fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let (_, table) = page.split_once("## What was found, and what holds it").expect("the section");
    let rows = table.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| "));
    rows.skip(1).map(|row| row.split(" | ").nth(1).unwrap_or(row).trim_matches('`').to_owned()).collect()
}

#[test]
fn findings_name_tests_that_are_there() {
    let findings = findings();
    assert!(findings.len() >= 60, "{}", findings.len());
    let is_there = |test: &String| test.split_once("::").is_some_and(|(file, name)| has_test(file, name));
    let missing: Vec<_> = findings.iter().filter(|test| !is_there(test)).collect();
    assert!(missing.is_empty(), "docs/security.md: {missing:#?}");
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    let here = "tests/security/promises.rs";
    assert!(has_test(here, "a_test_that_is_not_there_is_noticed"));
    assert!(!has_test(here, "promises") && !has_test(here, "nothing") && !has_test("no/file.rs", "promises"));
    assert!(has_test("tests/e2e/bad_input.rs", "what_does_not_speak_dap_is_told_so"), "made by a macro");
}
