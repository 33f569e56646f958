//! The log: always on standard error, since standard output is for results.

use std::io::IsTerminal;

use clap::{ArgAction, Args, ValueEnum};
use tracing::Level;

use super::colour;
use super::terminal_log::TerminalFormat;
use crate::escape::{LogEntries, PrintableJson};
use crate::stdio::STDERR;

/// How much is logged, and in which form.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct LogArgs {
    /// Log more: -v decisions, -vv everything
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// How much is logged [default: info; error for `dlvgate dlv`]
    #[arg(long, value_name = "LEVEL", env = "DLVGATE_LOG", global = true, value_parser = ["error", "warn", "info", "debug", "trace"])]
    log: Option<String>,
    /// Log warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// The form of the log on standard error
    #[arg(long, value_enum, default_value_t = Format::Text, global = true, value_name = "FORMAT", env = "DLVGATE_LOG_FORMAT")]
    log_format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A line for people; short on a terminal, unless -v or --log asks for more
    Text,
    /// A JSON object a line
    Json,
}

impl LogArgs {
    /// Whether a person reads the log as it comes, and has asked for no other form of it.
    fn is_for_a_person(&self) -> bool {
        self.verbose == 0 && self.log.is_none() && std::io::stderr().is_terminal()
    }
}

/// Starts the log, at the `usual` level where the user asks for none. Earlier entries are lost.
pub(super) fn init(args: &LogArgs, usual: Level) {
    let level = match (args.quiet, args.verbose) {
        (true, _) => Level::WARN,
        (_, 0) => args.log.as_deref().and_then(|level| level.parse().ok()).unwrap_or(usual),
        (_, 1) if usual < Level::INFO => Level::INFO,
        (_, 1) => Level::DEBUG,
        _ => Level::TRACE,
    };
    // Its own way to say that an entry could not be written panics where that cannot be written
    // either.
    let log = tracing_subscriber::fmt().with_max_level(level).log_internal_errors(false);
    match args.log_format {
        Format::Json => {
            let log = log.with_writer(|| PrintableJson(&STDERR)).json();
            log.flatten_event(true).with_current_span(true).with_span_list(false).init();
        }
        Format::Text => {
            let log = log.with_writer(|| LogEntries(&STDERR));
            let has_colours = colour::is_wanted(&std::io::stderr());
            if args.is_for_a_person() {
                log.event_format(TerminalFormat { has_colours }).init();
            } else {
                log.with_ansi(has_colours).init();
            }
        }
    }
}
