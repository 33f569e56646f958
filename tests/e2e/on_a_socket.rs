//! `--dlv-port unix`: dlv on a Unix socket in a private folder, and no port at all.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::process::is_stopped;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::spare::{reached, steps};
use dlvgate_test_support::strangers::NOBODY;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;

for_every_dlv!(
    a_session_needs_no_port_and_no_gate,
    next_start_removes_a_killed_proxy_s_folder,
    a_dlv_that_is_too_old_is_told_from_one_that_fails,
);

const FLAGS: [&str; 2] = ["--dlv-port", "unix"];

/// A session's steps: the gate is not among them.
const STEPS: [&str; 8] = [
    "first_byte",
    "dlv_starting",
    "dlv_ready",
    "upstream_connected",
    "forwarding",
    "ending",
    "dlv_stopped",
    "closed",
];

/// Delve 1.22.1 was the first that could.
fn can(dlv: &Pair) -> bool {
    dlv.at_least(1, 23)
}

/// A pair whose dlv can.
fn able() -> Pair {
    ["dlv-1.24", "dlv-1.27"].into_iter().find_map(Pair::find).expect("a dlv that listens on Unix sockets")
}

/// A login session's own folder.
fn runtime_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("run-").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

fn serve(dlv: &Pair, runtime: &TempDir) -> Serve {
    Serve::with(dlv).flags(FLAGS).env("XDG_RUNTIME_DIR", runtime.path())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The socket that the one dlv was told to listen on.
fn socket(server: &Server) -> PathBuf {
    let arguments = server.dlv().arguments;
    let listen = arguments.iter().find_map(|one| one.strip_prefix("--listen=unix:"));
    listen.unwrap_or_else(|| panic!("{arguments:?}")).into()
}

fn a_session_needs_no_port_and_no_gate(dlv: &Pair) {
    if !can(dlv) {
        return;
    }
    let (pf, runtime, program) = (StandinPf::fresh(), runtime_folder(), Program::built(dlv, "demo"));
    let mut server = pf.serve(dlv).flags(FLAGS).env("XDG_RUNTIME_DIR", runtime.path()).start();
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let frame = debug.top(thread);
    assert_eq!(debug.evaluate(&frame, "order.ID"), "7");
    assert_eq!(server.ports(), [server.front().port()], "nothing but the front listens");
    assert_eq!(pf.left(), None, "and there is no rule for it");
    let socket = socket(&server);
    let folder = socket.parent().unwrap().to_owned();
    assert_eq!(folder.parent().unwrap(), runtime.path());
    assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
    debug.run_out(thread);
    server.closed(1);
    assert_eq!(steps(&server, 1), STEPS);
    assert!(entries(&folder).is_empty());
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    assert!(entries(runtime.path()).is_empty());
}

/// Only where dlv is killed as well is there a socket to remove.
fn next_start_removes_a_killed_proxy_s_folder(dlv: &Pair) {
    if !can(dlv) {
        return;
    }
    let runtime = runtime_folder();
    let server = serve(dlv, &runtime).start();
    let _client = server.client().initialize();
    let socket = socket(&server);
    let debugger = server.dlv();
    debugger.signal(Signal::SIGSTOP);
    poll(PATIENCE, || is_stopped(debugger.pid).then_some(())).expect("it stands still");
    server.signal(Signal::SIGKILL);
    debugger.signal(Signal::SIGKILL);
    let gone = poll(PATIENCE, || server.children().is_empty().then_some(()));
    assert!(gone.is_some(), "processes are left: {:#?}", server.children());
    assert!(socket.exists(), "no process could remove it");
    let next = serve(dlv, &runtime).start();
    let client = next.client().initialize();
    assert!(!socket.parent().unwrap().exists());
    let (control, own): (Vec<_>, Vec<_>) =
        entries(runtime.path()).into_iter().partition(|folder| folder.ends_with("dlvgate"));
    assert_eq!((own.len(), entries(&control[0]).len()), (1, 1), "its own folder and control socket");
    Debug { client }.disconnect();
    next.closed(1);
}

fn a_dlv_that_is_too_old_is_told_from_one_that_fails(dlv: &Pair) {
    if can(dlv) {
        return;
    }
    let runtime = runtime_folder();
    let server = serve(dlv, &runtime).start();
    let why = server.client().refused("initialize", initialize_arguments());
    assert!(why.contains("too old for --dlv-port unix") && why.contains("1.22.1"), "{why}");
    server.closed(1);
}

#[test]
fn another_user_cannot_reach_the_socket() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return;
    }
    let runtime = runtime_folder();
    // A user who may enter the first folder may not enter the second.
    fs::set_permissions(runtime.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let server = serve(&able(), &runtime).start();
    let client = server.client().initialize();
    let socket = socket(&server);
    fs::set_permissions(runtime.path(), fs::Permissions::from_mode(0o711)).unwrap();
    let tries = |user: u32| {
        let script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
        let mut python = Command::new("/usr/bin/python3");
        let output = python.args(["-c", script]).arg(&socket).uid(user).gid(user).output().unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(tries(NOBODY).contains("PermissionError"), "{}", tries(NOBODY));
    assert_eq!(tries(0), "", "it is there, for this test's own user");
    Debug { client }.disconnect();
    server.closed(1);
}

#[test]
fn shared_runtime_folder_is_not_used() {
    let runtime = runtime_folder();
    fs::set_permissions(runtime.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let server = serve(&able(), &runtime).start();
    let client = server.client().initialize();
    assert!(!socket(&server).starts_with(runtime.path()));
    assert!(entries(runtime.path()).is_empty());
    Debug { client }.disconnect();
    server.closed(1);
}

#[test]
fn impossible_socket_place_is_refused_with_a_remedy() {
    let runtime = runtime_folder();
    let long = runtime.path().join("x".repeat(90));
    fs::create_dir(&long).unwrap();
    fs::set_permissions(&long, fs::Permissions::from_mode(0o700)).unwrap();
    let server = serve(&able(), &runtime).env("XDG_RUNTIME_DIR", &long).start();
    let why = server.client().refused("initialize", initialize_arguments());
    assert!(why.contains("--dlv-port unix") && why.contains("TMPDIR"), "{why}");
    server.closed(1);
    assert!(entries(&long).is_empty());
}

#[test]
fn spares_wait_on_sockets_too() {
    let runtime = runtime_folder();
    let mut server = serve(&able(), &runtime).flags(["--warm", "1"]).start();
    server.log.wait_for("spare_ready", 1);
    let spare = server.dlv().pid;
    let client = server.client().initialize();
    let ready = reached(&server, 1, "dlv_ready");
    assert!(
        ready.line["detail"].as_str().unwrap().starts_with(&format!("pid {spare} at unix:")),
        "{ready:?}"
    );
    server.log.wait_for("spare_ready", 2);
    let (first, second) = (spare, server.dlvs().into_iter().find(|one| one.pid != spare).unwrap().pid);
    Debug { client }.disconnect();
    reached(&server, 1, "closed");
    // A spare's death is noticed although nothing is sent over its connection.
    dlvgate_test_support::process::signal_pid(second, Signal::SIGKILL);
    server.log.wait_for("spare_ready", 3);
    assert!(server.dlvs().iter().all(|one| ![first, second].contains(&one.pid)));
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    assert!(entries(runtime.path()).is_empty());
}

#[test]
fn a_shared_headless_dlv_is_on_one_as_well() {
    let (dlv, runtime) = (able(), runtime_folder());
    let program = Program::built(&dlv, "demo");
    let words = ["exec", program.binary.to_str().unwrap(), "--accept-multiclient"];
    let server = serve(&dlv, &runtime).dlv_flags(words).start();
    let mut goland = Rpc::connect(server.front());
    assert_eq!(goland.call("IsMulticlient", json!({}))["IsMulticlient"], true);
    assert_eq!(server.ports(), [server.front().port()]);
    assert!(socket(&server).starts_with(runtime.path()));
    goland.call("Detach", json!({"Kill": true}));
    goland.eof();
    server.log.wait_for("closed", 1);
    poll(PATIENCE, || server.children().is_empty().then_some(())).expect("dlv has ended");
}

#[test]
fn in_dlv_s_place_it_is_chosen_by_the_variable() {
    let (dlv, runtime) = (able(), runtime_folder());
    let start = Dlv::new(&dlv, Which::Link)
        .args(["dap", "--listen=127.0.0.1:0"])
        .env("DLVGATE_DLV_PORT", "unix")
        .env("XDG_RUNTIME_DIR", runtime.path());
    let mut running = start.start();
    let client = Client::connect(running.ready()).initialize();
    assert!(running.dlv().arguments.iter().any(|one| one.starts_with("--listen=unix:")));
    let folder = entries(runtime.path());
    assert_eq!(entries(&folder[0]).len(), 1);
    assert!(
        UnixStream::connect(&entries(&folder[0])[0]).is_ok(),
        "dlv is there, and serves its first client alone"
    );
    Debug { client }.disconnect();
    assert_eq!(running.ended().status.code(), Some(0));
    assert!(entries(runtime.path()).is_empty());
}
