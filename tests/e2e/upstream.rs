//! `--upstream`: a dlv that listens already.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;

use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, ready_address};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::json;

for_every_dlv!(a_dlv_that_runs_already_is_fronted, silent_connection_does_not_use_up_a_running_dlv,);

/// A `dlv dap` of the test's own. Killed when dropped.
struct Dlv {
    child: Child,
    address: String,
}

impl Dlv {
    fn start(pair: &Pair) -> Self {
        let mut command = pair.command(&pair.dlv);
        command.args(["dap", "--listen=127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = ready_address(&line).expect("a ready line").to_string();
        Self { child, address }
    }
}

impl Drop for Dlv {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn a_dlv_that_runs_already_is_fronted(dlv: &Pair) {
    let (mut upstream, program) = (Dlv::start(dlv), Program::built(dlv, "demo"));
    let server = Serve::with(dlv).flags(["--upstream", &upstream.address]).start();
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    assert!(server.dlvs().is_empty(), "no other dlv is started");
    debug.run_out(thread);
    server.log.wait_for("closed", 1);
    server.nothing_left();
    let ended = poll(PATIENCE, || upstream.child.try_wait().unwrap());
    assert_eq!(ended.and_then(|status| status.code()), Some(0), "dlv ends with its session, by itself");
}

fn silent_connection_does_not_use_up_a_running_dlv(dlv: &Pair) {
    let (upstream, program) = (Dlv::start(dlv), Program::built(dlv, "demo"));
    let server = Serve::with(dlv).flags(["--upstream", &upstream.address]).start();
    for _ in 0..10 {
        server.client().eof_after_close();
    }
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.run_out(thread);
    server.log.wait_for("closed", 1);
}

#[test]
fn upstream_without_a_listener_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let server = Serve::with(&Pair::any()).flags(["--upstream", &address]).start();
    let mut client = server.client();
    let why = client.refused("initialize", initialize_arguments());
    assert!(why.contains(&address) && why.contains("refused"), "{why}");
}

/// A dlv that takes its time between its answer and its last message, as on a slow machine.
#[test]
fn message_after_disconnect_reaches_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (next, told) = mpsc::channel();
    let slow_dlv = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut reply = |body: &str| {
            stream.write_all(&frame(body)).unwrap();
            told.recv_timeout(PATIENCE).unwrap(); // what was sent has arrived at the client
        };
        reply(r#"{"seq":1,"type":"response","request_seq":1,"success":true,"command":"initialize"}"#);
        reply(r#"{"seq":2,"type":"response","request_seq":2,"success":true,"command":"disconnect"}"#);
        stream.write_all(&frame(r#"{"seq":3,"type":"event","event":"terminated"}"#)).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // A socket that is closed with unread requests resets, and a reset may eat what was said
        // last.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let server = Serve::with(&Pair::any()).flags(["--upstream", &address]).start();
    let mut client = server.client().initialize();
    next.send(()).unwrap();
    client.ok("disconnect", json!({}));
    next.send(()).unwrap();
    client.event("terminated");
    client.eof();
    slow_dlv.join().unwrap();
}

/// A dlv that says its last only when it knows that nothing more will be asked.
#[test]
fn dlv_sees_half_close_and_is_still_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let dlv = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        stream.read_to_end(&mut Vec::new()).unwrap();
        // Where it comes too late, the client says so.
        let _ = stream.write_all(&frame(r#"{"seq":1,"type":"event","event":"terminated"}"#));
    });
    let server = Serve::with(&Pair::any()).flags(["--upstream", &address]).start();
    let mut client = server.client();
    client.send("initialize", initialize_arguments());
    client.half_close();
    client.event("terminated");
    client.eof();
    dlv.join().unwrap();
}
