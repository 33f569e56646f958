//! `dlvgate firewall`: what the packet filter holds and does.

mod explain;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

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

/// Whose rules are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// macOS's
    Pf,
    /// Linux's
    Nftables,
}

impl Backend {
    fn of_this_system() -> Backend {
        if cfg!(target_os = "macos") { Backend::Pf } else { Backend::Nftables }
    }
}

pub(super) async fn run(args: FirewallArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Explain(args) => explain::run(args).await,
        Command::Watch(args) => watch::run(args).await,
    }
}
