//! The command line: one file a command, each a thin shell around the parts.

mod assignments;
mod colour;
mod common_args;
mod completions;
mod config;
mod config_defaults;
mod consent;
pub mod demo;
mod dlv;
mod doctor;
mod exit;
mod firewall;
mod guard;
mod init;
mod local_time;
mod log;
mod man;
mod next_steps;
mod output;
mod preflight;
mod ps;
mod reaper;
mod replay;
mod runtime;
mod serve;
mod show;
mod stop;
mod terminal_log;
mod test_hooks;
mod trust;
mod values;
mod versions;
mod warm;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing::Level;

use crate::config::{Config, ConfigError};
use crate::doctor::WrongSettings;
use crate::escape::printable;
use crate::stdio::{self, post};
use exit::{FAILURE, USAGE, UsageError, usage};
use runtime::on_runtime;

/// dlv's commands that `serve` takes after `--`.
const DLV_COMMANDS: [&str; 5] = ["exec", "debug", "test", "attach", "core"];

/// Debug Go through a guarded port.
///
/// dlvgate is a proxy between a debugging client (GoLand, VS Code, Neovim, …) and Delve. It starts
/// dlv for each session, opens its port in the packet filter for your client only, forwards the
/// session, and removes everything at the end: the open port, dlv, and the debugged program.
#[derive(Debug, Parser)]
#[command(
    version,
    long_version = env!("DLVGATE_LONG_VERSION"),
    max_term_width = 100,
    after_help = "Try it: `dlvgate demo` debugs a small Go program and shows what happened. A client is refused, or times out: \
                  `dlvgate doctor`."
)]
pub struct Cli {
    #[command(flatten)]
    log: log::LogArgs,
    /// The configuration file, instead of the dlvgate.toml of this folder or one above [env:
    /// DLVGATE_CONFIG]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Ps(ps::PsArgs),
    Stop(stop::StopArgs),
    Dlv(dlv::DlvArgs),
    Doctor(doctor::DoctorArgs),
    Init(init::InitArgs),
    Demo(demo::DemoArgs),
    Show(show::ShowArgs),
    Replay(replay::ReplayArgs),
    Firewall(firewall::FirewallArgs),
    Config(config::ConfigArgs),
    Trust(trust::TrustArgs),
    #[command(hide = true)]
    Guard(guard::GuardArgs),
    #[command(hide = true)]
    Reaper(reaper::ReaperArgs),
    Completions(completions::CompletionsArgs),
    /// Print the version, as --version does
    Version,
    #[command(hide = true)]
    Man(man::ManArgs),
}

/// The whole program: a command of dlvgate's, or dlv's own command line. Returns its exit code.
pub fn main(words: Vec<OsString>) -> ExitCode {
    match dlv::command_line(words.iter().cloned()) {
        Some(words) => dlv::run(words, serve_command),
        None => run(words),
    }
}

/// Parses the command line, with what configuration files set, runs the command, and says on
/// standard error what failed.
fn run(words: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(said) => return say_usage(&without_dashes(said)),
    };
    let result = match &cli.command {
        Command::Serve(_) | Command::Config(_) => configured(&words),
        // doctor reports a faulty file as a finding.
        Command::Doctor(_) => Ok(configured(&words).unwrap_or((cli, Config::default()))),
        _ => Ok((cli, Config::default())),
    };
    let said = result.and_then(|(cli, config)| run_command(cli, &config));
    said.unwrap_or_else(|error| {
        if let Some(said) = error.downcast_ref::<clap::Error>() {
            return say_usage(said);
        }
        post!("dlvgate: {}", printable(&format!("{error:#}")));
        let usage = error.is::<UsageError>() || error.is::<ConfigError>();
        ExitCode::from(if usage { USAGE } else { FAILURE })
    })
}

/// Adds a hint to the error of `dlvgate serve exec ./server`, which lacks the `--`.
fn without_dashes(mut error: clap::Error) -> clap::Error {
    let word = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(word)) if DLV_COMMANDS.contains(&word.as_str()) => word.clone(),
        _ => return error,
    };
    let hint = format!("write `--` before dlv's own command: `dlvgate serve -- {word} …`");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    error
}

/// Prints the error of the command line, or the text that it asks for (`--help`).
fn say_usage(said: &clap::Error) -> ExitCode {
    match said.print() {
        _ if said.use_stderr() => ExitCode::from(USAGE),
        Err(error) if !stdio::is_reader_gone(&error) => {
            post!("dlvgate: standard output: {error}");
            ExitCode::from(FAILURE)
        }
        Ok(()) | Err(_) => ExitCode::SUCCESS,
    }
}

/// The command line again, with what the files set as the defaults of `serve`'s flags, and of
/// doctor's of the same name.
fn configured(words: &[OsString]) -> anyhow::Result<(Cli, Config)> {
    let config = config_defaults::load(config_defaults::named(words).as_deref())?;
    config_defaults::tell_passed_over(&config.passed_over);
    config_defaults::check(&config, &serve_command())?;
    let command =
        Cli::command().mut_subcommand("serve", |serve| config_defaults::with_defaults(serve, &config));
    let command = command.mut_subcommand("doctor", |doctor| config_defaults::with_defaults(doctor, &config));
    // for all commands: the log's flags
    let command = config_defaults::with_defaults(command, &config);
    let matches = command.try_get_matches_from(words)?;
    match matches.subcommand_matches("serve").and_then(config_defaults::contradiction) {
        Some(contradiction) => Err(usage(contradiction)),
        None => Ok((Cli::from_arg_matches(&matches)?, config)),
    }
}

/// `serve` with the flags that all commands have.
fn serve_command() -> clap::Command {
    let mut all = Cli::command();
    all.build();
    all.find_subcommand("serve").cloned().unwrap_or_default()
}

fn run_command(cli: Cli, config: &Config) -> anyhow::Result<ExitCode> {
    // The demo's page has the session's steps already.
    let usual = if matches!(cli.command, Command::Demo(_)) { Level::WARN } else { Level::INFO };
    // These two start their logs themselves.
    if !matches!(cli.command, Command::Dlv(_) | Command::Guard(_)) {
        log::init(&cli.log, usual);
    }
    match cli.command {
        Command::Serve(args) => {
            let passed = serve::passed(&args)?;
            on_runtime(serve::run(args, passed))
        }
        Command::Init(args) => init::run(&args),
        Command::Ps(args) => on_runtime(ps::run(args)),
        Command::Stop(args) => on_runtime(stop::run(args)),
        Command::Dlv(_) => Ok(dlv::run_with(cli.log, serve_command)),
        Command::Doctor(args) => {
            let settings = config_defaults::load(cli.config.as_deref())
                .and_then(|config| config_defaults::check(&config, &serve_command()));
            let wrong = settings.err().map(|error| WrongSettings {
                text: error.to_string(),
                file: error.path,
                line: error.line,
            });
            on_runtime(doctor::run(args, wrong))
        }
        Command::Demo(args) => on_runtime(demo::run(args)),
        Command::Show(args) => show::run(args),
        Command::Replay(args) => on_runtime(replay::run(args)),
        Command::Firewall(args) => on_runtime(firewall::run(args)),
        Command::Guard(args) => guard::run(&args, &cli.log),
        Command::Reaper(_) => Ok(reaper::run()),
        Command::Config(args) => {
            config::run(&args, config_defaults::with_defaults(serve_command(), config), config)
        }
        Command::Trust(args) => trust::run(&args, &serve_command()),
        Command::Version => {
            stdio::print(&format!("dlvgate {}\n", env!("DLVGATE_LONG_VERSION")))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
    }
}
