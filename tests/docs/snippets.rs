//! Configuration that the pages show: each is read by what it is for, or by what knows its
//! language.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::pages::{self, Block};

/// Checks the content of a fence by its language.
fn complaint(block: &Block) -> Result<(), String> {
    match block.language.as_str() {
        "json" => json(&block.text),
        "toml" if block.text.contains("[[language]]") => toml(&block.text),
        "toml" => dlvgate_toml(&block.text),
        "lua" => piped(&["luac", "-p", "-"], &block.text),
        "python" => piped(&["python3", "-c", "import ast, sys; ast.parse(sys.stdin.read())"], &block.text),
        "elisp" => balanced(&block.text),
        // A block of the shell is a scenario's, a captured session the inline commands'; a property
        // and a drawing have no rule.
        "sh" | "console" | "properties" | "" => Ok(()),
        other => Err(format!("nothing checks ```{other}: add what does to tests/docs/snippets.rs")),
    }
}

/// One value, or one a line.
fn json(text: &str) -> Result<(), String> {
    let parse = |text: &str| serde_json::from_str::<Value>(text).map(drop).map_err(|error| error.to_string());
    parse(text).or_else(|whole| {
        let lines: Result<(), _> = text.lines().try_for_each(parse);
        lines.map_err(|line| format!("{whole}; by lines: {line}"))
    })
}

fn toml(text: &str) -> Result<(), String> {
    text.parse::<toml::Table>().map(drop).map_err(|error| error.to_string())
}

/// As the user's own file, which may say more than a project's.
fn dlvgate_toml(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dlvgate.toml");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command.args(["config", "--config"]).arg(&file).current_dir(folder.path()).env("HOME", folder.path());
    let output = command.output().expect("dlvgate runs");
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(complained.into_owned());
    }
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let missing = table.keys().find(|key| !said.contains(key.as_str()));
    missing.map_or(Ok(()), |key| Err(format!("`dlvgate config` does not show {key}:\n{said}")))
}

/// Fed to a program that need not be installed.
fn piped(words: &[&str], text: &str) -> Result<(), String> {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        println!("not run: {} is missing", words[0]);
        return Ok(());
    };
    let mut input = child.stdin.take().expect("a pipe");
    let _ = input.write_all(text.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(()) } else { Err(complained) }
}

/// Every parenthesis of a Lisp is closed, and none too many.
fn balanced(text: &str) -> Result<(), String> {
    let (mut depth, mut quoted) = (0_i32, false);
    for line in text.lines() {
        for one in line.chars() {
            match one {
                '"' => quoted = !quoted,
                ';' if !quoted => break,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                _ => {}
            }
            if depth < 0 {
                return Err(format!("a parenthesis too many: {line}"));
            }
        }
    }
    if depth == 0 && !quoted { Ok(()) } else { Err(format!("{depth} parentheses are open")) }
}

#[test]
fn each_snippet_is_read_by_what_it_is_for() {
    let pages = pages::all();
    let blocks: Vec<&Block> = pages.iter().flat_map(|page| &page.blocks).collect();
    let wrong: Vec<String> = blocks
        .iter()
        .filter_map(|block| complaint(block).err().map(|why| format!("{}: {why}", block.place())))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} blocks", blocks.len());
}
