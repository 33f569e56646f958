//! The program: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use dlvgate::cli::{Cli, dlv, run};

fn main() -> ExitCode {
    match dlv::command_line(std::env::args_os()) {
        Some(words) => dlv::run(words),
        None => run(Cli::parse()),
    }
}
