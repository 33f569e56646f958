//! Lists the gates, their peers, age and owners: from the journals, and as root from the packet
//! filter too.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::backend::{BackendError, FirewallBackend, GateBackend as _, GateOwner, LoadedGate, Programs};
use super::guard::caller::policies;
use super::guard::journal::{FOLDER, GateRecord, GuardRecord, Journals, ProcessIdentity};
use super::guard::packet_filter::PacketFilter;
use super::guard::policy::{Allowance, POLICY};
use super::guard::wire::Purpose;
use super::pf::{self, TokenNotes};

/// Everything that is known.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The guards that hold something.
    pub guards: Vec<GuardStatus>,
    /// Journals that are not believed, and why.
    pub doubtful: Vec<String>,
    /// What users may open.
    pub policy: PolicyStatus,
    /// What the packet filter itself says; `None` if it was not asked.
    pub filter: Option<FilterStatus>,
}

/// Root's policy.
#[derive(Debug, Serialize)]
pub struct PolicyStatus {
    /// Its file.
    pub file: &'static str,
    /// By the user's name; who is not named may open what holds for everybody.
    pub users: BTreeMap<String, Allowance>,
    /// Why it is not obeyed, and no user's guard starts.
    pub refused: Option<String>,
}

/// One guard.
#[derive(Debug, Serialize)]
pub struct GuardStatus {
    /// The packet filter that it drives.
    pub backend: FirewallBackend,
    /// Its process.
    pub pid: u32,
    /// Whether it runs, or may run. What a dead one has left is for `sweep`.
    pub is_alive: bool,
    /// Whether its process id is of the namespace that we see; where not, it cannot be told whether
    /// it runs.
    pub is_told: bool,
    /// Whether its rules are in the network that we see.
    pub is_here: bool,
    /// The process whose gates they are.
    pub proxy: Option<u32>,
    /// What they are for.
    pub purpose: Option<Purpose>,
    /// The user whose gates they are.
    pub uid: u32,
    /// Its gates.
    pub gates: Vec<GateRecord>,
    /// Its enable token of pf.
    pub token: Option<u64>,
}

/// What the packet filter holds.
#[derive(Debug, Serialize)]
pub struct FilterStatus {
    /// Which.
    pub backend: FirewallBackend,
    /// Whether it filters anything: pf is enabled, a chain of nftables could drop.
    pub is_filtering: bool,
    /// Gates that no journal names.
    pub untold: Vec<Untold>,
    /// Gates in a journal whose rules are gone: they were flushed.
    pub missing: Vec<LoadedGate>,
    /// pf's enable tokens of others.
    pub other_tokens: Vec<u64>,
}

/// A gate that no journal names.
#[derive(Debug, Serialize)]
pub struct Untold {
    /// The gate, as its rules name it; `None`: they are not dlvgate's, and are where its own would
    /// be.
    #[serde(flatten)]
    pub gate: Option<LoadedGate>,
    /// Its anchor in pf.
    pub anchor: Option<String>,
}

/// Reads the journals.
///
/// # Errors
/// If their folder cannot be read.
pub fn from_journals(journals: &Journals) -> io::Result<Status> {
    let mut status = Status { guards: Vec::new(), doubtful: Vec::new(), policy: policy(), filter: None };
    for found in journals.read()? {
        match found.record {
            Ok(record) if record.is_of_this_boot() => status.guards.push(of(record)),
            Ok(_) => status.doubtful.push(format!("{}: from before the last boot", found.path.display())),
            Err(why) => status.doubtful.push(format!("{}: {why}", found.path.display())),
        }
    }
    Ok(status)
}

fn policy() -> PolicyStatus {
    let (users, refused) = match policies(Path::new(POLICY)) {
        Ok(policies) => (policies.users, None),
        Err(why) => (BTreeMap::new(), Some(why)),
    };
    PolicyStatus { file: POLICY, users, refused }
}

fn of(record: GuardRecord) -> GuardStatus {
    GuardStatus {
        backend: record.backend,
        pid: record.guard.pid,
        is_alive: !record.is_orphaned(),
        is_told: record.is_of_these_processes(),
        is_here: record.is_of_this_network(),
        proxy: record.proxy.map(|proxy| proxy.pid),
        purpose: record.purpose,
        uid: record.uid,
        gates: record.gates,
        token: record.token.and_then(|token| token.token),
    }
}

/// Reads the packet filter too, and compares.
///
/// # Errors
/// If it does not let us.
pub async fn from_filter(
    status: &mut Status,
    backend: FirewallBackend,
    programs: &Programs,
) -> Result<(), BackendError> {
    let owner = GateOwner { pid: std::process::id(), uid: nix::unistd::getuid().as_raw() };
    let filter = PacketFilter::new(backend, programs, owner, Arc::new(NoNotes));
    let is_filtering = filter.is_filtering().await?;
    let there: Vec<Untold> = match &filter {
        PacketFilter::Pf(pf) => {
            let of = |filled: pf::Filled| Untold { gate: filled.gate, anchor: Some(pf::anchor(filled.slot)) };
            pf.filled().await?.into_iter().map(of).collect()
        }
        PacketFilter::Nftables(nftables) => {
            let of = |gate| Untold { gate: Some(gate), anchor: None };
            nftables.loaded().await?.into_iter().map(of).collect()
        }
    };
    let loaded: BTreeSet<LoadedGate> = there.iter().filter_map(|one| one.gate).collect();
    let here = |guard: &&GuardStatus| guard.backend == backend && guard.is_here;
    let told: BTreeSet<LoadedGate> = status
        .guards
        .iter()
        .filter(here)
        .flat_map(|guard| guard.gates.iter().map(|gate| LoadedGate { pid: guard.pid, port: gate.port }))
        .collect();
    let own: BTreeSet<u64> = status.guards.iter().filter_map(|guard| guard.token).collect();
    let tokens = match &filter {
        PacketFilter::Pf(pf) => pf.tokens().await?,
        PacketFilter::Nftables(_) => Vec::new(),
    };
    status.filter = Some(FilterStatus {
        backend,
        is_filtering,
        untold: there.into_iter().filter(|one| one.gate.is_none_or(|gate| !told.contains(&gate))).collect(),
        missing: told.difference(&loaded).copied().collect(),
        other_tokens: tokens
            .into_iter()
            .map(|token| token.number)
            .filter(|token| !own.contains(token))
            .collect(),
    });
    Ok(())
}

/// Whether a process has the id in the gate's name: its guard may live, with journals elsewhere.
/// Then it is not to be removed by hand.
pub fn is_of_a_process(gate: &LoadedGate) -> bool {
    ProcessIdentity::now(gate.pid).is_some()
}

/// A status only reads, so it takes no token.
struct NoNotes;

impl TokenNotes for NoNotes {
    /// No gate is opened, so no slot is taken.
    fn folder(&self) -> &Path {
        Path::new(FOLDER)
    }

    fn taking(&self, _: u32) -> io::Result<()> {
        Err(io::Error::other("nothing is opened here"))
    }

    fn taken(&self, _: u32, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn released(&self) -> io::Result<()> {
        Ok(())
    }
}
