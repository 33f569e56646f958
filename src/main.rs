//! The program: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use dlvgate::cli::{Cli, run};

fn main() -> ExitCode {
    run(Cli::parse())
}
