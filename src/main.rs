//! The program: whose command line it is, run, exit code.
#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use dlvgate::cli::{dlv, run};
use dlvgate::stdio;

fn main() -> ExitCode {
    stdio::take_over_panics();
    let code = match dlv::command_line(std::env::args_os()) {
        Some(words) => dlv::run(words),
        None => run(std::env::args_os().collect()),
    };
    stdio::settle();
    code
}
