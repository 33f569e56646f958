//! Another user of this machine: a real second uid.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};

/// `nobody` on Debian.
const OTHER: u32 = 65_534;

/// Speaks as the other user; gives what it was answered. `None` if this test's user cannot
/// become another.
fn as_other_user(port: u16) -> Option<String> {
    run_as_other_user(&format!("exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET /' >&3; timeout 20 cat <&3"))
}

fn run_as_other_user(script: &str) -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return None;
    }
    let output = Command::new("bash")
        .args(["-c", script])
        .uid(OTHER)
        .gid(OTHER)
        .stderr(Stdio::null())
        .output()
        .expect("bash runs");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn serves(client: Client) {
    Debug::begin_quietly(client).disconnect();
}

#[test]
fn another_user_gets_nothing_and_the_log_names_them() {
    let server = Serve::with(&Pair::any()).start();
    let Some(answer) = as_other_user(server.front().port()) else { return };
    assert_eq!(answer, "", "a closed connection and nothing else");
    let named = |line: &String| line.contains("user 65534");
    let told = poll(PATIENCE, || server.log.lines().iter().any(named).then_some(()));
    assert!(told.is_some(), "{:#?}", server.log.lines());
    serves(server.client());
    server.closed(1);
}

/// The kernel's tables give a closed socket to root, and this server is root's.
#[test]
fn user_who_has_spoken_and_left_gets_no_session() {
    let server = Serve::with(&Pair::any()).start();
    let speak =
        "printf 'Content-Length: 44\\r\\n\\r\\n{\"seq\":1,\"type\":\"request\",\"command\":\"pause\"}' >&3";
    let port = server.front().port();
    // The server may close before they have spoken: that is no reason for the shell to end.
    let script = format!(
        "trap '' PIPE; for i in {{1..20}}; do (exec 3<>/dev/tcp/127.0.0.1/{port} && {speak}) 2>/dev/null; done"
    );
    if run_as_other_user(&script).is_none() {
        return;
    }
    // It comes after all of them, and is the first that is served.
    serves(server.client());
    server.closed(1);
    let lines = server.log.lines();
    let counted = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!(counted("closed already") + counted("user 65534"), 20, "{lines:#?}");
    assert_eq!(counted("first_byte"), 1, "{lines:#?}");
}

#[test]
fn everybody_on_this_machine_is_let_in_on_request() {
    let server = Serve::with(&Pair::any()).flags(["--only-same-user=false"]).start();
    let Some(answer) = as_other_user(server.front().port()) else { return };
    assert!(answer.contains("DAP"), "{answer:?}");
    serves(server.client());
    server.closed(1);
}

#[test]
fn dropin_follows_dlv_s_own_same_user_flag() {
    for (flag, variable, is_let_in) in [
        ("--only-same-user=true", None, false),
        ("--only-same-user=false", None, true),
        ("--only-same-user=false", Some("true"), false),
    ] {
        let mut start = Dlv::new(&Pair::any(), Which::Command).args(["dap", flag]);
        if let Some(value) = variable {
            start = start.env("DLVGATE_ONLY_SAME_USER", value);
        }
        let running = start.start();
        let Some(answer) = as_other_user(running.ready().port()) else { return };
        assert_eq!(answer.contains("DAP"), is_let_in, "{flag} {variable:?}: {answer:?}");
        serves(Client::connect(running.ready()));
    }
}
