//! What a package brings besides the program: pages, completions, units, and the socket that a unit
//! passes.

mod completions;
mod manual;
mod passed;
mod version;

use std::process::{Command, Output};

/// The program.
pub fn dlvgate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dlvgate")).args(arguments).output().expect("dlvgate runs")
}

/// What it prints, where it succeeds.
pub fn says(arguments: &[&str]) -> String {
    let output = dlvgate(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Whether a program is installed; else a word that the test is not run.
pub fn has(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output()
        .expect("sh runs")
        .status
        .success();
    if !found {
        println!("not run: there is no {program}");
    }
    found
}
