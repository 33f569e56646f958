//! `serve --stdio`: a client that can only do that.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use dlvgate_test_support::debug::{build, exec, initialize_arguments};
use dlvgate_test_support::dropin::Collected;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::frames::{frame, split_first};
use dlvgate_test_support::program::Program;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::{Value, json};

for_every_dlv!(
    a_whole_session_over_standard_input_and_output,
    closing_standard_input_ends_everything,
    what_the_program_prints_does_not_come_between,
    a_lost_standard_error_changes_nothing,
);

struct Session {
    child: Child,
    /// Read all the time: a full pipe would stop the program.
    log: Collected,
    bytes: Vec<u8>,
    parsed: usize,
    seq: i64,
}

impl Session {
    fn start(dlv: &Pair, flags: &[&str]) -> Self {
        let mut session = Self::unread(dlv, flags);
        session.log = Collected::from(session.child.stderr.take().unwrap());
        session
    }

    /// Its standard error is not read.
    fn unread(dlv: &Pair, flags: &[&str]) -> Self {
        let mut command: Command = dlv.command(env!("CARGO_BIN_EXE_dlvgate"));
        command.args(["serve", "--stdio", "--firewall", "off", "--dlv"]).arg(&dlv.dlv).args(flags);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        Self { child, log: Collected::default(), bytes: Vec::new(), parsed: 0, seq: 0 }
    }

    fn send(&mut self, command: &str, arguments: &Value) -> i64 {
        self.seq += 1;
        let request = json!({"seq": self.seq, "type": "request", "command": command, "arguments": arguments});
        let stdin = self.child.stdin.as_mut().expect("a pipe");
        stdin.write_all(&frame(&request.to_string())).unwrap();
        stdin.flush().unwrap();
        self.seq
    }

    /// The next message; `None` at the end.
    fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((message, used)) = split_first(&self.bytes[self.parsed..]).expect("nothing but DAP") {
                self.parsed += used;
                return Some(message);
            }
            let mut chunk = [0; 4096];
            match self.child.stdout.as_mut().expect("a pipe").read(&mut chunk).unwrap() {
                0 => return None,
                read => self.bytes.extend_from_slice(&chunk[..read]),
            }
        }
    }

    fn until(&mut self, mut wanted: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let message = self.next().expect("it goes on");
            if wanted(&message) {
                return message;
            }
        }
    }

    fn ask(&mut self, command: &str, arguments: &Value) {
        let seq = self.send(command, arguments);
        let answer = self.until(|message| message["request_seq"] == seq);
        assert_eq!(answer["success"], true, "{answer}");
    }

    fn launched(dlv: &Pair, program: &Program) -> Self {
        let mut session = Self::start(dlv, &[]);
        session.ask("initialize", &initialize_arguments());
        let launch = session.send("launch", &exec(program));
        session.until(|message| message["event"] == "initialized");
        let configured = session.send("configurationDone", &json!({}));
        // Which of the two answers comes first is dlv's affair.
        let mut answers = 0;
        session.until(|message| {
            answers += i32::from(message["request_seq"] == launch || message["request_seq"] == configured);
            answers == 2
        });
        session
    }

    fn ended(mut self) -> (Option<i32>, String) {
        let status = poll(PATIENCE, || self.child.try_wait().unwrap()).expect("it ends");
        (status.code(), self.log.whole())
    }
}

fn a_whole_session_over_standard_input_and_output(dlv: &Pair) {
    let mut session = Session::launched(dlv, &Program::built(dlv, "demo"));
    session.until(|message| message["event"] == "terminated");
    session.ask("disconnect", &json!({}));
    while session.next().is_some() {}
    // The client's end is still open: it is not waited for.
    let (code, log) = session.ended();
    assert_eq!(code, Some(0), "{log}");
    let order = ["dlv_ready", "gate_open", "forwarding", "gate_shut", "dlv_stopped", "gate_removed"];
    let places: Vec<usize> =
        order.iter().map(|step| log.find(step).unwrap_or_else(|| panic!("no {step}: {log}"))).collect();
    assert!(places.is_sorted(), "{log}");
}

/// Its reader is gone before the first line. With dlv 1.20 this ended with 101 and left the built
/// program, each time.
fn a_lost_standard_error_changes_nothing(dlv: &Pair) {
    let program = Program::source("demo");
    let mut session = Session::unread(dlv, &[]);
    drop(session.child.stderr.take());
    session.ask("initialize", &initialize_arguments());
    session.send("launch", &build("debug", &program));
    session.until(|message| message["event"] == "initialized");
    session.send("configurationDone", &json!({}));
    session.until(|message| message["event"] == "terminated");
    session.ask("disconnect", &json!({}));
    while session.next().is_some() {}
    let status = poll(PATIENCE, || session.child.try_wait().unwrap()).expect("it ends");
    assert_eq!(status.code(), Some(0));
    program.assert_no_binary();
}

fn closing_standard_input_ends_everything(dlv: &Pair) {
    let mut session = Session::launched(dlv, &Program::built(dlv, "loop"));
    drop(session.child.stdin.take());
    while session.next().is_some() {}
    let (code, log) = session.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("dlv_stopped"), "{log}");
}

fn what_the_program_prints_does_not_come_between(dlv: &Pair) {
    let mut session = Session::launched(dlv, &Program::built(dlv, "flood"));
    let mut printed = 0;
    session.until(|message| {
        printed += usize::from(message["event"] == "output");
        message["event"] == "terminated"
    });
    session.send("disconnect", &json!({}));
    while session.next().is_some() {}
    let (code, log) = session.ended();
    assert_eq!(code, Some(0));
    assert!(log.lines().count() > 1000 || printed > 1000, "it is passed on, elsewhere");
}

#[test]
fn garbage_and_silence_end_it_with_an_error() {
    for input in ["GET / HTTP/1.1\r\n\r\n", ""] {
        let mut session = Session::start(&Pair::any(), &[]);
        session.child.stdin.as_mut().unwrap().write_all(input.as_bytes()).unwrap();
        drop(session.child.stdin.take());
        let mut rest = Vec::new();
        session.child.stdout.take().unwrap().read_to_end(&mut rest).unwrap();
        let (code, log) = session.ended();
        assert_eq!(code, Some(1), "{log}");
    }
}

#[test]
fn json_rpc_works_over_standard_streams() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "demo");
    let mut session = Session::start(&dlv, &["--", "exec", program.binary.to_str().unwrap()]);
    let request = br#"{"method":"RPCServer.IsMulticlient","params":[{}],"id":7}"#;
    session.child.stdin.as_mut().unwrap().write_all(request).unwrap();
    let mut answer = [0; 4096];
    let read = session.child.stdout.as_mut().unwrap().read(&mut answer).unwrap();
    assert_eq!(&answer[..read], b"{\"id\":7,\"result\":{\"IsMulticlient\":false},\"error\":null}\n");
    drop(session.child.stdin.take());
    assert_eq!(session.ended().0, Some(0));
}
