//! What must not stay: processes, ports, rules, tokens, journals, files. And what stays must be
//! readable.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use dlvgate_test_support::PATIENCE;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::paths;
use dlvgate_test_support::poll;
use dlvgate_test_support::process::debug_binaries;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;

use super::cell::Fate;
use super::fault::Fault;
use super::stage::Stage;
use super::step::Step;

/// When the last of it was gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Gone {
    /// With the session, or with the server where that ended.
    Now,
    /// Rules or journals with the server.
    WithTheServer,
    /// Rules or journals with the next start of dlvgate.
    WithTheNextStart,
}

/// Checks the cell against its promise, and returns when the last was gone.
pub fn nothing_stays(stage: &mut Stage) -> Gone {
    let gone = match stage.cell.fate() {
        Fate::ServesOn => serves_on(stage),
        fate => ends(stage, fate),
    };
    recordings_can_be_read(stage);
    gone
}

/// The server lives: it serves the next client, and ends as asked.
fn serves_on(stage: &mut Stage) -> Gone {
    let cell = stage.cell;
    assert!(stage.server.status().is_none(), "{cell:?}: the server has ended");
    nothing_left(stage);
    let mut gone = if stage.pf.left().is_some() { Gone::WithTheServer } else { Gone::Now };
    let before = stage.server.log.sessions_with("closed").len();
    Debug::begin_quietly(stage.server.client()).disconnect();
    stage.server.log.wait_for("closed", before + 1);
    nothing_left(stage);
    stage.server.signal(Signal::SIGTERM);
    let status = ended(stage);
    assert_eq!(status.code(), Some(0), "{cell:?}: after SIGTERM");
    if gone == Gone::WithTheServer && stage.pf.left().is_some() {
        next_start(stage);
        gone = Gone::WithTheNextStart;
    }
    swept(stage);
    gone
}

/// No process, no port but the front, no built binary, and at once.
fn nothing_left(stage: &Stage) {
    let server = &stage.server;
    if stage.recordings.is_none() {
        return server.nothing_left();
    }
    // `dlv version` and `go version`, which a server's first recording wants to know, are no
    // session's, and may take their time.
    let is_clean = || {
        let nothing = server.children().is_empty() && debug_binaries(server.folder()).is_empty();
        (nothing && server.ports() == [server.front().port()]).then_some(())
    };
    assert!(poll(PATIENCE, is_clean).is_some(), "{:?}: left: {:#?}", stage.cell, server.children());
}

/// The server ends by itself, and as it should.
fn ends(stage: &mut Stage, fate: Fate) -> Gone {
    let cell = stage.cell;
    let status = ended(stage);
    let is = match (status.code(), ExitStatusExt::signal(&status)) {
        (Some(code), _) => Fate::Exits(code),
        (None, signal) => Fate::Dies(Signal::try_from(signal.unwrap_or_default()).expect("a signal")),
    };
    assert_eq!(is, fate, "{cell:?}");
    let mut gone = Gone::Now;
    if fate == Fate::Exits(1) && stage.pf.left().is_some() {
        next_start(stage);
        gone = Gone::WithTheNextStart;
    }
    swept(stage);
    gone
}

/// Waits for the end of the server and of all that it started.
fn ended(stage: &mut Stage) -> ExitStatus {
    let status = poll(PATIENCE, || stage.server.status());
    status.unwrap_or_else(|| panic!("{:?}: the server does not end", stage.cell))
}

/// A dlvgate that is started with the same packet filter, and asked to end.
fn next_start(stage: &Stage) {
    let mut next = stage.pf.serve(&Pair::any()).start();
    assert_eq!(stage.pf.left(), None, "{:?}: the next start closes it before it serves", stage.cell);
    next.signal(Signal::SIGTERM);
    assert_eq!(next.exit().code(), Some(0));
}

/// Nothing at all. Of a server that was killed, its guard and its dlv have yet to end.
fn swept(stage: &mut Stage) {
    let what = || {
        let processes = stage.server.processes();
        if !processes.is_empty() {
            return Some(format!("{processes:?}"));
        }
        stage.pf.left()
    };
    let mut last = None;
    let gone = poll(PATIENCE, || {
        last = what();
        last.is_none().then_some(())
    });
    assert!(gone.is_some(), "{:?}: left: {last:?}", stage.cell);
    let was_killed = stage.server.status().and_then(|status| ExitStatusExt::signal(&status)).is_some();
    if was_killed {
        // Its control socket is removed by the next start, and by who asks for servers.
        let mut ps = Command::new(paths::dlvgate());
        ps.arg("ps").env("TMPDIR", stage.server.folder()).env_remove("XDG_RUNTIME_DIR");
        assert!(ps.output().expect("it runs").status.success());
    }
    let files = files(stage.server.folder());
    assert!(
        files.is_empty() && debug_binaries(stage.server.folder()).is_empty(),
        "{:?}: {files:?}",
        stage.cell
    );
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Whole or not, each can be shown.
fn recordings_can_be_read(stage: &Stage) {
    let Some(folder) = &stage.recordings else { return };
    let has_some = matches!(stage.cell.fault, Fault::ClientGone | Fault::DlvKilled | Fault::Sigterm);
    assert!(!has_some || stage.cell.step == Step::Connect || !files(folder).is_empty(), "{:?}", stage.cell);
    for name in files(folder) {
        let file = folder.join(&name);
        // One whose server was killed before it had written a byte says nothing.
        if fs::metadata(&file).is_ok_and(|file| file.len() == 0) {
            continue;
        }
        let shown = Command::new(env!("CARGO_BIN_EXE_dlvgate")).arg("show").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&shown.stderr);
        assert!(shown.status.success(), "{:?}: {name} cannot be read: {said}", stage.cell);
    }
}
