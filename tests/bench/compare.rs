//! `make bench`: dlvgate beside a direct connection and other forwarders, all in one run. `--help`
//! says how to use it.

use std::process::ExitCode;

mod connection;
mod field;
mod goals;
mod loads;
mod machine;
mod memory;
mod options;
mod pinning;
mod process;
mod report;
mod roles;
mod rounds;
mod statistics;
mod targets;
mod watchdog;

use options::{Begun, Options};

fn main() -> ExitCode {
    let done = options::begin().and_then(|begun| match begun {
        Begun::Role(role) => role.play(),
        Begun::Measure(options) => measure(&options),
        Begun::Skip => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> anyhow::Result<()> {
    watchdog::start();
    process::allow_many_files()?;
    process::start_reaper()?;
    options.say_what_is_missing();
    let outcomes = loads::run(options);
    process::end_reaper()?;
    let outcomes = outcomes?;
    if options.is_smoke() {
        return Ok(());
    }
    let text = report::page(options, &outcomes)?;
    println!("{text}");
    options.write.as_ref().map_or(Ok(()), |page| report::write(page, &text))
}
