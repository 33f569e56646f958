//! `dlvgate firewall close`: ends a `firewall open`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use nix::errno::Errno;
use tokio::time::Instant;

use crate::cli::test_hooks::TestHookArgs;
use crate::firewall::guard::journal::{GuardRecord, Journals, ProcessIdentity};
use crate::firewall::guard::terminate;
use crate::firewall::guard::wire::Purpose;
use crate::stdio;

/// How long closing may take: a few calls of pfctl or nft.
const LIMIT: Duration = Duration::from_secs(15);

/// How often it is looked whether it is closed.
const POLL: Duration = Duration::from_millis(20);

/// Close a port that `dlvgate firewall open` holds
///
/// Ends the process that holds the port, and waits until its rules are removed. A port of a
/// debugging session closes with the session. `dlvgate firewall sweep` closes what a killed guard
/// has left.
#[derive(Debug, Args)]
pub(super) struct CloseArgs {
    /// The port
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    #[command(flatten)]
    parts: TestHookArgs,
}

pub(super) async fn run(args: CloseArgs) -> anyhow::Result<ExitCode> {
    let (port, journals) = (args.port, args.parts.journals());
    let holders = holders(&journals, port)?;
    if holders.is_empty() {
        bail!("port {port} has no gate; `dlvgate firewall status` lists what is open");
    }
    for record in holders {
        if !record.is_of_these_processes() {
            bail!(
                "port {port} is held in another PID namespace, by process {} there: close it there",
                record.guard.pid
            );
        }
        if record.is_orphaned() {
            bail!(
                "the guard that opened port {port} was killed; `sudo dlvgate firewall sweep` closes what it left"
            );
        }
        if record.purpose != Some(Purpose::Open) {
            let proxy = record.proxy.map_or_else(|| "unknown".to_owned(), |proxy| proxy.pid.to_string());
            bail!(
                "port {port} is held by a debugging proxy, process {proxy}: end the session in its client, or that dlvgate in \
                 its terminal (Ctrl-C)"
            );
        }
        end(&record, port)?;
    }
    let deadline = Instant::now() + LIMIT;
    while !self::holders(&journals, port)?.is_empty() {
        if Instant::now() > deadline {
            bail!("port {port} is not closed after {} s; see `dlvgate firewall status`", LIMIT.as_secs());
        }
        tokio::time::sleep(POLL).await;
    }
    stdio::print(&format!("closed: port {port}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn holders(journals: &Journals, port: u16) -> anyhow::Result<Vec<GuardRecord>> {
    let found = journals.read().with_context(|| format!("cannot read {}", journals.folder().display()))?;
    let records = found.into_iter().filter_map(|found| found.record.ok());
    Ok(records
        .filter(|record| record.is_of_this_boot() && record.gates.iter().any(|gate| gate.port == port))
        .collect())
}

/// Root tells the guard, whose process id root itself has written; a user tells their own process,
/// if the one that is named is their own.
fn end(record: &GuardRecord, port: u16) -> anyhow::Result<()> {
    let own = nix::unistd::getuid().as_raw();
    let is_root = nix::unistd::geteuid().is_root();
    let (told, is_ours): (&ProcessIdentity, bool) = match &record.proxy {
        Some(proxy) if !is_root && proxy.is_users(own) => (proxy, true),
        _ => (&record.guard, is_root),
    };
    if !is_ours {
        bail!("port {port} is user {}'s: close it as that user, or with sudo", record.uid);
    }
    match terminate(told) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(Errno::EPERM) => {
            bail!("port {port} is user {}'s: close it as that user, or with sudo", record.uid)
        }
        Err(error) => Err(error).with_context(|| format!("cannot signal process {}", told.pid)),
    }
}
