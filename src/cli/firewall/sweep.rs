//! `dlvgate firewall sweep`: close what guards that were killed have left.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use crate::cli::exit::FAILURE;
use crate::cli::test_hooks::TestHookArgs;
use crate::escape::printable;
use crate::firewall;
use crate::stdio;

/// Close what a killed guard has left open (as root, or with the installed guard)
///
/// Reads the guards' journals, removes what a dead guard had opened, returns pf's enable token, and
/// deletes journals from before the last boot. Reports a journal that is corrupt or does not belong
/// to root, and rules that no journal mentions, and leaves both. Does not touch guards that run.
/// Every start of dlvgate does the same.
///
/// Exit code 0: nothing is left; 1: something is left that you have to look at, or the packet
/// filter could not be read.
#[derive(Debug, Args)]
pub(super) struct SweepArgs {
    #[command(flatten)]
    parts: TestHookArgs,
}

pub(super) async fn run(args: SweepArgs) -> anyhow::Result<ExitCode> {
    let (found, failed) = firewall::sweep(args.parts.backend, args.parts.parts()).await?;
    let mut stdout = stdio::stdout();
    for finding in &found {
        writeln!(stdout, "{}{}", if finding.is_left { "left: " } else { "" }, printable(&finding.text))?;
    }
    if let Some(said) = failed {
        anyhow::bail!(said);
    }
    if found.is_empty() {
        writeln!(stdout, "nothing was left")?;
    }
    let is_left = found.iter().any(|finding| finding.is_left);
    Ok(if is_left { ExitCode::from(FAILURE) } else { ExitCode::SUCCESS })
}
