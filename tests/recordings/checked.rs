//! `dlvgate show --check` and the recorded sessions: the findings are what their client did
//! on purpose.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, build, exec};
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use serde_json::{Value, json};

use crate::scenarios;
use crate::theatre::fixture;

/// What the client of a session asks although it should not: session, dlv's version where only
/// there, rule.
const ON_PURPOSE: [(&str, &str, &str); 8] = [
    ("breakpoints", "dlv-1.20", "not-supported"), // hit conditions work there and are not offered
    ("data-breakpoint", "dlv-1.20", "not-supported"),
    ("disconnect-running", "", "while-running"),
    ("restart", "dlv-1.20", "not-supported"),
    ("wrong-requests", "", "not-supported"),
    ("wrong-requests", "", "unknown-frame"),
    ("wrong-requests", "", "unknown-variables"),
    ("wrong-requests", "", "unknown-thread"),
];

#[test]
fn recorded_sessions_break_rules_only_on_purpose() {
    for dlv in ["dlv-1.20", "dlv-1.27"] {
        for scenario in scenarios::all() {
            let file = fixture(dlv, &scenario);
            let (code, text) = check(&file);
            let findings =
                text.lines().filter(|line| line.starts_with("line ") && !line.contains("(known: "));
            let found: BTreeSet<&str> = findings.filter_map(|line| line.split(": ").nth(1)).collect();
            let is_meant = |(name, version, _): &&(&str, &str, &str)| {
                *name == scenario.name && (version.is_empty() || *version == dlv)
            };
            let expected: BTreeSet<&str> =
                ON_PURPOSE.iter().filter(is_meant).map(|(_, _, rule)| *rule).collect();
            assert_eq!(found, expected, "{}:\n{text}", file.display());
            assert_eq!(code, Some(i32::from(!expected.is_empty())), "{text}");
        }
    }
}

fn check(file: &Path) -> (Option<i32>, String) {
    let mut show = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    let output = show.args(["show", "--check"]).arg(file).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Records what a client does with a real dlv, and holds the rules against it.
fn checked(dlv: &Pair, play: impl FnOnce(Client)) -> (Option<i32>, String) {
    checked_with(Serve::with(dlv), play)
}

fn checked_with(serve: Serve, play: impl FnOnce(Client)) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().to_str().unwrap();
    let mut server = serve.flags(["--once", "--record", records]).start();
    play(server.client());
    server.exit();
    let mut files = std::fs::read_dir(folder.path()).unwrap();
    check(&files.next().expect("a recording").unwrap().path())
}

fn known(text: &str, rule: &str) -> bool {
    text.lines().any(|line| line.contains(&format!(": {rule}: ")) && line.contains("(known: "))
}

