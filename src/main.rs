//! The program: whose command line it is, run, exit code.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use dlvgate::cli::{dlv, run};

fn main() -> ExitCode {
    match dlv::command_line(std::env::args_os()) {
        Some(words) => dlv::run(words),
        None => run(std::env::args_os().collect()),
    }
}
