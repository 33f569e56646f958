//! `dlvgate firewall explain`: which of the packet filter's rules decides about a connection.

use std::fmt;
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use crate::cli::exit::FAILURE;
use crate::escape::{Printable, printable_json};
use crate::firewall::explain::{Explanation, PacketDirection, PacketQuery, Standing, Verdict};
use crate::firewall::nftables::NftError;
use crate::firewall::pf::explain::Services;
use crate::firewall::pf::{PFCTL, PfError};
use crate::firewall::{BackendError, FirewallBackend, nftables, pf};
use crate::stdio;

/// The names of ports that pfctl prints.
const SERVICES: &str = "/etc/services";

/// Print which rule of the packet filter decides about a new connection, and why (as root)
///
/// Reads what pf (macOS) or nftables (Linux) holds, without changing anything, and follows the
/// first packet of a TCP connection from ADDR to port N through it, as the kernel does.
///
/// pf: where it is off, skips the interface or knows the connection, the packet passes before any
/// rule; then the last matching rule wins, unless one with `quick` matches before; where none
/// matches, it passes. A packet in fragments (--fragments) is put together first where a scrub rule
/// says so; else each fragment is judged by itself, and no rule with a port is looked at.
///
/// nftables: the packet meets every base chain of its hooks (prerouting and input, or output and
/// postrouting), in the order of their priorities. An accept ends its own chain only, a drop or
/// reject ends everything; where no rule of a chain decides, its policy does.
///
/// Options that are left out are not guessed: if a rule depends on one, the answer is unknown and
/// names the missing option. The answer is also unknown where a rule has a part that dlvgate does
/// not understand, or where the packet may be translated (nat, rdr, dnat, redirect). Exit code 0:
/// it passes or is blocked; 1: unknown, or nothing could be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo dlvgate firewall explain --port 2345 --from 192.0.2.5
  sudo dlvgate firewall explain --port 2345 --from 192.0.2.5 --interface eth0 --to 192.0.2.1
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
    /// The interface that it is on [default: not said, but not the loopback interface; from a
    /// loopback address, that one]
    #[arg(long, value_name = "IFACE")]
    interface: Option<String>,
    /// Whether it arrives at this machine or leaves it; over loopback every packet does both
    #[arg(long, value_enum, default_value_t = PacketDirection::In, value_name = "in|out")]
    direction: PacketDirection,
    /// The user id of the socket on this machine: who listens, or for `out`, who connects
    #[arg(long, value_name = "N")]
    uid: Option<u32>,
    /// Ask about the packet in IP fragments: pf's rules with a port do not see them, unless they
    /// are put together first
    #[arg(long)]
    fragments: bool,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
    /// The packet filter, for tests
    #[arg(long, value_enum, hide = true)]
    backend: Option<FirewallBackend>,
    /// The pfctl to run, for tests
    #[arg(long, value_name = "PATH", hide = true)]
    pfctl: Option<PathBuf>,
    /// The nft to run, for tests
    #[arg(long, value_name = "PATH", hide = true)]
    nft: Option<PathBuf>,
}

/// An address, with the interface of a link-local one.
fn address(text: &str) -> Result<(IpAddr, Option<String>), String> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.to_owned())),
        None => (text, None),
    };
    let address =
        address.parse().map_err(|_| format!("`{text}` is not an address; write 192.0.2.5 or 2001:db8::5"))?;
    Ok((address, zone))
}

pub(super) async fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let named = match (&args.pfctl, &args.nft) {
        (Some(_), _) => Some(FirewallBackend::Pf),
        (None, Some(_)) => Some(FirewallBackend::Nftables),
        (None, None) => None,
    };
    match args.backend.or(named).unwrap_or(FirewallBackend::NATIVE) {
        FirewallBackend::Pf => explain_pf(&args).await,
        FirewallBackend::Nftables => explain_nftables(&args).await,
    }
}

async fn explain_pf(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    use pf::explain::{LOOPBACK, LoadedPf, explain, read};
    let question = question(args, LOOPBACK)?;
    let pfctl = args.pfctl.clone().unwrap_or_else(|| PFCTL.into());
    let listings = read(pfctl).await.map_err(|error| cannot_read(error.into(), &question))?;
    // Without it ports have no names, and a rule that has one is said to be unknown.
    let services = Services::parse(&fs::read_to_string(SERVICES).unwrap_or_default());
    print(&explain(&LoadedPf::parse(&listings, &services), &question), args.json)
}

async fn explain_nftables(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    use nftables::explain::{LOOPBACK, LoadedNft, explain, read};
    if args.fragments {
        return Err(crate::cli::exit::usage(format_args!(
            "--fragments is for pf: whether nftables sees fragments or the whole packet depends on connection tracking, which is \
             not followed"
        )));
    }
    let question = question(args, LOOPBACK)?;
    let nft = args.nft.clone().unwrap_or_else(nftables::find);
    let read = async {
        let listings = read(nft).await?;
        LoadedNft::parse(&listings).map_err(|error| NftError::Unreadable { said: error.to_string() })
    };
    let loaded = read.await.map_err(|error| cannot_read(error.into(), &question))?;
    print(&explain(&loaded, &question), args.json)
}

fn print<P, W>(explanation: &Explanation<P, W>, json: bool) -> anyhow::Result<ExitCode>
where
    P: Standing + Serialize,
    W: fmt::Display + Serialize,
{
    let mut stdout = stdio::stdout();
    if json {
        writeln!(stdout, "{}", printable_json(&serde_json::to_string(explanation)?))?;
    } else {
        write!(Printable(stdout), "{explanation}")?;
    }
    let explained = explanation.verdict != Verdict::Unknown;
    Ok(if explained { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}

fn question(args: &ExplainArgs, loopback: &'static str) -> anyhow::Result<PacketQuery> {
    let (from, zone) = &args.from;
    let mut question = PacketQuery::new(loopback, args.port, *from);
    question.to = args.to.map(|to| to.to_canonical()).or(question.to);
    question.interface = args.interface.clone().or_else(|| zone.clone()).or(question.interface);
    (question.from_port, question.direction, question.uid) = (args.from_port, args.direction, args.uid);
    question.fragments = args.fragments;
    match question.to {
        Some(to) if to.is_ipv4() != question.from.is_ipv4() => Err(crate::cli::exit::usage(format_args!(
            "--from {} and --to {to}: one is IPv4 and the other IPv6; no connection has both",
            question.from
        ))),
        _ => Ok(question),
    }
}

fn cannot_read(error: BackendError, question: &PacketQuery) -> anyhow::Error {
    match error {
        BackendError::Pf(PfError::NoPfctl { path, said }) => anyhow!(
            "there is no pf here to explain: {} cannot be run ({said}). pf is macOS's packet filter; run this on the Mac \
             whose port it is",
            path.display()
        ),
        BackendError::Nft(NftError::NoNft { path, said }) => anyhow!(
            "there is no nftables here to explain: {} cannot be run ({said}). It is Linux's packet filter; its tool is in \
             the package nftables",
            path.display()
        ),
        BackendError::Pf(PfError::NotRoot { said }) | BackendError::Nft(NftError::NotRoot { said }) => {
            anyhow!(
                "only root may read what the packet filter holds ({said}); run it with sudo: \
             `sudo dlvgate firewall explain --port {} --from {}`",
                question.port,
                question.from
            )
        }
        other => other.into(),
    }
}