#[test]
fn restart_that_cannot_be_built_is_dlvs_own_way() {
    let Some(dlv) = Pair::find("dlv-1.27") else { return };
    let program = Program::source("demo");
    let (code, text) = checked(&dlv, |client| {
        let launch = build("debug", &program);
        let line = program.line("// breakpoint: order");
        let mut debug = Debug::begin(client, "launch", launch.clone(), &program.main(), &[line]);
        debug.stop("breakpoint");
        std::fs::write(program.main(), "package main\n\nfunc main() { nothing }\n").unwrap();
        debug.client.ok("restart", json!({"arguments": launch}));
        // The second answer has the same number, so that only its text can be waited for.
        debug.client.bytes(|bytes| String::from_utf8_lossy(bytes).contains("Failed to restart"));
        debug.client.ok("disconnect", json!({}));
        debug.client.eof();
    });
    assert!(known(&text, "answered-twice"), "{text}");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn odd_requests_are_shown_as_dlv_reads_them() {
    for dlv in ["dlv-1.20", "dlv-1.27"].into_iter().filter_map(Pair::find) {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().to_str().unwrap();
        let flags = ["--once", "--record", records, "--launch-override", "stopOnEntry=true"];
        let mut server = Serve::with(&dlv).flags(flags).start();
        let mut client = server.client();
        let body = [
            br#"{"Seq":0,"type":"request","COMMAND":"initialize","arguments":{"clientName":"one","adapterID":"go"},"#,
            &b"\"Arguments\":{\"clientName\":\"the \xff\",\"pathFormat\":\"path\",\"linesStartAt1\":true,"[..],
            b"\"columnsStartAt1\":true},\"x\":",
            &[b'['; 9_000],
            &[b']'; 9_000],
            b"}",
        ]
        .concat();
        client.raw(&[format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat());
        client.response(0);
        client.ok("disconnect", json!({}));
        server.exit();
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let (code, text) = check(&file);
        assert_eq!(code, Some(0), "{}: {text}", dlv.name);
        let show = Command::new(env!("CARGO_BIN_EXE_dlvgate")).arg("show").arg(&file).output().unwrap();
        let shown = String::from_utf8(show.stdout).unwrap();
        let line = shown.lines().find(|line| line.contains("initialize #0")).unwrap();
        assert!(line.contains("\"clientName\":\"the \u{fffd}\""), "{shown}");
        assert!(shown.contains("--launch-override stopOnEntry=true"), "{shown}");
    }
}

/// A dlv that serves several clients stays, and says goodbye with what it would have said at the
/// end.
#[test]
fn exit_code_after_disconnect_is_dlvs_own_way() {
    let Some(dlv) = Pair::find("dlv-1.27") else { return };
    let program = Program::built(&dlv, "exit3");
    let words = ["exec", program.binary.to_str().unwrap(), "--accept-multiclient"];
    let (code, text) = checked_with(Serve::with(&dlv).dlv_flags(words), |client| {
        let mut debug = Debug::begin(client, "attach", json!({"mode": "remote"}), &program.main(), &[]);
        debug.client.event("terminated");
        debug.client.ok("disconnect", json!({}));
        debug.client.eof();
    });
    assert!(text.contains("after-the-end: exited (known: "), "{text}");
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn ended_program_that_runs_on_ends_again() {
    for dlv in ["dlv-1.20", "dlv-1.27"].into_iter().filter_map(Pair::find) {
        let program = Program::built(&dlv, "exit3");
        let (_, text) = checked(&dlv, |client| {
            let mut debug = Debug::begin(client, "launch", exec(&program), &program.main(), &[]);
            debug.client.event("terminated");
            debug.client.ok("continue", json!({"threadId": 1}));
            debug.client.event("terminated");
            debug.client.ok("disconnect", json!({}));
            debug.client.eof();
        });
        assert!(known(&text, "terminated-twice"), "{text}");
        // The client's own fault stays a finding.
        assert!(text.contains("after-terminated: continue") && text.contains("\n1 finding(s)"), "{text}");
    }
}

#[test]
fn client_that_leaves_breaks_no_rule() {
    for dlv in ["dlv-1.20", "dlv-1.27"].into_iter().filter_map(Pair::find) {
        let program = Program::built(&dlv, "demo");
        let (code, text) = checked(&dlv, |client| {
            let (mut debug, _) = Debug::stopped_at(client, &program, "// breakpoint: order");
            debug.client.send("disconnect", json!({}));
            debug.client.raw(b"Content-Length: 90\r\n\r\n{\"se");
            debug.client.reset();
        });
        assert_eq!(code, Some(0), "{}: {text}", dlv.name);
    }
}

#[test]
fn threads_after_disconnect_are_a_known_race() {
    for dlv in ["dlv-1.20", "dlv-1.27"].into_iter().filter_map(Pair::find) {
        let program = Program::built(&dlv, "loop");
        let (code, text) = checked(&dlv, |client| {
            let mut debug = Debug::begin(client, "launch", exec(&program), &program.main(), &[]);
            let disconnect = debug.client.send("disconnect", json!({"terminateDebuggee": true}));
            debug.client.event("stopped");
            debug.client.send("threads", Value::Null);
            debug.client.response(disconnect);
            debug.client.eof();
        });
        // On a busy machine the session may be over before the client asks.
        assert_eq!(code, Some(0), "{}: {text}", dlv.name);
    }
}
