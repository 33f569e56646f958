//! `dlvgate firewall open`: a gate by hand, for as long as this runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use clap::Args;
use tokio::io::AsyncReadExt;

use crate::cli::test_hooks::TestHookArgs;
use crate::firewall::guard::GuardError;
use crate::firewall::guard::wire::Purpose;
use crate::firewall::{Firewall, FirewallBackend, FirewallMode, Parts, Peer};
use crate::front::Bound;
use crate::privilege::Caller;
use crate::shutdown::{self, Signals};
use crate::stdio;

/// Open a port by hand: ADDR passes, everyone else is blocked, until this command ends
///
/// For scripts, and for a dlv that dlvgate does not start. Prints a line on standard output when
/// the rules are loaded and were read back. The port is closed at SIGINT, SIGTERM or SIGHUP, at the
/// end of standard input, and when this process is killed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate firewall open --port 2345 --from 192.0.2.5
  dlvgate firewall open --port 2345 --from 192.0.2.0/24 --from fe80::1%en0 --hold &
  dlvgate firewall close --port 2345")]
pub(super) struct OpenArgs {
    /// The port
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Who passes: an address, a network, or a link-local address with its interface
    #[arg(long, value_name = "ADDR", required = true)]
    from: Vec<Peer>,
    /// Go on at the end of standard input; only a signal ends it
    #[arg(long)]
    hold: bool,
    #[command(flatten)]
    parts: TestHookArgs,
}

pub(super) async fn run(args: OpenArgs) -> anyhow::Result<ExitCode> {
    let (trigger, stop) = shutdown::channel();
    let signals = tokio::spawn(Signals::listen()?.pass_on(trigger));
    let choice = match args.parts.backend {
        FirewallBackend::Pf => FirewallMode::Pf,
        FirewallBackend::Nftables => FirewallMode::Nftables,
    };
    let parts = Parts { purpose: Purpose::Open, ..args.parts.parts() };
    let firewall = Firewall::prepare(choice, parts, true).await?;
    let gate = match claim(args.port) {
        Some(bound) => firewall.open_bound(args.port, &args.from, bound.socket()).await?,
        None => firewall.open(args.port, &args.from).await?,
    };
    let from: Vec<String> = args.from.iter().map(ToString::to_string).collect();
    stdio::announce(&format!(
        "open: port {} for {}, guarded by {}",
        args.port,
        from.join(", "),
        firewall.name()
    ));
    let lost = tokio::select! {
        _ = stop.begun() => None,
        () = end_of_input(), if !args.hold => None,
        lost = firewall.lost() => Some(lost),
        lost = gate.lost() => return Err(lost.into()),
    };
    signals.abort();
    match lost {
        None => {}
        Some(GuardError::Dismissed) => return Ok(ExitCode::SUCCESS), // `close`, as root
        Some(gone) => return Err(gone.into()),
    }
    gate.shut().await?;
    gate.remove().await?;
    firewall.end().await?;
    Ok(ExitCode::SUCCESS)
}

/// A socket at the port, where no process listens yet: the guard opens what its user's own
/// processes hold. It is closed once the gate stands, for whom the port is meant.
fn claim(port: u16) -> Option<Bound> {
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    match Caller::of_sudo() {
        Some(caller) => Bound::new_of(&caller, address).ok(),
        None => Bound::new(address).ok(),
    }
}

/// Reads standard input to its end, and ignores the bytes.
async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 512];
    while let Ok(1..) = input.read(&mut ignored).await {}
}
