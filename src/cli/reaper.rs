//! `dlvgate reaper`: the process that ends what a killed dlvgate has left, which dlvgate starts
//! itself.

use std::process::ExitCode;

use clap::Args;

use crate::delve;

/// End dlv and the debugged program where the dlvgate at the other end of standard input is killed
/// (started by dlvgate itself)
#[derive(Debug, Args)]
pub(super) struct ReaperArgs {}

pub(super) fn run() -> ExitCode {
    delve::reap();
    ExitCode::SUCCESS
}
