//! dlv cannot be had: the client's own `initialize` is answered with the reason and what to do.

use std::net::TcpListener;

use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;

/// What the user is shown when `initialize` fails; afterwards nothing of the session is left.
fn why(server: &Server) -> String {
    let mut client = server.client();
    let why = client.refused("initialize", initialize_arguments());
    drop(client);
    server.log.wait_for("closed", 1);
    server.nothing_left();
    why
}

fn assert_says(why: &str, words: &[&str]) {
    for word in words {
        assert!(why.to_lowercase().contains(&word.to_lowercase()), "no {word:?} in {why:?}");
    }
}

#[test]
fn a_missing_dlv_is_named_with_a_remedy() {
    let server = Serve::with(&Pair::any()).dlv("/nonexistent").start();
    let why = why(&server);
    assert_says(&why, &["/nonexistent", "--dlv"]);
}

#[test]
fn a_missing_dlv_in_path_is_named_with_a_remedy() {
    let empty = tempfile::tempdir().unwrap();
    let server =
        Serve::with(&Pair::any()).dlv("dlv").env("PATH", empty.path()).env("HOME", empty.path()).start();
    let why = why(&server);
    assert_says(&why, &["dlv", "go install github.com/go-delve/delve/cmd/dlv"]);
}

#[test]
fn a_dlv_that_is_no_program_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let server = Serve::with(&Pair::any()).dlv(file.path()).start();
    let why = why(&server);
    assert_says(&why, &[file.path().to_str().unwrap(), "permission"]);
}

#[test]
fn a_dlv_too_old_for_dap_is_named_with_a_remedy() {
    let old = r#"echo 'Error: unknown command "dap" for "dlv"' >&2; echo "Run 'dlv --help' for usage." >&2; exit 1"#;
    let fake = FakeDlv::with_version("1.5.0", old);
    let server = Serve::with(&Pair::any()).dlv(&fake.path).start();
    let why = why(&server);
    assert_says(
        &why,
        &[fake.path.to_str().unwrap(), "too old", "go install github.com/go-delve/delve/cmd/dlv"],
    );
}

#[test]
fn a_dlv_that_crashes_at_its_start_is_quoted() {
    let fake = FakeDlv::new("echo 'fatal error: out of frobnication' >&2; exit 7");
    let server = Serve::with(&Pair::any()).dlv(&fake.path).start();
    let why = why(&server);
    assert_says(&why, &["out of frobnication", "7"]);
}

#[test]
fn a_dlv_that_exits_without_a_word_is_explained() {
    // As dlv does for a flag that it does not know: exit 0.
    let fake = FakeDlv::new("exit 0");
    let server = Serve::with(&Pair::any()).dlv(&fake.path).start();
    let why = why(&server);
    assert_says(&why, &[fake.path.to_str().unwrap(), "exit"]);
}

#[test]
fn a_flag_that_dlv_does_not_know_is_quoted() {
    let server = Serve::with(&Pair::any()).dlv_flags(["--no-such-flag"]).start();
    let why = why(&server);
    assert_says(&why, &["unknown flag", "--no-such-flag"]);
}

#[test]
fn dlv_that_never_gets_ready_times_out_with_limit() {
    let fake = FakeDlv::new("exec sleep 600");
    let server = Serve::with(&Pair::any()).dlv(&fake.path).flags(["--start-timeout", "1"]).start();
    let why = why(&server);
    assert_says(&why, &["1 s", "--start-timeout"]);
}

#[test]
fn dlv_ignoring_sigterm_is_killed_with_its_children() {
    let fake = FakeDlv::new("trap '' TERM INT; sleep 600 & while :; do sleep 600; done");
    let server = Serve::with(&Pair::any()).dlv(&fake.path).flags(["--start-timeout", "1"]).start();
    why(&server);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let server = Serve::with(&Pair::any()).flags(["--dlv-port", &port]).start();
    let why = why(&server);
    assert_says(&why, &[&port, "in use", "--dlv-port"]);
}

#[test]
fn the_server_takes_the_next_client_once_dlv_is_there() {
    let pair = Pair::any();
    let fake = FakeDlv::new("exit 1");
    let gone = fake.file("gone");
    std::fs::rename(&fake.path, &gone).unwrap();
    let server = Serve::with(&pair).dlv(&fake.path).start();
    why(&server);
    std::os::unix::fs::symlink(&pair.dlv, &fake.path).unwrap();
    Debug::begin_quietly(server.client()).disconnect();
    server.closed(2);
}
