//! A stand-in for macOS's `pfctl`: its command line, its output and what pf would do, kept in a
//! folder.
//!
//! See README.md beside this file.

mod anchor_path;
mod args;
mod cursor;
mod evaluate;
mod expand;
#[cfg(test)]
mod facts_tests;
mod faults;
mod files;
mod flush;
mod grammar;
mod invocation;
mod lexer;
mod load;
mod lock;
mod model;
mod net;
mod noise;
mod printer;
mod rule;
mod run;
mod services;
mod show;
mod store;
mod tables;
mod tokens;
mod verbs;

use std::process::ExitCode;

fn main() -> ExitCode {
    match invocation::invocation() {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
        Err(error) => {
            eprintln!("standin-pfctl: {error}");
            ExitCode::from(invocation::BROKEN)
        }
    }
}
