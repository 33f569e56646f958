//! What clients of dlv rely on, each as a test: who puts dlvgate where dlv stood must not notice.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::process::{is_alive, listening_ports};
use dlvgate_test_support::program::Program;
use dlvgate_test_support::recorder::Recorder;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll, script};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const IS_MULTICLIENT: &[u8] = br#"{"method":"RPCServer.IsMulticlient","params":[{}],"id":7}"#;

fn headless(program: &Program, flags: &[&str]) -> Server {
    let binary = program.binary.to_str().unwrap();
    Serve::with(&Pair::any()).dlv_flags(["exec", binary]).dlv_flags(flags).start()
}

/// In front of a recorder, which stands for a headless dlv or for `dlv dap`.
fn recorded(flags: &[&str]) -> (Recorder, Server) {
    let recorder = Recorder::start();
    let address = recorder.address().to_string();
    let server = Serve::with(&Pair::any()).flags(["--upstream", &address]).flags(flags).start();
    (recorder, server)
}

/// A dlv that says that it listens where a recorder does, and then waits for its end.
fn fake_dlv_at(recorder: &Recorder) -> FakeDlv {
    FakeDlv::new(&format!("echo DAP server listening at: {}\nexec sleep 60", recorder.address()))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn s01_first_byte_tells_both_protocols_on_one_port() {
    let program = Program::built(&Pair::any(), "demo");
    let server = headless(&program, &["--accept-multiclient"]);
    let mut goland = Rpc::connect(server.front());
    assert_eq!(goland.call("IsMulticlient", json!({}))["IsMulticlient"], true);
    server.client().ok("initialize", initialize_arguments());
}

#[test]
fn s02_json_rpc_is_relayed_unchanged() {
    let (recorder, server) = recorded(&["--headless"]);
    let mut client = Rpc::connect(server.front());
    let odd = [&b" \r\n\t{ \"id\" : 1.0e0, \"x\":\"\\u00e9\\\"}{\" ,\"method\":\"a\"}"[..], IS_MULTICLIENT]
        .concat();
    client.raw(&odd);
    assert_eq!(recorder.wait(odd.len()), odd);
    let answer = b"{\"error\":null,  \"result\":{\"IsMulticlient\":true},\"id\":7}";
    recorder.say(answer);
    assert_eq!(client.answer(7)["result"]["IsMulticlient"], true);
    assert_eq!(client.bytes, answer);
    let program = Program::built(&Pair::any(), "demo");
    let real = headless(&program, &[]);
    let mut client = Rpc::connect(real.front());
    client.raw(IS_MULTICLIENT);
    client.answer(7);
    assert_eq!(client.bytes, b"{\"id\":7,\"result\":{\"IsMulticlient\":false},\"error\":null}\n");
}

#[test]
fn s03_json_rpc_to_dlv_dap_is_refused_within_a_second() {
    let dlv = Pair::any();
    let server = Serve::with(&dlv).start();
    let dropin = Dlv::new(&dlv, Which::Command).args(["dap"]).start();
    for front in [server.front(), dropin.ready()] {
        let (error, took) = Rpc::connect(front).refused("IsMulticlient", json!({}));
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(error.contains("-- exec"), "it says what to start instead: {error}");
    }
    assert!(server.dlvs().is_empty(), "nothing was started for it");
}

#[test]
fn s04_any_header_is_read_and_dlv_s_is_written() {
    let (recorder, server) = recorded(&[]);
    let body = json!({"seq": 1, "type": "request", "command": "threads"}).to_string();
    let strict = frame(&body);
    let mut client = server.client();
    let mut expected = Vec::new();
    for header in [
        "Content-Length: {}\r\n\r\n",
        "content-length:{}\r\n\r\n",
        "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
        "CONTENT-LENGTH:   {}  \r\nX-Extra: 1\r\n\r\n",
    ] {
        client.raw((header.replace("{}", &body.len().to_string()) + &body).as_bytes());
        expected.extend_from_slice(&strict);
    }
    assert_eq!(recorder.wait(expected.len()), expected);
}

#[test]
fn s05_readiness_is_read_and_never_probed() {
    let recorder = Recorder::start();
    let fake = fake_dlv_at(&recorder);
    let server = Serve::with(&Pair::any()).dlv(&fake.path).start();
    let mut client = server.client();
    client.send("initialize", initialize_arguments());
    recorder.wait(1);
    assert_eq!(recorder.connections(), 1, "the client's own, and no other");
}

#[test]
fn s06_dlv_is_dialled_after_the_first_byte() {
    let recorder = Recorder::start();
    let fake = fake_dlv_at(&recorder);
    let running = Dlv::new(&Pair::any(), Which::Command).env("DLVGATE_DLV", &fake.path).args(["dap"]).start();
    for _ in 0..10 {
        Client::connect(running.ready()).eof_after_close();
    }
    assert_eq!(recorder.connections(), 0);
    let mut client = Client::connect(running.ready());
    client.send("initialize", initialize_arguments());
    recorder.wait(1);
    assert_eq!(recorder.connections(), 1);
}

#[test]
fn s07_gate_opens_before_json_rpc_is_forwarded() {
    let program = Program::built(&Pair::any(), "demo");
    let server = headless(&program, &[]);
    Rpc::connect(server.front()).call("IsMulticlient", json!({}));
    let (open, forwarding) = (server.log.wait_for("gate_open", 1), server.log.wait_for("forwarding", 1));
    assert!(open.at_us <= forwarding.at_us, "{open:?} {forwarding:?}");
    assert!(server.log.wait_for("first_byte", 1).at_us <= open.at_us);
}

#[test]
fn s08_goland_s_command_line_is_taken_unchanged() {
    let (dlv, port) = (Pair::any(), free_port());
    let program = Program::built(&dlv, "demo");
    let listen = format!("--listen=127.0.0.1:{port}");
    let words =
        ["--headless=true", "--api-version=2", "--check-go-version=false", "--only-same-user=false", "exec"];
    let running = Dlv::new(&dlv, Which::Link)
        .args([&listen])
        .args(words)
        .args([&program.binary])
        .args(["--", "-x"])
        .start();
    assert_eq!(running.ready(), SocketAddr::from(([127, 0, 0, 1], port)));
    let arguments = running.dlv().arguments;
    assert_eq!(arguments[2..7], words);
    assert_ne!(arguments[1], listen, "dlv has a private port");
    assert_eq!(arguments[8..], ["--", "-x"]);
}

#[test]
fn s09_ready_line_is_first_and_in_dlv_s_form() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    for (words, prefix) in [
        (&["dap", "--listen=:0"][..], "DAP server listening at: 127.0.0.1:"),
        (
            &["exec", "--headless", "--api-version=2", "--listen=[::]:0", binary],
            "API server listening at: 127.0.0.1:",
        ),
    ] {
        let running = Dlv::new(&dlv, Which::Command).args(words).start();
        assert!(running.stdout.first_line().starts_with(prefix), "{}", running.stdout.text());
    }
    // Standard error as its destination: nothing on standard output.
    let running = Dlv::new(&dlv, Which::Command).args(["dap", "--log-dest=2"]).start();
    assert!(running.stderr.first_line().starts_with("DAP server listening at: 127.0.0.1:"));
    assert_eq!(running.stdout.text(), "");
}

