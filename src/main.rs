//! The program: whose command line it is, run, exit code.
#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use dlvgate::{cli, stdio};

fn main() -> ExitCode {
    stdio::take_over_panics();
    let code = cli::main(std::env::args_os().collect());
    stdio::settle();
    code
}
