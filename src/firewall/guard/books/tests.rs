use std::fs;

use super::*;

fn own() -> u32 {
    nix::unistd::getuid().as_raw()
}

/// Books in a folder of their own.
fn books() -> (tempfile::TempDir, Books) {
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path().join("journals"));
    let books = Books::open(journals, Backend::Pf, own()).unwrap();
    (folder, books)
}

/// Reads the journal on disk; `None`: there is none.
fn on_disk(books: &Books) -> Option<Record> {
    let mut found = books.journals.read().unwrap();
    assert!(found.len() <= 1);
    found.pop().map(|found| found.record.unwrap())
}

/// The ports on disk, and whether each is shut.
fn ports(books: &Books) -> Vec<(u16, bool)> {
    on_disk(books)
        .map_or_else(Vec::new, |record| record.gates.iter().map(|gate| (gate.port, gate.shut)).collect())
}

#[test]
fn process_of_another_user_is_not_noted() {
    let mut other = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let books = Books::open(Journals::new(folder.path()), Backend::Pf, own() + 1).unwrap();
    books.proxy(other.id(), Purpose::Open);
    books.opening(40001, &[], &[]).unwrap();
    assert_eq!(on_disk(&books).unwrap().proxy, None);
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn each_change_is_on_disk_when_its_call_returns() {
    let (_folder, books) = books();
    books.proxy(std::process::id(), Purpose::Open);
    assert!(on_disk(&books).is_none(), "who holds nothing has no journal");
    books.opening(40001, &["127.0.0.1".parse().unwrap()], &[]).unwrap();
    let record = on_disk(&books).unwrap();
    assert_eq!((record.gates[0].port, record.gates[0].peers.len(), record.uid), (40001, 1, own()));
    assert_eq!(record.proxy.map(|proxy| proxy.pid), Some(std::process::id()));
    assert_eq!(record.purpose, Some(Purpose::Open));
    books.opening(40002, &[], &[]).unwrap();
    books.shut(40002).unwrap();
    assert_eq!(ports(&books), [(40001, false), (40002, true)]);
    books.gone(40001).unwrap();
    assert_eq!(ports(&books), [(40002, true)]);
    books.gone(40002).unwrap();
    assert!(on_disk(&books).is_none());
}

#[test]
fn token_is_on_disk_as_long_as_it_is_held() {
    let (_folder, books) = books();
    let token =
        |books: &Books| on_disk(books).and_then(|record| record.token).map(|token| (token.pid, token.token));
    books.taking(77).unwrap();
    assert_eq!(token(&books), Some((77, None)));
    books.taken(77, 4711).unwrap();
    assert_eq!(token(&books), Some((77, Some(4711))));
    books.released().unwrap();
    assert!(on_disk(&books).is_none());
}

#[test]
fn what_the_disk_does_not_take_has_not_happened() {
    let (_folder, books) = books();
    fs::remove_dir(books.journals.folder()).unwrap();
    assert!(books.opening(40001, &[], &[]).is_err());
    books.journals.prepare().unwrap();
    books.opening(40002, &[], &[]).unwrap();
    assert_eq!(ports(&books), [(40002, false)]);
}
