//! Attaching to a program that runs already, and what becomes of it.

use std::process::{Child, Stdio};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::process::is_alive;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use serde_json::{Value, json};

for_every_dlv!(
    an_attached_program_is_debugged_and_lives_on,
    an_attached_program_ends_where_the_client_says_so,
    an_attached_program_outlives_a_lost_connection,
);

/// A program without a debugger. Killed when dropped.
struct Running(Child);

impl Running {
    fn start(program: &Program) -> Self {
        let mut command = std::process::Command::new(&program.binary);
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("a pid")
    }

    /// Not only there, but not left stopped either.
    fn assert_runs(&mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "the attached program has ended");
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        assert!(status.contains("TracerPid:\t0"), "the attached program is still traced: {status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn attach(client: Client, running: &Running, program: &Program) -> Debug {
    let arguments = json!({"mode": "local", "processId": running.pid()});
    let line = program.line("// breakpoint: tick");
    let mut debug = Debug::begin(client, "attach", arguments, &program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    assert_eq!(debug.top(thread)["line"], line);
    debug
}

fn an_attached_program_is_debugged_and_lives_on(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let mut running = Running::start(&program);
    let mut debug = attach(server.client(), &running, &program);
    debug.client.ok("disconnect", json!({"terminateDebuggee": false}));
    debug.client.eof();
    server.closed(1);
    running.assert_runs();
}

fn an_attached_program_ends_where_the_client_says_so(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let mut running = Running::start(&program);
    let mut debug = attach(server.client(), &running, &program);
    debug.client.ok("disconnect", json!({"terminateDebuggee": true}));
    debug.client.eof();
    server.closed(1);
    assert!(poll(PATIENCE, || running.0.try_wait().unwrap()).is_some(), "the program must end");
    assert!(!is_alive(running.pid()));
}

fn an_attached_program_outlives_a_lost_connection(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let mut running = Running::start(&program);
    let mut debug = attach(server.client(), &running, &program);
    debug.client.ok("setBreakpoints", json!({"source": {"path": program.main()}, "breakpoints": []}));
    debug.client.ok("continue", json!({"threadId": Value::from(1)}));
    drop(debug);
    server.closed(1);
    running.assert_runs();
}