#[test]
fn s10_every_listen_spelling_is_taken() {
    let dlv = Pair::any();
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    for words in [&["-l", &address][..], &["--listen", &address], &[&format!("--listen={address}")]] {
        let mut running = Dlv::new(&dlv, Which::Command).args(["dap"]).args(words).start();
        assert_eq!(running.ready().to_string(), address);
        running.signal(Signal::SIGTERM);
        running.ended();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = format!("--client-addr={}", listener.local_addr().unwrap());
    let _running = Dlv::new(&dlv, Which::Command).args(["dap", &client]).start();
    Client::over(listener.accept().unwrap().0).ok("initialize", initialize_arguments());
}

#[test]
fn s11_the_front_is_there_while_dlv_is_still_starting() {
    let (recorder, port) = (Recorder::start(), free_port());
    let fake = FakeDlv::new("");
    let gate = fake.file("go");
    let script = format!(
        "#!/bin/sh\nuntil [ -e {} ]; do sleep 0.01; done\necho DAP server listening at: {}\nexec sleep 60\n",
        gate.display(),
        recorder.address()
    );
    script::write(&fake.path, &script);
    let start = Dlv::new(&Pair::any(), Which::Command).env("DLVGATE_DLV", &fake.path);
    let running = start.args(["dap", "-l", &format!("127.0.0.1:{port}")]).start();
    let front = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = poll(PATIENCE, || TcpStream::connect(front).ok());
    let mut client = Client::over(stream.expect("the front is there"));
    assert_eq!(running.stdout.text(), "", "dlv is not ready");
    client.send("initialize", initialize_arguments());
    std::fs::write(&gate, "").unwrap();
    recorder.wait(1);
}

#[test]
fn s12_dap_over_standard_input_and_output() {
    use std::io::Write;
    let dlv = Pair::any();
    let mut command = dlv.command(env!("CARGO_BIN_EXE_dlvgate"));
    command.args(["serve", "--stdio", "--firewall", "off", "--dlv"]).arg(&dlv.dlv);
    command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let request =
        json!({"seq": 5, "type": "request", "command": "initialize", "arguments": initialize_arguments()});
    child.stdin.as_mut().unwrap().write_all(&frame(&request.to_string())).unwrap();
    let mut answer = [0; 16];
    child.stdout.as_mut().unwrap().read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"Content-Length: ");
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// How a session can end, and what its gate does then.
#[test]
fn s13_the_port_is_closed_on_every_end() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "loop");
    type End = fn(&Server, &mut Debug);
    let ends: [(&str, End); 6] = [
        ("disconnect", |_, debug| drop(debug.client.ok("disconnect", json!({})))),
        ("client's end of file", |_, debug| debug.client.half_close()),
        ("dlv's exit", |server, _| server.dlv().signal(Signal::SIGKILL)),
        ("SIGINT", |server, _| server.signal(Signal::SIGINT)),
        ("SIGTERM", |server, _| server.signal(Signal::SIGTERM)),
        ("SIGHUP", |server, _| server.signal(Signal::SIGHUP)),
    ];
    for (name, end) in ends {
        let server = Serve::with(&dlv).start();
        let lines = [program.line("// breakpoint: tick")];
        let mut debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &lines);
        debug.stop("breakpoint");
        let ports = listening_ports(&[server.dlv()]);
        end(&server, &mut debug);
        for step in ["gate_shut", "dlv_stopped", "gate_removed"] {
            server.log.wait_for(step, 1);
        }
        assert!(TcpStream::connect(("127.0.0.1", ports[0])).is_err(), "after {name}");
    }
    let server = headless(&Program::built(&dlv, "demo"), &[]);
    let mut goland = Rpc::connect(server.front());
    goland.call("IsMulticlient", json!({}));
    goland.call("Detach", json!({"Kill": true}));
    server.log.wait_for("gate_removed", 1);
    server.closed(1);
}

