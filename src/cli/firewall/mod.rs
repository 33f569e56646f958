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

/// Look at the packet filter and at what dlvgate has opened in it; install what opens it without a
/// password
#[derive(Debug, Args)]
pub(super) struct FirewallArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
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
        Command::Status(args) => status::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Sweep(args) => sweep::run(args).await,
        Command::Open(args) => open::run(args).await,
        Command::Close(args) => close::run(args).await,
        Command::Install(args) => install::run(&args),
        Command::Uninstall(args) => uninstall::run(&args),
        Command::Snapshot(args) => snapshot::take(&args),
        Command::Rollback(args) => snapshot::roll_back(&args),
        Command::Watch(args) => watch::run(args).await,
    }
}
