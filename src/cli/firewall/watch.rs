//! `dlvgate firewall watch`: who is refused at the gates, as it happens.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use tokio::io::{AsyncWriteExt, stdout};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::escape::{on_one_line, printable_json};
use crate::firewall::watch::{PfPrograms, RefusedConnection, Watch, WatchError};
use crate::firewall::{FirewallBackend, nftables};
use crate::shutdown::{self, Shutdown, Signals};
use crate::stdio::is_reader_gone;

/// Print who is refused at the ports that dlvgate guards, as it happens (as root)
///
/// Prints a line for each new connection that a rule of a gate refuses, of this dlvgate or another:
/// the time, the client's address and port, the port here, the interface, and the table or anchor.
/// Includes gates that open later. Runs until SIGINT, SIGTERM or SIGHUP, or until its output is
/// closed; exit code 0.
///
/// On Linux the kernel traces new connections to the gates' ports through a table of its own,
/// dlvgatewatch_PID, which does not change what passes. It is removed at the end; one that a killed
/// watch has left is removed at the next start. On macOS tcpdump reads pf's log from pflog0, which
/// is created if it is missing, and then destroyed at the end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo dlvgate firewall watch
  sudo dlvgate firewall watch --json | jq -r .from
  sudo dlvgate firewall explain --port 2345 --from 192.0.2.6   # why one of them is refused")]
pub(super) struct WatchArgs {
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
    /// The packet filter, for tests
    #[arg(long, value_enum, default_value_t = FirewallBackend::NATIVE, hide = true)]
    backend: FirewallBackend,
    /// The nft to run, for tests
    #[arg(long, value_name = "PATH", hide = true)]
    nft: Option<PathBuf>,
    /// The tcpdump to run, for tests
    #[arg(long, value_name = "PATH", hide = true)]
    tcpdump: Option<PathBuf>,
    /// The ifconfig to run, for tests
    #[arg(long, value_name = "PATH", hide = true)]
    ifconfig: Option<PathBuf>,
}

pub(super) async fn run(args: WatchArgs) -> anyhow::Result<ExitCode> {
    let (trigger, stop) = shutdown::channel();
    // From here on a signal ends the watch in order, however far its start has come.
    let signals = tokio::spawn(Signals::listen()?.pass_on(trigger));
    let mut watch = start(&args).await?;
    let told = tell(&mut watch, args.json, &stop).await;
    let ended = watch.end().await;
    signals.abort();
    if let (Err(_), Err(left)) = (&told, &ended) {
        tracing::error!(target: "dlvgate::firewall", "{left}");
    }
    told?;
    ended?;
    Ok(ExitCode::SUCCESS)
}

async fn start(args: &WatchArgs) -> Result<Watch, WatchError> {
    match args.backend {
        FirewallBackend::Nftables => Watch::nftables(args.nft.clone().unwrap_or_else(nftables::find)).await,
        FirewallBackend::Pf => {
            let usual = PfPrograms::default();
            let tcpdump = args.tcpdump.clone().unwrap_or(usual.tcpdump);
            let ifconfig = args.ifconfig.clone().unwrap_or(usual.ifconfig);
            Watch::pf(PfPrograms { tcpdump, ifconfig }).await
        }
    }
}

/// Prints refusals until a signal, or until the output is closed.
async fn tell(watch: &mut Watch, json: bool, stop: &Shutdown) -> anyhow::Result<()> {
    while let Some(refusal) = watch.next(stop).await? {
        let line = line(&refusal, json);
        let write = async {
            let mut stdout = stdout();
            stdout.write_all(line.as_bytes()).await?;
            stdout.flush().await
        };
        // A reader that has stopped reading must not keep us from ending.
        let written = tokio::select! {
            written = write => written,
            _ = stop.begun() => return Ok(()),
        };
        match written {
            Ok(()) => {}
            Err(error) if is_reader_gone(&error) => return Ok(()),
            Err(error) => return Err(error).context("standard output"),
        }
    }
    Ok(())
}

/// A refusal and when it was seen.
#[derive(Serialize)]
struct TimedRefusal<'a> {
    time: String,
    #[serde(flatten)]
    refusal: &'a RefusedConnection,
}

fn line(refusal: &RefusedConnection, json: bool) -> String {
    let timed = TimedRefusal { time: now(), refusal };
    match serde_json::to_string(&timed) {
        Ok(object) if json => format!("{}\n", printable_json(&object)),
        _ => format!("{}\n", on_one_line(&format!("{} {refusal}", timed.time))),
    }
}

/// This moment, as the log writes it: RFC 3339, UTC.
fn now() -> String {
    let mut text = String::new();
    // Writing to a String never fails.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}