#[test]
fn s14_nothing_survives_our_own_kill() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "loop");
    let server = headless(&program, &["--accept-multiclient", "--continue"]);
    let target =
        poll(PATIENCE, || server.programs("loop-binary").first().map(|one| one.pid)).expect("it runs");
    let dlv_pid = server.dlv().pid;
    // In its first milliseconds dlv dies of a signal without seeing to its program.
    server.signal(Signal::SIGKILL);
    poll(PATIENCE, || (!is_alive(dlv_pid) && !is_alive(target)).then_some(())).expect("both end");
}

#[test]
fn s15_dlv_is_asked_first_and_killed_last() {
    let asked = FakeDlv::new("");
    for (on_term, killed) in [("exit 7", false), (":", true)] {
        let seen = asked.file("seen");
        let _ = std::fs::remove_file(&seen);
        let text = format!(
            "#!/bin/sh\ntrap 'echo asked >> {}; {on_term}' TERM\necho DAP server listening at: 127.0.0.1:1\n\
             while :; do sleep 0.05; done\n",
            seen.display()
        );
        script::write(&asked.path, &text);
        let mut running =
            Dlv::new(&Pair::any(), Which::Command).env("DLVGATE_DLV", &asked.path).args(["dap"]).start();
        running.ready();
        running.signal(Signal::SIGTERM);
        let status = running.ended().status;
        assert_eq!(std::fs::read_to_string(&seen).unwrap(), "asked\n");
        assert_eq!((status.code(), status.signal()), if killed { (None, Some(9)) } else { (Some(7), None) });
    }
}

