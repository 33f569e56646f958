//! `dlvgate firewall`: what the packet filter holds and does.

mod close;
mod explain;
mod install;
mod open;
mod snapshot;
mod status;
mod sweep;
mod system;
mod uninstall;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Inspect the packet filter and the rules that dlvgate has loaded; install the guard
#[derive(Debug, Args)]
pub(super) struct FirewallArgs {
    #[command(subcommand)]
    command: FirewallCommand,
}

#[derive(Debug, Subcommand)]
enum FirewallCommand {
    Status(status::StatusArgs),
    Explain(explain::ExplainArgs),
    Sweep(sweep::SweepArgs),
    Open(open::OpenArgs),
    Close(close::CloseArgs),
    Install(install::InstallArgs),
    Uninstall(uninstall::UninstallArgs),
    Snapshot(snapshot::SnapshotArgs),
    Rollback(snapshot::RollbackArgs),
    Watch(watch::WatchArgs),
}

pub(super) async fn run(args: FirewallArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        FirewallCommand::Status(args) => status::run(args).await,
        FirewallCommand::Explain(args) => explain::run(args).await,
        FirewallCommand::Sweep(args) => sweep::run(args).await,
        FirewallCommand::Open(args) => open::run(args).await,
        FirewallCommand::Close(args) => close::run(args).await,
        FirewallCommand::Install(args) => install::run(&args),
        FirewallCommand::Uninstall(args) => uninstall::run(&args),
        FirewallCommand::Snapshot(args) => snapshot::take(&args),
        FirewallCommand::Rollback(args) => snapshot::roll_back(&args),
        FirewallCommand::Watch(args) => watch::run(args).await,
    }
}
