//! `dlvgate firewall explain`: which of pf's rules decides about a connection.

use std::fs;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;

use crate::cli::FAILURE;
use crate::firewall::FirewallError;
use crate::firewall::explain::{Direction, Question, Verdict};
use crate::firewall::pf::PFCTL;
use crate::firewall::pf::explain::{LOOPBACK, Loaded, Services, explain, read};

/// The names of ports that pfctl prints.
const SERVICES: &str = "/etc/services";

/// Say which of pf's rules decides about a new connection, and why (macOS, as root)
///
/// Reads what pf holds, without changing anything: its rules and anchors, tables, states, and the interfaces that it
/// skips. Then follows the first packet of a TCP connection from ADDR to port N through them, as the kernel does: pf
/// that is off, a skipped interface or a state pass it before any rule; then the last matching rule wins, unless one
/// with `quick` matches before; where none matches, it passes.
///
/// What is not said is not guessed: if a rule asks about it, the answer is unknown and names the option that is
/// missing. So is the answer where a rule has a part that dlvgate does not understand, or where nat, rdr or binat
/// rules may come before. Exit code 0: it passes or is blocked; 1: unknown, or pf could not be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo dlvgate firewall explain --port 2345 --from 192.0.2.5
  sudo dlvgate firewall explain --port 2345 --from 192.0.2.5 --interface en0 --to 192.0.2.1
  sudo dlvgate firewall explain --port 2345 --from 127.0.0.1 --direction out --uid 501 --json")]
pub(super) struct ExplainArgs {
    /// The port that the connection goes to
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// The address that it comes from; fe80::1%en0 names the interface too
    #[arg(long, value_name = "ADDR", value_parser = address)]
    from: (IpAddr, Option<String>),
    /// The port that it comes from [default: one from 1024 up that no open connection uses]
    #[arg(long, value_name = "N")]
    from_port: Option<u16>,
    /// The address that it goes to [default: not said; from a loopback address, 127.0.0.1 or ::1]
    #[arg(long, value_name = "ADDR")]
    to: Option<IpAddr>,
    /// The interface that it is on [default: not said, but not lo0; from a loopback address, lo0]
    #[arg(long, value_name = "IFACE")]
    interface: Option<String>,
    /// Whether it arrives at this machine or leaves it; over lo0 every packet does both
    #[arg(long, value_enum, default_value_t = Direction::In, value_name = "in|out")]
    direction: Direction,
    /// The user id of the socket on this machine: who listens, or for `out`, who connects
    #[arg(long, value_name = "N")]
    uid: Option<u32>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// The pfctl to run, for tests
    #[arg(long, value_name = "PATH", default_value = PFCTL, hide = true)]
    pfctl: PathBuf,
}

/// An address, with the interface of a link-local one.
fn address(text: &str) -> Result<(IpAddr, Option<String>), String> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.to_owned())),
        None => (text, None),
    };
    let address =
        address.parse().map_err(|_| format!("`{text}` is no address; write 192.0.2.5 or 2001:db8::5"))?;
    Ok((address, zone))
}

pub(super) async fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let question = question(&args)?;
    let listings = read(args.pfctl.clone()).await.map_err(|error| cannot_read(error, &question))?;
    // Without it ports have no names, and a rule that has one is said to be unknown.
    let services = Services::parse(&fs::read_to_string(SERVICES).unwrap_or_default());
    let explanation = explain(&Loaded::parse(&listings, &services), &question);
    let mut stdout = io::stdout().lock();
    if args.json {
        writeln!(stdout, "{}", serde_json::to_string(&explanation)?)?;
    } else {
        write!(stdout, "{explanation}")?;
    }
    let explained = explanation.verdict != Verdict::Unknown;
    Ok(if explained { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}

fn question(args: &ExplainArgs) -> anyhow::Result<Question> {
    let (from, zone) = &args.from;
    let mut question = Question::new(LOOPBACK, args.port, *from);
    question.to = args.to.map(|to| to.to_canonical()).or(question.to);
    question.interface = args.interface.clone().or_else(|| zone.clone()).or(question.interface);
    (question.from_port, question.direction, question.uid) = (args.from_port, args.direction, args.uid);
    match question.to {
        Some(to) if to.is_ipv4() != question.from.is_ipv4() => Err(crate::cli::usage(format_args!(
            "--from {} and --to {to}: one is IPv4 and the other IPv6; no connection has both",
            question.from
        ))),
        _ => Ok(question),
    }
}

fn cannot_read(error: FirewallError, question: &Question) -> anyhow::Error {
    match error {
        FirewallError::NoPfctl { path, said } => anyhow!(
            "there is no pf here to explain: {} cannot be run ({said}). pf is macOS's packet filter; run this on the Mac \
             whose port it is",
            path.display()
        ),
        FirewallError::NotRoot { said } => anyhow!(
            "only root may read what pf holds ({said}); run it with sudo: \
             `sudo dlvgate firewall explain --port {} --from {}`",
            question.port,
            question.from
        ),
        other => other.into(),
    }
}
