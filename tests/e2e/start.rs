//! Starting the server: what it refuses, and what it says first.

use std::process::{Command, Output};

use dlvgate_test_support::client::End;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, paths, poll};

const USAGE: i32 = 2;

fn run(flags: &[&str]) -> Output {
    Serve::with(&Pair::any()).flags(flags).run()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn open_front_without_allow_is_refused() {
    for address in ["0.0.0.0:0", ":0", "[::]:0"] {
        let output = run(&["--listen", address]);
        assert_eq!(output.status.code(), Some(USAGE), "{address}");
        assert!(output.stdout.is_empty(), "no ready line: {:?}", String::from_utf8_lossy(&output.stdout));
        let why = stderr(&output);
        assert!(why.contains("--allow") && why.contains("loopback"), "{address}: {why}");
    }
}

#[test]
fn wrong_flags_end_with_usage() {
    let wrong: [&[&str]; 8] = [
        &["--no-such-flag"],
        &["--listen", "nonsense"],
        &["--listen", "127.0.0.1:99999"],
        &["--dlv-port", "70000"],
        &["--dlv-port", "9-5"],
        &["--firewall", "perhaps"],
        &["--allow", "not/a/network"],
        &["--max-sessions", "0"],
    ];
    for flags in wrong {
        let output = run(flags);
        assert_eq!(output.status.code(), Some(USAGE), "{flags:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{flags:?}");
        let named = flags.iter().any(|flag| stderr(&output).contains(flag));
        assert!(named, "{flags:?} is not named in {}", stderr(&output));
    }
}

#[test]
fn a_front_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn a_front_for_others_takes_who_is_allowed() {
    let pair = Pair::any();
    let server = Serve::with(&pair).flags(["--listen", "0.0.0.0:0", "--allow", "127.0.0.0/8"]).start();
    assert!(server.front().is_ipv4(), "clients read an IPv4 address only: {}", server.front());
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(1);
}

#[test]
fn a_front_for_others_turns_away_who_is_not_allowed() {
    let server =
        Serve::with(&Pair::any()).flags(["--listen", "0.0.0.0:0", "--allow", "192.0.2.0/24"]).start();
    let mut client = server.client();
    let (_, initialize) = client.compose("initialize", initialize_arguments());
    // It may be closed before the request is through.
    let _ = client.try_raw(&dlvgate_test_support::frames::frame(&initialize));
    let (end, _) = client.end();
    assert!(matches!(end, End::Eof | End::Broken(_)));
    assert!(client.arrivals().iter().all(|one| one.message["success"] != true), "{}", client.transcript());
    server.nothing_left();
    assert!(server.log.sessions_with("dlv_starting").is_empty());
    let told = server.log.lines().iter().any(|line| line.contains("127.0.0.1") && line.contains("--allow"));
    assert!(told, "the log says who was turned away: {:#?}", server.log.lines());
}

#[test]
fn the_front_is_there_before_dlv_is_looked_for() {
    let server = Serve::with(&Pair::any()).dlv("/nonexistent/dlv").start();
    server.nothing_left();
}

#[test]
fn settings_that_cannot_work_are_warned_of() {
    let server = Serve::with(&Pair::any())
        .flags(["--launch-default", "stopOnEntri=true", "--redact"])
        .dlv_flags(["exec", "./nope"])
        .start();
    for words in ["did you mean `stopOnEntry`", "--redact has no effect", "nope does not exist"] {
        let is_said = || server.log.lines().iter().any(|line| line.contains(words)).then_some(());
        assert!(poll(PATIENCE, is_said).is_some(), "no {words:?} in {:#?}", server.log.lines());
    }
}

#[test]
fn forgotten_dashes_are_named() {
    let output = run(&["exec", "./server"]);
    assert_eq!(output.status.code(), Some(USAGE));
    assert!(stderr(&output).contains("`dlvgate serve -- exec …`"), "{}", stderr(&output));
}

#[test]
fn version_is_a_command_too() {
    let say = |word: &str| Command::new(paths::dlvgate()).arg(word).output().unwrap();
    assert_eq!(say("version"), say("--version"));
    assert!(say("version").status.success());
}
