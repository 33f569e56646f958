//! The guard's requests: whatever is said, it opens no port of the system's for a user, no more
//! gates and peers than it may, none that its journal does not name first, and leaves none open.
#![no_main]

use std::cell::RefCell;

use dlvgate::firewall::guard::fuzzing::serve;
use dlvgate::firewall::guard::journal::Journals;
use dlvgate::firewall::guard::wire::{MAX_GATES, MAX_PEERS, Operation, VERSION, parse};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use tokio::runtime::Runtime;

thread_local! {
    /// One for all runs; no time passes but where the guard waits.
    static STAGE: RefCell<Option<(Runtime, TempDir)>> = RefCell::new(stage());
}

/// The journals are in memory where that can be: they are synced to disk.
fn stage() -> Option<(Runtime, TempDir)> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().ok()?;
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).ok()?;
    Some((runtime, folder))
}

fuzz_target!(|input: &[u8]| {
    let Some((&[user, refusals], said)) = input.split_first_chunk::<2>() else { return };
    let uid = if user & 1 == 0 { 1000 } else { 0 };
    // None, or some of the calls fail.
    let refusals = if refusals < 128 { 0 } else { u64::from(refusals).wrapping_mul(0x9e37_79b9_7f4a_7c15) };
    let served = STAGE.with_borrow(|stage| {
        let (runtime, folder) = stage.as_ref().expect("a runtime and a folder");
        let journals = folder.path().join("journals");
        // What a run could not close stays in its journal.
        let _ = std::fs::remove_dir_all(&journals);
        runtime.block_on(serve(uid, Journals::new(journals), said, refusals))
    });
    let served = served.expect("journals");
    let noted = &served.noted;
    for &(port, peers) in &noted.opened {
        assert!(port >= 1024 || (uid == 0 && port > 0), "port {port} was opened for user {uid}");
        assert!(peers <= MAX_PEERS, "{peers} peers");
    }
    assert!(noted.most <= MAX_GATES, "{} gates at once", noted.most);
    assert_eq!(noted.unwritten, None, "opened before it was in the journal");
    assert_eq!(noted.open.is_empty(), served.left.is_empty(), "{noted:?}, {:?}", served.left);
    assert_eq!(served.journals, usize::from(!served.left.is_empty()), "what is left is in the journal");
    if !noted.opened.is_empty() {
        let is_hello = |line: &[u8]| {
            parse(line)
                .is_ok_and(|request| matches!(request.operation, Operation::Hello { version: VERSION, .. }))
        };
        assert!(said.split(|byte| *byte == b'\n').any(is_hello), "opened without a hello");
    }
    let replies = served.replies.iter().filter(|byte| **byte == b'\n').count();
    let lines = said.iter().filter(|byte| **byte == b'\n').count();
    assert!(replies <= lines + 2, "{replies} replies to {lines} lines");
});
