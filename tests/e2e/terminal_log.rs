//! What a person sees of `serve` on a terminal.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::ports::free_ports;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, paths, poll};

/// Everything that a terminal shows of `serve --once` with these flags, while a client debugs.
fn shown(flags: &str) -> String {
    let (pair, front) = (Pair::any(), SocketAddr::from((Ipv4Addr::LOCALHOST, free_ports(1))));
    let program = Program::built(&pair, "loop");
    let folder = tempfile::tempdir().unwrap();
    let words = format!(
        "{} serve --once --firewall off --listen {front} --dlv {} {flags}",
        paths::dlvgate(),
        pair.dlv.display()
    );
    let mut script = Command::new("script");
    script
        .args(["-q", "-e", "-f", "-c", &words, "/dev/null"])
        .env("TERM", "xterm")
        .env("TMPDIR", folder.path());
    let script = script.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("script runs");
    let stream = poll(PATIENCE, || TcpStream::connect(front).ok()).expect("it listens");
    let (debug, _) = Debug::stopped_at(Client::over(stream), &program, "// breakpoint: tick");
    debug.disconnect();
    let output = script.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

#[test]
fn session_is_told_in_a_line_a_step() {
    let shown = shown("");
    for words in [
        "connected: DAP from 127.0.0.1:",
        "dlv is ready after",
        " exec /",
        "stopped at /",
        "ended after",
        "dlvgate init vscode",
    ] {
        assert!(shown.contains(words), "no {words:?} in {shown}");
    }
    assert!(
        !shown.contains("transition=") && !shown.contains("gate open"),
        "no fields, and no gate: {shown}"
    );
    assert!(shown.contains("\x1b["), "with colours: {shown:?}");
}

#[test]
fn a_level_that_is_asked_for_brings_the_full_form() {
    let shown = shown("-v");
    assert!(shown.contains("transition"), "{shown}");
}
