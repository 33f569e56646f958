//! Closing what guards that were killed have left.

use std::path::Path;

use super::journal::{self, GuardRecord, Journals, TokenRecord};
use super::wire::Leftover;
use crate::firewall::backend::{BackendError, FirewallBackend, GateBackend, LeftGates, LoadedGate};

/// Goes through the journals: closes the gates of dead guards, drops journals from before the last
/// boot, and reports corrupt and foreign ones without touching them. Also reports rules that no
/// journal names.
pub(super) async fn sweep(
    journals: &Journals,
    backend: FirewallBackend,
    gates: &impl GateBackend,
) -> Vec<Leftover> {
    // In this order: a guard writes its journal before it loads a rule.
    let loaded = gates.loaded().await;
    journals.remove_drafts();
    let found = match journals.read() {
        Ok(found) => found,
        Err(error) => {
            return vec![left(format!("{} cannot be read: {error}", journals.folder().display()))];
        }
    };
    let mut findings = Vec::new();
    let mut known: Vec<LoadedGate> = Vec::new();
    for found in found {
        let path = found.path.display();
        let record = match found.record {
            Ok(record) if record.backend == backend => record,
            Ok(record) => {
                let text = format!("the journal {path} is of {}, which is not driven here", record.backend);
                findings.push(left(text));
                continue;
            }
            Err(why) => {
                let text = format!(
                    "the journal {path} cannot be trusted: {why}. Look at it, close by hand what it names, and remove it"
                );
                findings.push(left(text));
                continue;
            }
        };
        let names = |record: &GuardRecord| {
            let pid = record.guard.pid;
            record.gates.iter().map(move |gate| LoadedGate { pid, port: gate.port }).collect::<Vec<_>>()
        };
        if !record.is_of_this_boot() {
            findings.extend(dropped(&found.path, "it is from before the last boot, which ended its rules"));
        } else if !record.is_of_this_network() {
            // Its rules are where we cannot see them; its own proxy's next start can.
        } else if !record.is_orphaned() {
            // it runs, or is of another PID namespace and cannot be told here
            known.extend(names(&record));
        } else {
            known.extend(names(&record));
            findings.push(close(gates, &record, &found.path).await);
        }
    }
    match untold(gates, loaded, &known).await {
        Ok(untold) => findings.extend(untold.iter().map(unknown)),
        Err(error) => findings.push(left(format!("the gates that are there cannot be listed: {error}"))),
    }
    findings
}

/// The gates that no journal names. One that its guard has removed meanwhile, with its journal,
/// is none.
async fn untold(
    gates: &impl GateBackend,
    loaded: Result<Vec<LoadedGate>, BackendError>,
    known: &[LoadedGate],
) -> Result<Vec<LoadedGate>, BackendError> {
    let mut untold = loaded?;
    untold.retain(|gate| !known.contains(gate));
    if !untold.is_empty() {
        let still = gates.loaded().await?;
        untold.retain(|gate| still.contains(gate));
    }
    Ok(untold)
}

async fn close(gates: &impl GateBackend, record: &GuardRecord, path: &Path) -> Leftover {
    let ports: Vec<String> = record.gates.iter().map(|gate| gate.port.to_string()).collect();
    let whose = format!("guard {}, which was killed, had left port {}", record.guard.pid, ports.join(", "));
    let token = record.token.as_ref().map(|TokenRecord { pid, token }| (*pid, *token));
    let ports = record.gates.iter().map(|gate| gate.port).collect();
    match gates.sweep(&LeftGates { pid: record.guard.pid, ports, token }).await {
        Err(error) => left(format!("{whose}, and it cannot be closed: {error}")),
        Ok(()) => match journal::remove(path) {
            Ok(()) => Leftover { text: format!("{whose}: closed"), is_left: false },
            Err(error) => left(format!("{whose}: closed, but {} cannot be removed: {error}", path.display())),
        },
    }
}

fn dropped(path: &Path, why: &str) -> Option<Leftover> {
    let text = format!("dropped the journal {}: {why}", path.display());
    Some(match journal::remove(path) {
        Ok(()) => Leftover { text, is_left: false },
        Err(error) => left(format!("{} cannot be removed: {error}", path.display())),
    })
}

fn unknown(gate: &LoadedGate) -> Leftover {
    let LoadedGate { pid, port } = gate;
    left(format!(
        "there are rules named after guard {pid} for port {port}, and no journal names them; `dlvgate firewall status` \
         says how to remove them"
    ))
}

fn left(text: String) -> Leftover {
    Leftover { text, is_left: true }
}

#[cfg(test)]
mod tests;
