//! `dlvgate doctor`: what stands between the client and dlv on this machine.

mod fix;
mod page;
mod reach;

use std::io::{self, IsTerminal};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use crate::cli::colour;
use crate::cli::exit::FAILURE;
use crate::cli::test_hooks::TestHookArgs;
use crate::doctor::{Context, DoctorQuestion, Finding, Health, WrongSettings, examine, first, names};
use crate::escape::printable_json;
use crate::firewall::FirewallBackend;
use crate::firewall::persist::Platform;
use crate::stdio::{self, ask};

/// Diagnose why a client cannot reach dlv, and suggest fixes
///
/// Checks Go, Delve, permissions, the network and GoLand, side by side and within 3 s, and changes
/// nothing. Signs: ✓ fine, ! may be the cause, ✗ is in the way, ? could not be checked, · worth
/// knowing. A problem comes with its reason and the command that fixes it. The last line names the
/// first thing to fix.
///
/// Run it on the machine where dlv runs; with sudo it can also read the packet filter. Use --probe
/// on the client's machine.
///
/// Exit code 0: nothing is in the way; 1: something is (✗), or with --probe, the port cannot be
/// reached.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate doctor
  sudo dlvgate doctor --port 2345 --from 192.0.2.5      # a client on another machine is refused, or times out
  dlvgate doctor --fix                                  # does what can be undone, and shows it first
  dlvgate doctor --probe dev.example.com:2345           # on the client's machine")]
pub(super) struct DoctorArgs {
    /// The port that the client connects to [default: 2345, GoLand's usual one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The address that the client connects from [default: this machine]
    #[arg(long, value_name = "ADDR")]
    from: Option<IpAddr>,
    /// The dlv to check [default: the first in PATH, then where `go install` and Homebrew put it]
    #[arg(long, value_name = "PATH", env = "DLVGATE_DLV")]
    dlv: Option<PathBuf>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// Run the fixes that can be undone; prints each with the command that undoes it, and asks
    /// first on a terminal
    #[arg(long, conflicts_with_all = ["json", "probe"])]
    fix: bool,
    /// From the client's machine: check whether a port is refused, filtered or open, and who
    /// listens
    ///
    /// Without --identify, doctor sends nothing, because a question would use up the only session
    /// of a bare `dlv dap`.
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["port", "from"])]
    probe: Option<String>,
    /// With --probe: connect and ask who listens. This uses up the only session of a bare `dlv
    /// dap`, and none of dlvgate's
    #[arg(long, requires = "probe")]
    identify: bool,
    /// Whose conventions hold, for tests
    #[arg(long, value_enum, value_name = "PLATFORM", default_value_t = Platform::NATIVE, hide = true)]
    platform: Platform,
    #[command(flatten)]
    parts: TestHookArgs,
}

/// `settings`: the error of a configuration file.
pub(super) async fn run(args: DoctorArgs, settings: Option<WrongSettings>) -> anyhow::Result<ExitCode> {
    if let Some(target) = &args.probe {
        return reach::run(target, args.identify, args.json).await;
    }
    let (findings, took_ms) = look(&args, settings.clone()).await;
    if args.json {
        let first = first(&findings);
        let version = env!("CARGO_PKG_VERSION");
        let all = json!({"dlvgate": version, "first": first, "findings": findings, "took_ms": took_ms});
        stdio::print(&format!("{}\n", printable_json(&all.to_string())))?;
    } else {
        stdio::print(&page::page(&findings, took_ms, colour::is_wanted(&io::stdout())))?;
    }
    if args.fix {
        if !fix::run(&findings)? {
            return Ok(exit_code(&findings));
        }
        let (findings, took_ms) = look(&args, settings).await;
        stdio::print(&page::page(&findings, took_ms, colour::is_wanted(&io::stdout())))?;
        return Ok(exit_code(&findings));
    }
    Ok(exit_code(&findings))
}

fn exit_code(findings: &[Finding]) -> ExitCode {
    let is_bad = findings.iter().any(|finding| finding.state == Health::Bad);
    if is_bad { ExitCode::from(FAILURE) } else { ExitCode::SUCCESS }
}

async fn look(args: &DoctorArgs, settings: Option<WrongSettings>) -> (Vec<Finding>, u128) {
    // A trial of macOS's conventions has macOS's packet filter.
    let backend = match args.platform {
        Platform::Macos => FirewallBackend::Pf,
        Platform::Linux => args.parts.backend,
    };
    let question = DoctorQuestion {
        port: args.port,
        from: args.from,
        dlv: args.dlv.clone(),
        platform: args.platform,
        backend,
        programs: args.parts.programs(),
        journals: args.parts.journals(),
        settings,
    };
    let began = Instant::now();
    let progress = Progress::new();
    let findings = examine(Context::new(question), |name| progress.ended(name)).await;
    progress.clear();
    (findings, began.elapsed().as_millis())
}

/// On a terminal: which checks are still out.
struct Progress {
    waiting: Option<Mutex<Vec<&'static str>>>,
}

impl Progress {
    fn new() -> Progress {
        let waiting = io::stderr().is_terminal().then(|| Mutex::new(names().collect()));
        let progress = Progress { waiting };
        progress.ended("");
        progress
    }

    fn ended(&self, name: &str) {
        let Some(Ok(mut waiting)) = self.waiting.as_ref().map(Mutex::lock) else { return };
        if let Some(place) = waiting.iter().position(|one| *one == name) {
            waiting.remove(place);
        }
        let names: String = waiting.join(", ").chars().take(70).collect();
        ask!("\r\x1b[Klooking at: {names}");
    }

    fn clear(&self) {
        if self.waiting.is_some() {
            ask!("\r\x1b[K");
        }
    }
}
