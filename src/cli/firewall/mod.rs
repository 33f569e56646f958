//! `dlvgate firewall`: what the packet filter holds and does.

mod explain;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Look at the packet filter
#[derive(Debug, Args)]
pub(super) struct FirewallArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::ExplainArgs),
    Watch(watch::WatchArgs),
}

pub(super) async fn run(args: FirewallArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Explain(args) => explain::run(args).await,
        Command::Watch(args) => watch::run(args).await,
    }
}
