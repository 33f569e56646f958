use std::fs;

use super::*;

fn own() -> u32 {
    nix::unistd::getuid().as_raw()
}

/// A store in a folder of their own.
fn store() -> (tempfile::TempDir, JournalStore) {
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path().join("journals"));
    let store = JournalStore::open(journals, FirewallBackend::Pf, own()).unwrap();
    (folder, store)
}

/// Reads the journal on disk; `None`: there is none.
fn on_disk(store: &JournalStore) -> Option<GuardRecord> {
    let mut found = store.journals.read().unwrap();
    assert!(found.len() <= 1);
    found.pop().map(|found| found.record.unwrap())
}

/// The ports on disk, and whether each is shut.
fn ports(store: &JournalStore) -> Vec<(u16, bool)> {
    on_disk(store)
        .map_or_else(Vec::new, |record| record.gates.iter().map(|gate| (gate.port, gate.shut)).collect())
}

#[test]
fn process_of_another_user_is_not_noted() {
    let mut other = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = JournalStore::open(Journals::new(folder.path()), FirewallBackend::Pf, own() + 1).unwrap();
    store.proxy(other.id(), Purpose::Open);
    store.opening(40001, &[], &[]).unwrap();
    assert_eq!(on_disk(&store).unwrap().proxy, None);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn each_change_is_on_disk_when_its_call_returns() {
    let (_folder, store) = store();
    store.proxy(std::process::id(), Purpose::Open);
    assert!(on_disk(&store).is_none(), "who holds nothing has no journal");
    store.opening(40001, &["127.0.0.1".parse().unwrap()], &[]).unwrap();
    let record = on_disk(&store).unwrap();
    assert_eq!((record.gates[0].port, record.gates[0].peers.len(), record.uid), (40001, 1, own()));
    assert_eq!(record.proxy.map(|proxy| proxy.pid), Some(std::process::id()));
    assert_eq!(record.purpose, Some(Purpose::Open));
    store.opening(40002, &[], &[]).unwrap();
    store.shut(40002).unwrap();
    assert_eq!(ports(&store), [(40001, false), (40002, true)]);
    store.gone(40001).unwrap();
    assert_eq!(ports(&store), [(40002, true)]);
    store.gone(40002).unwrap();
    assert!(on_disk(&store).is_none());
}

#[test]
fn token_is_on_disk_as_long_as_it_is_held() {
    let (_folder, store) = store();
    let token = |store: &JournalStore| {
        on_disk(store).and_then(|record| record.token).map(|token| (token.pid, token.token))
    };
    store.taking(77).unwrap();
    assert_eq!(token(&store), Some((77, None)));
    store.taken(77, 4711).unwrap();
    assert_eq!(token(&store), Some((77, Some(4711))));
    store.released().unwrap();
    assert!(on_disk(&store).is_none());
}

#[test]
fn what_the_disk_does_not_take_has_not_happened() {
    let (_folder, store) = store();
    fs::remove_dir(store.journals.folder()).unwrap();
    assert!(store.opening(40001, &[], &[]).is_err());
    store.journals.prepare().unwrap();
    store.opening(40002, &[], &[]).unwrap();
    assert_eq!(ports(&store), [(40002, false)]);
}