#[test]
fn s16_leaving_client_finds_its_session_again() {
    let (recorder, server) = recorded(&["--headless"]);
    let mut client = Rpc::connect(server.front());
    client.raw(IS_MULTICLIENT);
    recorder.wait(IS_MULTICLIENT.len());
    client.leave();
    recorder.wait_for_end();
    assert_eq!(recorder.bytes(), IS_MULTICLIENT, "no Detach of ours");
    let program = Program::built(&Pair::any(), "demo");
    let real = headless(&program, &["--accept-multiclient"]);
    let mut first = Rpc::connect(real.front());
    first.break_at(&program.main(), program.line("// breakpoint: order"));
    first.run();
    first.leave();
    assert_eq!(Rpc::connect(real.front()).eval("order.ID"), "7");
}

#[test]
fn s17_session_ends_with_or_without_disconnect() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "demo");
    let server = Serve::with(&dlv).start();
    let mut late = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    late.client.event("terminated");
    late.client.ok("disconnect", json!({}));
    late.client.eof();
    let without = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    without.client.event("terminated");
    without.client.eof_after_close();
    server.closed(2);
}

#[test]
fn s18_initialize_and_disconnect_are_unchanged() {
    let (recorder, server) = recorded(&[]);
    let initialize = br#"{"arguments": {"clientID":"lsp4ij.debug" , "adapterID":"go","pathFormat":"path","x":[1.0,"\u0041"]},"command":"initialize","type":"request","seq":1}"#;
    let disconnect = br#"{"type":"request","seq":2,"command":"disconnect","arguments":{}}"#;
    let sent: Vec<u8> = [&initialize[..], disconnect]
        .iter()
        .flat_map(|body| frame(std::str::from_utf8(body).unwrap()))
        .collect();
    let mut client = server.client();
    client.raw(&sent);
    assert_eq!(recorder.wait(sent.len()), sent);
}

/// Recording and replaying have tests of their own; this is what they build on.
#[test]
fn s19_json_rpc_answers_are_matched_in_any_order() {
    let (recorder, server) = recorded(&["--headless"]);
    let mut client = Rpc::connect(server.front());
    let (pending, halt) = (
        client.send("Command", json!({"name": "continue"})),
        client.send("Command", json!({"name": "halt"})),
    );
    poll(PATIENCE, || recorder.bytes().ends_with(b"}").then_some(())).expect("both arrive");
    recorder.say(format!(r#"{{"id":{halt},"result":{{"State":{{}}}},"error":null}}"#).as_bytes());
    assert_eq!(client.answer(halt)["error"], Value::Null, "the second is answered first");
    recorder.close();
    let answer = client.answer(pending);
    assert!(
        answer["error"].as_str().is_some_and(|error| error.contains("dlvgate")),
        "what is owed is answered: {answer}"
    );
    client.eof();
    assert_eq!(client.order, [halt, pending], "each once");
    let (recorder, server) = recorded(&[]);
    let mut client = server.client();
    let (first, second) = (client.send("threads", json!({})), client.send("pause", json!({"threadId": 1})));
    poll(PATIENCE, || String::from_utf8_lossy(&recorder.bytes()).contains("pause").then_some(()))
        .expect("both arrive");
    let answer =
        format!(r#"{{"seq":1,"type":"response","request_seq":{second},"success":true,"command":"pause"}}"#);
    recorder.say(&frame(&answer));
    assert_eq!(client.response(second)["success"], true);
    recorder.close();
    assert_eq!(client.response(first)["success"], false);
}
