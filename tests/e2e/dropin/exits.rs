//! How a dlv ends that dlvgate runs: as dlv does, and with nothing left.

use std::os::unix::fs::symlink;

use dlvgate_test_support::dropin::{Dlv, Running, Which};
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::process;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll, script};
use nix::sys::signal::Signal;
use serde_json::json;

for_every_dlv!(
    a_signal_ends_it_as_it_ends_dlv,
    a_hangup_leaves_nothing,
    killing_us_leaves_nothing,
    killing_dlv_leaves_nothing_and_is_seen,
    a_signal_while_it_builds_leaves_nothing,
);

/// A headless dlv with a client, stopped in a program that it has built.
fn stopped(dlv: &Pair, which: Which, program: &Program) -> (Running, Rpc) {
    let words = ["debug", "--headless", "--api-version=2", "--accept-multiclient"];
    let running = Dlv::new(dlv, which).folder(&program.folder).args(words).start();
    let mut client = Rpc::connect(running.ready());
    client.break_at(&program.main(), program.line("// breakpoint: tick"));
    client.run();
    (running, client)
}

fn a_signal_ends_it_as_it_ends_dlv(dlv: &Pair) {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut seen = Vec::new();
        for which in [Which::Real, Which::Command] {
            let program = Program::source("loop");
            let (mut running, _client) = stopped(dlv, which, &program);
            running.signal(signal);
            seen.push(running.ended().status);
            running.nothing_left();
            program.assert_no_binary();
        }
        assert_eq!(seen[0], seen[1], "{signal}");
    }
}

/// dlv itself would leave its binary, and a running program.
fn a_hangup_leaves_nothing(dlv: &Pair) {
    let program = Program::source("loop");
    let (mut running, _client) = stopped(dlv, Which::Command, &program);
    running.signal(Signal::SIGHUP);
    assert_eq!(running.ended().status.code(), Some(0));
    running.nothing_left();
    program.assert_no_binary();
}

fn killing_us_leaves_nothing(dlv: &Pair) {
    let program = Program::source("loop");
    let (mut running, _client) = stopped(dlv, Which::Command, &program);
    running.signal(Signal::SIGKILL);
    running.ended();
    running.nothing_left();
    program.assert_no_binary();
}

fn killing_dlv_leaves_nothing_and_is_seen(dlv: &Pair) {
    use std::os::unix::process::ExitStatusExt;
    let program = Program::source("loop");
    let (mut running, mut client) = stopped(dlv, Which::Command, &program);
    client.call("ClearBreakpoint", json!({"Id": 1}));
    let pending = client.send("Command", json!({"name": "continue"}));
    let running_program = || {
        running
            .others()
            .into_iter()
            .any(|one| one.exe.to_string_lossy().contains("__debug_bin") && one.state != 't')
    };
    poll(PATIENCE, || running_program().then_some(())).expect("it runs");
    running.dlv().signal(Signal::SIGKILL);
    let answer = client.answer(pending);
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("dlvgate")), "{answer}");
    client.eof();
    assert_eq!(running.ended().status.signal(), Some(9), "as dlv ended");
    running.nothing_left();
    program.assert_no_binary();
}

fn a_signal_while_it_builds_leaves_nothing(dlv: &Pair) {
    let program = Program::source("loop");
    let mut running =
        Dlv::new(dlv, Which::Command).folder(&program.folder).args(["debug", "--headless"]).start();
    let builds = || running.others().iter().any(|one| one.arguments.iter().any(|word| word == "build"));
    poll(PATIENCE, || builds().then_some(())).expect("it builds");
    running.signal(Signal::SIGTERM);
    running.ended();
    running.nothing_left();
    program.assert_no_binary();
}

#[test]
fn our_own_link_first_in_path_is_passed_over() {
    let dlv = Pair::any();
    let folder = tempfile::tempdir().unwrap();
    symlink(env!("CARGO_BIN_EXE_dlvgate"), folder.path().join("dlv")).unwrap();
    let real = dlv.dlv.parent().unwrap();
    let path = std::env::join_paths([folder.path(), real]).unwrap();
    for which in [Which::Command, Which::Link] {
        let mut start = Dlv::new(&dlv, which).args(["version"]).env("PATH", &path);
        start.command.env_remove("DLVGATE_DLV");
        let ended = start.start().ended();
        assert!(ended.status.success() && ended.stdout.starts_with("Delve Debugger"), "{ended:?}");
    }
}

#[test]
fn a_dlv_that_is_dlvgate_is_refused_with_the_remedy() {
    let dlv = Pair::any();
    for words in [&["version"][..], &["dap"]] {
        let start = Dlv::new(&dlv, Which::Link).args(words);
        let link = start.file("dlv");
        let ended = start.env("DLVGATE_DLV", link).start().ended();
        assert_eq!(ended.status.code(), Some(1));
        assert!(
            ended.stderr.contains("dlvgate itself") && ended.stderr.contains("DLVGATE_DLV"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn a_script_that_calls_us_for_ever_is_noticed() {
    let dlv = Pair::any();
    let script = FakeDlv::new("");
    let loop_ = format!("#!/bin/sh\nexec '{}' dlv \"$@\"\n", env!("CARGO_BIN_EXE_dlvgate"));
    script::write(&script.path, &loop_);
    let ended =
        Dlv::new(&dlv, Which::Command).args(["version"]).env("DLVGATE_DLV", &script.path).start().ended();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("again and again"), "{}", ended.stderr);
}

#[test]
fn unusable_variable_is_named_before_listening() {
    let start = Dlv::new(&Pair::any(), Which::Command).args(["dap"]).env("DLVGATE_FIREWALL", "ipfw");
    let ended = start.start().ended();
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("ipfw") && ended.stderr.contains("nftables"), "{}", ended.stderr);
}

#[test]
fn no_dlv_at_all_is_said_with_the_remedy() {
    let mut start = Dlv::new(&Pair::any(), Which::Command).args(["version"]);
    start.command.env_remove("DLVGATE_DLV").env("PATH", "/nonexistent").env("HOME", "/nonexistent");
    start.command.env_remove("GOPATH").env_remove("GOBIN");
    let ended = start.start().ended();
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("go install"), "{}", ended.stderr);
}

/// An exec'd dlv is our own process.
#[test]
fn command_that_does_not_listen_passes_unchanged() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let mut start = Dlv::new(&dlv, Which::Command).args(["exec", binary, "--allow-non-terminal-interactive"]);
    start.command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    start.command.stderr(std::process::Stdio::piped());
    let mut running = start.start_as_it_is();
    poll(PATIENCE, || running.stdout.text().contains("(dlv)").then_some(())).expect("a prompt");
    let pid = i32::try_from(running.child.id()).unwrap();
    let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert_eq!(exe, dlv.dlv.canonicalize().unwrap());
    assert!(process::children(pid).len() <= 1, "the program, and nothing else");
    drop(running.child.stdin.take());
    running.ended();
}
