//! `dlvgate guard`: the privileged process, which dlvgate starts itself.

use std::process::ExitCode;

use clap::Args;

use super::FAILURE;
use super::parts::PartsArgs;
use crate::firewall::guard;
use crate::printable::printable;
use crate::stdio::post;

/// Hold gates for the dlvgate at the other end of standard input and output (started by dlvgate itself)
///
/// Takes requests to open, shut and drop the gate of a port, a JSON object a line, and closes everything when its
/// standard input ends. Its own folder of journals lets the next one close what it left, should it be killed.
#[derive(Debug, Args)]
pub(super) struct GuardArgs {
    #[command(flatten)]
    parts: PartsArgs,
}

pub(super) async fn run(args: GuardArgs) -> anyhow::Result<ExitCode> {
    let left = guard::run(args.parts.backend, args.parts.programs(), args.parts.journals()).await?;
    for text in &left {
        post!("dlvgate guard: {}", printable(text));
    }
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}
