//! `dlvgate guard`: the privileged process, which dlvgate starts itself.

use std::process::ExitCode;

use clap::Args;

use super::exit::FAILURE;
use super::log::LogArgs;
use super::runtime::on_runtime;
use super::test_hooks::TestHookArgs;
use crate::escape::printable;
use crate::firewall::guard::journal::Journals;
use crate::firewall::guard::{self, ConfineError};
use crate::firewall::{FirewallBackend, Programs};
use crate::stdio::post;

/// Hold gates for the dlvgate at the other end of standard input and output (started by dlvgate
/// itself)
///
/// Takes requests to open, shut and drop the gate of a port, a JSON object a line, and closes
/// everything when its standard input ends. Its own folder of journals lets the next one close what
/// it left, should it be killed.
#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(flatten)]
    parts: TestHookArgs,
}

/// Leaves the caller's surroundings, and only then starts the runtime.
pub(super) fn run(args: &GuardArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let (backend, programs) = (args.parts.backend, args.parts.programs());
    guard::leave(&programs)?;
    super::log::init(log, tracing::Level::INFO);
    let journals = Journals::new(std::path::absolute(args.parts.journals().folder())?);
    let confined = guard::enter(backend, &programs, &journals);
    on_runtime(serve(backend, programs, journals, confined))
}

async fn serve(
    backend: FirewallBackend,
    programs: Programs,
    journals: Journals,
    confined: Result<(), ConfineError>,
) -> anyhow::Result<ExitCode> {
    let left = guard::run(backend, programs, journals, confined).await?;
    for text in &left {
        post!("dlvgate guard: {}", printable(text));
    }
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}
