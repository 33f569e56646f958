use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Mutex;

use serde_json::Value;

use super::*;
use crate::firewall::Peer;
use crate::firewall::backend::GateOpenError;

/// A packet filter that has these gates, the first time that it is asked and later; and what was
/// swept.
struct Filter {
    loaded: Mutex<[Vec<LoadedGate>; 2]>,
    swept: Mutex<Vec<(u32, Vec<u16>)>>,
}

impl Filter {
    fn with(first: &[(u32, u16)], later: &[(u32, u16)]) -> Filter {
        let gates =
            |gates: &[(u32, u16)]| gates.iter().map(|&(pid, port)| LoadedGate { pid, port }).collect();
        Filter { loaded: Mutex::new([gates(first), gates(later)]), swept: Mutex::default() }
    }
}

/// A sweep asks for nothing else.
const NOTHING_ELSE: &str = "only the guard itself does this";

impl GateBackend for Filter {
    async fn open(&self, _: u16, _: &[Peer], _: &[IpAddr]) -> Result<(), GateOpenError> {
        panic!("{NOTHING_ELSE}")
    }

    async fn shut(&self, _: u16) -> Result<(), BackendError> {
        panic!("{NOTHING_ELSE}")
    }

    async fn remove(&self, _: u16) -> Result<(), BackendError> {
        panic!("{NOTHING_ELSE}")
    }

    async fn is_filtering(&self) -> Result<bool, BackendError> {
        panic!("{NOTHING_ELSE}")
    }

    async fn check(&self) -> Result<(), BackendError> {
        panic!("{NOTHING_ELSE}")
    }

    async fn loaded(&self) -> Result<Vec<LoadedGate>, BackendError> {
        let mut loaded = self.loaded.lock().unwrap();
        let later = loaded[1].clone();
        Ok(std::mem::replace(&mut loaded[0], later))
    }

    async fn sweep(&self, left: &LeftGates) -> Result<(), BackendError> {
        self.swept.lock().unwrap().push((left.pid, left.ports.clone()));
        Ok(())
    }
}

fn swept(journals: &Journals, filter: &Filter) -> Vec<Leftover> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(sweep(journals, FirewallBackend::Pf, filter))
}

#[test]
fn only_dead_guards_of_this_boot_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path());
    let write = |pid: u32, change: &dyn Fn(&mut Value)| {
        let mut record = GuardRecord::begin(FirewallBackend::Pf, 501).unwrap();
        record.open(40001, Vec::new(), Vec::new());
        let mut value = serde_json::to_value(record).unwrap();
        value["guard"]["pid"] = pid.into();
        change(&mut value);
        std::fs::write(folder.path().join(format!("{pid}.json")), value.to_string()).unwrap();
    };
    let alive = std::process::id();
    write(alive, &|_| {});
    write(4_000_001, &|_| {});
    write(4_000_002, &|value| value["boot"] = "another".into());
    write(4_000_003, &|value| value["network"] = "another".into());
    write(4_000_004, &|value| value["backend"] = "nftables".into());
    std::fs::write(folder.path().join("4000005.json"), "{").unwrap();
    let gates = [(alive, 40001), (4_000_001, 40001), (7, 9)];
    let filter = Filter::with(&gates, &gates);
    let found = swept(&journals, &filter);
    assert_eq!(*filter.swept.lock().unwrap(), [(4_000_001, vec![40001])]);
    let left: Vec<&str> = found.iter().filter(|one| one.is_left).map(|one| one.text.as_str()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left[0].contains("nftables") && left[1].contains("corrupt") && left[2].contains("guard 7"));
    let pid_of = |path: &Path| path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let there: BTreeSet<u32> = journals.read().unwrap().iter().map(|one| pid_of(&one.path)).collect();
    assert_eq!(there, [alive, 4_000_003, 4_000_004, 4_000_005].into(), "{found:?}");
}

#[test]
fn gate_removed_meanwhile_is_not_reported_left() {
    let folder = tempfile::tempdir().unwrap();
    let found = swept(&Journals::new(folder.path()), &Filter::with(&[(7, 9)], &[]));
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn draft_of_a_killed_guard_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path());
    let draft = journals.draft(4_000_006);
    let of_another_namespace = folder.path().join(".4000006-1.new");
    for path in [&draft, &of_another_namespace] {
        std::fs::write(path, "{").unwrap();
    }
    assert!(swept(&journals, &Filter::with(&[], &[])).is_empty());
    assert!(!draft.exists() && of_another_namespace.exists());
}

#[test]
fn guard_of_another_pid_namespace_is_not_swept() {
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path());
    let mut record = GuardRecord::begin(FirewallBackend::Pf, 501).unwrap();
    record.guard.pid = 4_000_007; // no process here has it
    record.open(40001, Vec::new(), Vec::new());
    record.put_into_another_pid_namespace();
    journals.write(&record).unwrap();
    let filter = Filter::with(&[(4_000_007, 40001)], &[]);
    let found = swept(&journals, &filter);
    assert!(found.is_empty(), "{found:?}");
    assert!(filter.swept.lock().unwrap().is_empty());
    assert_eq!(journals.read().unwrap().len(), 1);
}
