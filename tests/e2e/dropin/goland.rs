//! GoLand, with `dlv.path` set to a link to dlvgate.

use dlvgate_test_support::dropin::{Dlv, Which, address};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::json;

for_every_dlv!(
    a_local_session_with_goland_s_own_command_line,
    goland_attaches_with_its_own_command_line,
    output_exit_code_and_errors_are_dlv_s,
);

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The command line of a process, but for its own name and with the address in `listen` made ours
/// again.
fn own_words(arguments: &[String], listen: &str) -> Vec<String> {
    let word = |word: &String| {
        if word.starts_with("--listen=127.0.0.1:") { listen.to_owned() } else { word.clone() }
    };
    arguments[1..].iter().map(word).collect()
}

fn a_local_session_with_goland_s_own_command_line(dlv: &Pair) {
    let (program, port) = (Program::built(dlv, "demo"), free_port());
    let listen = format!("--listen=127.0.0.1:{port}");
    let binary = program.binary.to_str().unwrap();
    let words = [
        &listen,
        "--headless=true",
        "--api-version=2",
        "--check-go-version=false",
        "--only-same-user=false",
        "exec",
        binary,
        "--",
        "-flag",
        "--listen=127.0.0.1:1",
        "a b",
    ];
    let mut running = Dlv::new(dlv, Which::Link).args(words).start();
    assert_eq!(running.ready().to_string(), format!("127.0.0.1:{port}"));
    let arguments = running.dlv().arguments;
    assert_eq!(own_words(&arguments[..8], &listen), words[..7], "but for the address");
    assert_eq!(arguments[8..], words[7..], "what is the program's is not touched");

    let mut goland = Rpc::connect(running.ready());
    assert_eq!(goland.call("IsMulticlient", json!({}))["IsMulticlient"], false);
    let line = program.line("// breakpoint: order");
    assert_eq!(goland.break_at(&program.main(), line)["line"], line);
    let state = goland.run();
    assert_eq!(state["currentThread"]["line"], line, "{state}");
    assert_eq!(goland.stack()[0]["line"], line);
    assert_eq!(goland.eval("6*7"), "42");
    goland.call("Detach", json!({"Kill": true}));
    goland.eof();
    let ended = running.ended();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    running.nothing_left();
}

fn goland_attaches_with_its_own_command_line(dlv: &Pair) {
    let (program, port) = (Program::built(dlv, "loop"), free_port());
    let mut looping =
        std::process::Command::new(&program.binary).stdout(std::process::Stdio::null()).spawn().unwrap();
    let (listen, pid) = (format!("--listen=0.0.0.0:{port}"), looping.id().to_string());
    let words = [
        &listen,
        "--headless=true",
        "--api-version=2",
        "--check-go-version=false",
        "--only-same-user=false",
        "attach",
        &pid,
        "--",
    ];
    let mut running = Dlv::new(dlv, Which::Link).args(words).start();
    assert_eq!(running.ready().to_string(), format!("127.0.0.1:{port}"), "other addresses were let in");
    assert_eq!(own_words(&running.dlv().arguments, &listen), words);
    let mut goland = Rpc::connect(running.ready());
    goland.break_at(&program.main(), program.line("// breakpoint: tick"));
    goland.run();
    assert_eq!(goland.eval("square == count*count"), "true");
    goland.call("ClearBreakpoint", json!({"Id": 1}));
    goland.call("Detach", json!({"Kill": false}));
    let ended = running.ended();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stderr.contains("DLVGATE_ALLOW"), "{}", ended.stderr);
    assert!(looping.try_wait().unwrap().is_none(), "the program goes on");
    looping.kill().unwrap();
    looping.wait().unwrap();
    running.nothing_left();
}

/// What dlv and the program write, and how dlv ends, with and without us.
fn output_exit_code_and_errors_are_dlv_s(dlv: &Pair) {
    let program = Program::built(dlv, "exit3");
    let mut seen = Vec::new();
    for which in [Which::Real, Which::Link] {
        let words = ["--headless=true", "--api-version=2", "--log", "--log-output=debugger", "exec"];
        let mut running = Dlv::new(dlv, which).args(words).args([&program.binary]).start();
        let mut client = Rpc::connect(running.ready());
        let state = client.run();
        assert_eq!((&state["exited"], &state["exitStatus"]), (&json!(true), &json!(3)), "{state}");
        running.signal(Signal::SIGINT);
        let ended = running.ended();
        let (ready, rest) = ended.stdout.split_once('\n').unwrap();
        assert!(address(&format!("{ready}\n")).is_some());
        let said = ["launching process", "detaching"].map(|words| ended.stderr.contains(words));
        seen.push((ended.status, rest.to_owned(), said));
    }
    assert_eq!(seen[0], seen[1]);
}
