//! The command line: one file a command, each a thin shell around the parts.

mod completions;
pub mod demo;
pub mod dlv;
mod firewall;
mod guard;
mod log;
mod parts;
mod serve;
mod setup;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tracing::Level;

/// Exit codes of dlvgate's own commands: success, a failure, a usage error.
pub(crate) const FAILURE: u8 = 1;
pub(crate) const USAGE: u8 = 2;

/// How long what the debugged program printed last may take to be read from our standard output. A reader that
/// has stopped reading must not keep us.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// Debug Go through a guarded port.
///
/// dlvgate stands between a debugging client (GoLand with a DAP plugin, VS Code, Neovim, …) and Delve. It starts
/// dlv for each session, guards dlv's port in the packet filter, forwards the session untouched, and leaves
/// nothing behind: no open port, no dlv, no orphaned program.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Try it: `dlvgate demo` debugs a small Go program and shows what happened."
)]
pub struct Cli {
    #[command(flatten)]
    log: log::LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Dlv(dlv::DlvArgs),
    Demo(demo::DemoArgs),
    Firewall(firewall::FirewallArgs),
    #[command(hide = true)]
    Guard(guard::GuardArgs),
    Completions(completions::CompletionsArgs),
}

/// Starts the log, runs the command, and says on standard error what failed.
pub fn run(cli: Cli) -> ExitCode {
    // The demo's page has the session's steps already.
    let usual = if matches!(cli.command, Command::Demo(_)) { Level::WARN } else { Level::INFO };
    if !matches!(cli.command, Command::Dlv(_)) {
        log::init(&cli.log, usual); // that one has a log of its own
    }
    let result = match cli.command {
        Command::Serve(args) => on_runtime(serve::run(args)),
        Command::Dlv(args) => Ok(args.run()),
        Command::Demo(args) => on_runtime(demo::run(args)),
        Command::Firewall(args) => on_runtime(firewall::run(args)),
        Command::Guard(args) => on_runtime(guard::run(args)),
        Command::Completions(args) => completions::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("dlvgate: {error:#}");
        let usage = error.downcast_ref::<UsageError>().is_some();
        ExitCode::from(if usage { USAGE } else { FAILURE })
    })
}

/// One thread serves every session: each is a few small reads and writes, and a hand-over between threads costs
/// more than they do. It is also the thread that dlv's life is tied to where the system can do that.
fn on_runtime<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_OUTPUT);
    result
}

/// What the user asked for cannot be done as asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

/// Turns an error about the command line into one.
pub(crate) fn usage(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::new(UsageError(error.to_string()))
}
