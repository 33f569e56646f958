//! `dlvgate ps` and `dlvgate stop`: what they show and end, and who may ask.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::strangers::NOBODY;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, paths, poll};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The runtime folder of a user who is logged in.
struct Login(TempDir);

impl Login {
    fn new() -> Login {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        Login(folder)
    }

    fn server(&self, pair: &Pair) -> Server {
        Serve::with(pair).env("XDG_RUNTIME_DIR", self.0.path()).start()
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(paths::dlvgate());
        command.args(words).env("XDG_RUNTIME_DIR", self.0.path()).output().unwrap()
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// This server as `ps --json` has it. Other tests' servers may be there too.
    fn listed(&self, server: &Server) -> Option<Value> {
        let said: Value = serde_json::from_str(&self.says(&["ps", "--json"])).unwrap();
        said["servers"].as_array().unwrap().iter().find(|one| one["pid"] == server.pid()).cloned()
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("dlvgate")
    }

    fn socket(&self, server: &Server) -> PathBuf {
        self.folder().join(format!("{}.sock", server.pid()))
    }
}

/// Sends a line to a control socket, and returns the answer.
fn ask(socket: &Path, line: &str) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(line.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer); // an error at the end, if it has not read all of ours
    serde_json::from_slice(&answer).unwrap()
}

#[test]
fn ps_shows_a_server_and_its_session() {
    let (login, pair) = (Login::new(), Pair::any());
    let server = login.server(&pair);
    let before = login.listed(&server).expect("it is listed at its ready line");
    assert_eq!(before["front"], server.front().to_string());
    assert_eq!((&before["serves"], &before["sessions"]), (&json!("dlv dap"), &json!([])));
    assert_eq!(before["folder"], server.folder().to_str().unwrap());
    let program = Program::built(&pair, "loop");
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    let during = login.listed(&server).unwrap();
    let [session] = &during["sessions"].as_array().unwrap()[..] else { panic!("{during}") };
    assert_eq!((&session["number"], &session["protocol"]), (&json!(1), &json!("DAP")));
    assert_eq!((&session["state"], &session["dlv"]["pid"]), (&json!("open"), &json!(server.dlv().pid)));
    assert_eq!(session["program"], format!("exec {}", program.binary.display()));
    assert!(session["stopped"].as_str().unwrap().contains("main.go:"), "{session}");
    let page = login.says(&["ps"]);
    let client = session["client"].as_str().unwrap();
    assert!(page.lines().any(|line| line.contains("#1") && line.contains(client)), "{page}");
    debug.disconnect();
    server.closed(1);
    let gone = || login.listed(&server).filter(|one| one["sessions"] == json!([]));
    assert!(poll(PATIENCE, gone).is_some(), "{:?}", login.listed(&server));
}

#[test]
fn stop_ends_the_session_that_is_named() {
    let (login, pair) = (Login::new(), Pair::any());
    let (server, program) = (login.server(&pair), Program::built(&pair, "loop"));
    let (first, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    let first_dlv = server.dlv().pid;
    let (second, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    let stopped = login.run(&["stop", &format!("{}/1", server.pid())]);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    assert!(server.dlvs().iter().all(|dlv| dlv.pid != first_dlv), "it is gone when the command returns");
    first.client.event("terminated");
    assert!(first.client.output(Some("stderr")).contains("dlvgate stop"), "{}", first.client.transcript());
    first.client.eof();
    let mut second = second;
    second.client.ok("threads", json!({}));
    assert_eq!(login.run(&["stop", &format!("{}/1", server.pid())]).status.code(), Some(1), "it is gone");
    second.disconnect();
}

#[test]
fn stop_ends_the_server_and_leaves_nothing() {
    let (login, pair) = (Login::new(), Pair::any());
    let (mut server, program) = (login.server(&pair), Program::built(&pair, "loop"));
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    let stopped = login.run(&["stop", &server.pid().to_string()]);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    debug.client.event("terminated");
    assert_eq!(server.exit().code(), Some(0));
    assert!(!login.folder().exists(), "the folder went with the last socket");
    let again = login.run(&["stop", &server.pid().to_string()]);
    assert_eq!(again.status.code(), Some(1), "{}", String::from_utf8_lossy(&again.stderr));
}

#[test]
fn socket_of_a_killed_server_is_removed() {
    let (login, pair) = (Login::new(), Pair::any());
    let (mut server, other) = (login.server(&pair), login.server(&pair));
    let socket = login.socket(&server);
    assert!(socket.exists());
    server.signal(Signal::SIGKILL);
    assert!(poll(PATIENCE, || server.status()).is_some());
    assert!(socket.exists(), "it had no time to remove it");
    assert!(login.listed(&server).is_none() && login.listed(&other).is_some());
    assert!(!socket.exists());
}

#[test]
fn odd_requests_are_refused_and_cost_nothing() {
    let (login, pair) = (Login::new(), Pair::any());
    let server = login.server(&pair);
    let socket = login.socket(&server);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&login.folder()), 0o700);
    for line in ["\n", "GET / HTTP/1.1\r\n\r\n", "{\"version\":9,\"request\":\"stop\"}\n", "[1]\n", "\u{0}\n"]
    {
        assert!(ask(&socket, line)["error"].is_string(), "{line:?}");
    }
    assert!(ask(&socket, &"x".repeat(5000))["error"].is_string(), "a line without an end");
    // Clients that say nothing do not keep others out for longer than their time.
    let silent: Vec<UnixStream> = (0..8).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    assert_eq!(ask(&socket, "{\"version\":1,\"request\":\"status\"}\n")["server"]["pid"], server.pid());
    drop(silent);
    Debug::begin_quietly(server.client()).disconnect();
}

#[test]
fn another_user_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        println!("not root: another user cannot be tried");
        return;
    }
    let (login, pair) = (Login::new(), Pair::any());
    let server = login.server(&pair);
    let socket = login.socket(&server);
    // The folder keeps others out; without it the server does.
    for path in [login.0.path(), &login.folder()] {
        std::fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::set_permissions(&socket, Permissions::from_mode(0o777)).unwrap();
    let answer = as_nobody(&socket);
    assert!(answer.contains("is not user 65534's"), "{answer}");
    Debug::begin_quietly(server.client()).disconnect();
}

/// Asks the server to stop as another user.
fn as_nobody(socket: &Path) -> String {
    let script = format!(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect({socket:?})\n\
         try: s.sendall(b'{{\"version\":1,\"request\":\"stop\"}}\\n')\nexcept BrokenPipeError: pass\nprint(s.recv(4096).decode())"
    );
    let mut python = Command::new("python3");
    std::os::unix::process::CommandExt::uid(&mut python, NOBODY);
    let output = python.args(["-c", &script]).output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}
