use super::*;
use crate::firewall::Peer;

fn journals() -> (tempfile::TempDir, Journals) {
    let folder = tempfile::tempdir().unwrap();
    let journals = Journals::new(folder.path().join("dlvgate"));
    journals.prepare().unwrap();
    (folder, journals)
}

fn record() -> GuardRecord {
    let mut record = GuardRecord::begin(FirewallBackend::Pf, 501).unwrap();
    record.open(
        40001,
        vec!["127.0.0.1".parse().unwrap(), "fe80::1%en0".parse().unwrap()],
        vec!["127.0.0.1".parse().unwrap()],
    );
    record
}

fn why(journals: &Journals) -> String {
    journals.read().unwrap().remove(0).record.unwrap_err()
}

#[test]
fn journal_reads_back_and_empty_record_has_no_file() {
    let (_folder, journals) = journals();
    let mut record = record();
    journals.write(&record).unwrap();
    let found = journals.read().unwrap();
    let read = found[0].record.as_ref().unwrap();
    assert_eq!((found.len(), read.gates[0].port, read.gates[0].peers.len()), (1, 40001, 2));
    assert!(read.guard.is_alive() && read.is_of_this_boot() && read.is_of_this_network());
    record.gates.clear();
    journals.write(&record).unwrap();
    assert!(journals.read().unwrap().is_empty());
    assert_eq!(fs::read_dir(journals.folder()).unwrap().count(), 0);
}

#[test]
fn journal_without_addresses_is_of_a_gate_at_all() {
    let (_folder, journals) = journals();
    journals.write(&record()).unwrap();
    let path = journals.read().unwrap().remove(0).path;
    let text = fs::read_to_string(&path).unwrap();
    let older = text.replace("\"at\":[\"127.0.0.1\"],", "");
    assert_ne!(older, text);
    let at = |text: &str| believed(&path, text.as_bytes()).unwrap().gates.remove(0).at;
    assert_eq!((at(&text).len(), at(&older).len()), (1, 0));
}

#[test]
fn pending_token_keeps_the_journal() {
    let (_folder, journals) = journals();
    let mut record = record();
    record.gates.clear();
    record.token = Some(TokenRecord { pid: 77, token: None });
    journals.write(&record).unwrap();
    assert_eq!(journals.read().unwrap()[0].record.as_ref().unwrap().token.as_ref().unwrap().pid, 77);
}

#[test]
fn journal_of_another_pid_namespace_is_kept() {
    let (_folder, journals) = journals();
    let mut theirs = record();
    theirs.put_into_another_pid_namespace();
    journals.write(&theirs).unwrap();
    assert!(!theirs.is_of_these_processes() && !theirs.is_orphaned());
    let refused = journals.write(&record()).unwrap_err();
    assert!(refused.to_string().contains("another PID namespace"), "{refused}");
    assert_eq!(journals.read().unwrap().len(), 1);
}

#[test]
fn process_of_another_user_is_not_taken_for_ones_own() {
    let own = nix::unistd::getuid().as_raw();
    let pid = std::process::id();
    assert_eq!(ProcessIdentity::of_user(pid, own).map(|process| process.pid), Some(pid));
    assert!(ProcessIdentity::of_user(pid, own + 1).is_none());
    let process = ProcessIdentity::now(pid).unwrap();
    assert!(process.is_users(own) && !process.is_users(own + 1));
}

#[test]
fn a_corrupt_or_foreign_journal_is_not_believed() {
    let (_folder, journals) = journals();
    let path = journals.folder().join(format!("{}.json", std::process::id()));
    let whole = serde_json::to_string(&record()).unwrap();
    for (text, word) in [
        (whole[..whole.len() / 2].to_owned(), "corrupt"),
        (whole.replace("40001", "\"com.apple\""), "corrupt"),
        (whole.replace("\"uid\"", "\"anchor\":\"x\",\"uid\""), "corrupt"),
        (whole.replace("\"version\":1", "\"version\":9"), "version 9"),
        (whole.replace(&format!("\"pid\":{}", std::process::id()), "\"pid\":1"), "another's"),
        (String::new(), "corrupt"),
    ] {
        fs::write(&path, &text).unwrap();
        assert!(why(&journals).contains(word), "{text}: {}", why(&journals));
    }
}

#[test]
fn what_another_user_could_have_written_is_not_read() {
    let (folder, journals) = journals();
    journals.write(&record()).unwrap();
    let path = journals.read().unwrap().remove(0).path;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(why(&journals).contains("other users may write"), "{}", why(&journals));
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert!(why(&journals).contains("no file"));
    fs::set_permissions(journals.folder(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(journals.prepare().is_err());
}

#[test]
fn a_process_that_was_started_later_is_another() {
    let mut process = ProcessIdentity::now(std::process::id()).unwrap();
    assert!(process.is_alive());
    process.started.push('0');
    assert!(!process.is_alive());
}

#[test]
fn existing_folder_is_taken_and_a_file_refused() {
    let (folder, journals) = journals();
    journals.prepare().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let wrong = Journals::new(&file);
    assert!(wrong.prepare().unwrap_err().to_string().contains("not a folder"));
    assert!(wrong.read().is_err(), "it cannot be said that there is none");
    assert!(remove(folder.path()).is_err(), "what is there still is not gone");
    remove(&folder.path().join("none")).unwrap();
}

#[test]
fn largest_journal_is_read_and_a_larger_one_refused() {
    let (_folder, journals) = journals();
    let mut record = record();
    let peers: Vec<Peer> =
        (0..64).map(|peer| format!("2001:db8:1111:2222::{peer}").parse().unwrap()).collect();
    for port in 40002..40065 {
        record.open(port, peers.clone(), vec!["2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap(); 8]);
    }
    journals.write(&record).unwrap();
    let path = journals.read().unwrap().remove(0).path;
    let length = path.metadata().unwrap().len();
    assert!(journals.read().unwrap()[0].record.is_ok() && length > 64 * 1024, "{length} bytes");
    for (length, word) in [(SIZE_LIMIT, "corrupt"), (SIZE_LIMIT + 1, "larger than")] {
        fs::write(&path, " ".repeat(length as usize)).unwrap();
        assert!(why(&journals).contains(word), "{}", why(&journals));
    }
}

/// Only root can give a file to another user.
#[test]
fn what_belongs_to_another_user_is_not_read() {
    let (_folder, journals) = journals();
    journals.write(&record()).unwrap();
    let path = journals.read().unwrap().remove(0).path;
    if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
        assert!(why(&journals).contains("user 65534"), "{}", why(&journals));
    }
}

#[test]
fn a_draft_goes_with_its_guard_and_not_before() {
    let (_folder, journals) = journals();
    let (ours, dead) = (draft(std::process::id()), draft(4_000_000_001));
    for name in [&ours, &dead] {
        fs::write(journals.folder().join(name), "{").unwrap();
    }
    journals.remove_drafts();
    assert!(journals.folder().join(ours).exists() && !journals.folder().join(dead).exists());
}
