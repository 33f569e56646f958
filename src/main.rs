//! The program: parse, log, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use dlvgate::cli::{Cli, log, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log::init(&cli.log);
    run(cli)
}
