//! `dlvgate man`: the manual pages, from the same definitions as --help.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

/// Write the manual pages, one a command, into a folder
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The folder; made where it is not there
    folder: PathBuf,
}

pub(super) fn run(args: &ManArgs, program: clap::Command) -> anyhow::Result<ExitCode> {
    let written =
        std::fs::create_dir_all(&args.folder).and_then(|()| clap_mangen::generate_to(program, &args.folder));
    written.with_context(|| format!("no pages can be written to {}", args.folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
