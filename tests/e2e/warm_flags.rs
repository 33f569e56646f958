//! `--warm` where it means something, and where it does not.

use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;

const USAGE: i32 = 2;

/// Returns the message where these flags are refused.
fn refused(flags: &[&str], dlv_flags: &[&str]) -> String {
    let output = Serve::with(&Pair::any()).flags(flags).dlv_flags(dlv_flags).run();
    assert_eq!(output.status.code(), Some(USAGE), "{flags:?}");
    assert!(output.stdout.is_empty(), "{flags:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn impossible_warm_is_refused_with_a_remedy() {
    for (flags, dlv_flags, says) in [
        (&["--warm", "1", "--upstream", "127.0.0.1:9"][..], &[][..], "--upstream"),
        (&["--warm", "1", "--stdio"], &[], "--listen"),
        (&["--warm", "1"], &["exec", "./x"], "leave --warm out"),
        (&["--warm", "1"], &["exec", "./x", "--accept-multiclient"], "--accept-multiclient"),
        (&["--warm", "2", "--once"], &[], "--warm 1"),
        (&["--warm", "9"], &[], "8"),
        (&["--warm=-1"], &[], "--warm"),
        (&["--warm-idle", "0"], &[], "--warm-idle"),
    ] {
        let said = refused(flags, dlv_flags);
        assert!(said.contains("--warm") && said.contains(says), "{flags:?} {dlv_flags:?}: {said}");
    }
}

/// No dlv runs, and a client is served.
fn serves_without_a_spare(server: &Server) {
    server.nothing_left();
    let client = server.client().initialize();
    assert!(!server.log.transitions().iter().any(|one| one.name == "spare_ready"));
    Debug { client }.disconnect();
}

#[test]
fn a_variable_is_about_other_times() {
    let (pair, program) = (Pair::any(), Program::built(&Pair::any(), "demo"));
    let command = ["exec".as_ref(), program.binary.as_os_str()];
    let server = Serve::with(&pair).env("DLVGATE_WARM", "2").dlv_flags(command).start();
    serves_without_a_spare(&server);
}

#[test]
fn nothing_is_started_unasked() {
    serves_without_a_spare(&Serve::with(&Pair::any()).start());
    serves_without_a_spare(&Serve::with(&Pair::any()).flags(["--warm", "0"]).start());
}

#[test]
fn there_are_no_more_spares_than_sessions() {
    let server = Serve::with(&Pair::any()).env("DLVGATE_WARM", "3").flags(["--max-sessions", "1"]).start();
    server.log.wait_for("spare_ready", 1);
    let client = server.client().initialize();
    server.log.wait_for("spare_ready", 2);
    assert_eq!(server.dlvs().len(), 2, "the session's, and one for the next");
    Debug { client }.disconnect();
}
