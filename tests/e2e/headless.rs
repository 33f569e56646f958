//! `serve -- exec …`: a headless dlv behind the front, for JSON-RPC and DAP.

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, breakpoints, initialize_arguments};
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::process::is_alive;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::recorder::Recorder;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

for_every_dlv!(
    a_dap_and_a_json_rpc_client_share_one_dlv,
    halt_is_answered_before_the_continue,
    clients_without_multiclient_get_their_own_dlv,
    a_dap_client_that_comes_back_finds_its_session,
    a_program_that_is_to_run_at_once_does,
    the_end_of_the_server_ends_the_shared_dlv,
    a_headless_dlv_that_runs_already_is_fronted,
    shared_dlv_s_death_is_told_and_it_is_replaced,
);

fn serve(dlv: &Pair, program: &Program, flags: &[&str]) -> Server {
    let binary = program.binary.to_str().unwrap();
    Serve::with(dlv).dlv_flags(["exec", binary]).dlv_flags(flags).start()
}

fn attach_arguments() -> Value {
    json!({"mode": "remote", "stopOnEntry": true})
}

/// Attaches as an editor does, to a program that stands still.
fn attach(mut client: Client) -> Debug {
    client.ok("initialize", initialize_arguments());
    let attach = client.send("attach", attach_arguments());
    client.event("initialized");
    let response = client.response(attach);
    assert_eq!(response["success"], true, "{response}");
    Debug { client }
}

fn a_dap_and_a_json_rpc_client_share_one_dlv(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let server = serve(dlv, &program, &["--accept-multiclient"]);
    let mut goland = Rpc::connect(server.front());
    assert_eq!(goland.call("IsMulticlient", json!({}))["IsMulticlient"], true);
    let mut editor = attach(server.client());
    assert_eq!(server.dlvs().len(), 1);
    let line = program.line("// breakpoint: order");
    let set = editor.client.ok("setBreakpoints", breakpoints(&program.main(), json!([{"line": line}])));
    assert_eq!(set["breakpoints"][0]["verified"], true, "{set}");
    let listed = goland.call("ListBreakpoints", json!({"All": false}));
    let lines: Vec<&Value> =
        listed["Breakpoints"].as_array().unwrap().iter().map(|one| &one["line"]).collect();
    assert!(lines.contains(&&json!(line)), "each sees what the other does: {listed}");
    assert_eq!(goland.run()["currentThread"]["line"], line);
    assert_eq!(goland.eval("order.ID"), "7");
    let threads = editor.client.ok("threads", Value::Null);
    assert!(!threads["threads"].as_array().unwrap().is_empty());
    editor.disconnect();
    assert_eq!(goland.eval("len(stock)"), "2", "the other goes on");
    goland.call("Detach", json!({"Kill": true}));
    goland.eof();
    server.log.wait_for("gate_removed", 1);
    server.log.wait_for("closed", 2);
    server.nothing_left();
}

fn halt_is_answered_before_the_continue(dlv: &Pair) {
    let program = Program::built(dlv, "loop");
    let server = serve(dlv, &program, &[]);
    let mut client = Rpc::connect(server.front());
    client.call("IsMulticlient", json!({}));
    let pending = client.send("Command", json!({"name": "continue"}));
    loop {
        let state = client.call("State", json!({"NonBlocking": true}));
        if state["State"]["Running"] == true {
            break;
        }
    }
    let halt = client.send("Command", json!({"name": "halt"}));
    let (halted, continued) = (client.answer(halt), client.answer(pending));
    for answer in [&halted, &continued] {
        assert_eq!(answer["error"], Value::Null, "{answer}");
        assert_eq!(answer["result"]["State"]["Running"], false, "{answer}");
    }
    assert!(client.order.contains(&pending) && client.order.contains(&halt));
    assert_eq!(client.order.iter().filter(|id| **id == pending).count(), 1, "each once");
    client.call("Detach", json!({"Kill": true}));
    server.closed(1);
}

fn clients_without_multiclient_get_their_own_dlv(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let server = serve(dlv, &program, &[]);
    let (mut first, mut second) = (Rpc::connect(server.front()), Rpc::connect(server.front()));
    for client in [&mut first, &mut second] {
        assert_eq!(client.call("IsMulticlient", json!({}))["IsMulticlient"], false);
    }
    let dlvs = server.dlvs();
    assert_eq!(dlvs.len(), 2);
    first.leave();
    poll(PATIENCE, || (server.dlvs().len() == 1).then_some(())).expect("its dlv ends with it");
    second.break_at(&program.main(), program.line("// breakpoint: order"));
    second.run();
    assert_eq!(second.eval("order.ID"), "7", "the other is not touched");
    second.leave();
    server.closed(2);
}

fn a_dap_client_that_comes_back_finds_its_session(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let server = serve(dlv, &program, &["--accept-multiclient"]);
    let mut first = attach(server.client());
    let line = program.line("// breakpoint: order");
    first.client.ok("setBreakpoints", breakpoints(&program.main(), json!([{"line": line}])));
    first.client.ok("configurationDone", Value::Null);
    let entry = first.stop("entry");
    first.go_on(entry);
    first.stop("breakpoint");
    let (pid, dlv_pid) = (server.programs("demo-binary")[0].pid, server.dlv().pid);
    first.client.reset();
    let mut second = Rpc::connect(server.front());
    assert_eq!(second.eval("order.ID"), "7");
    assert!(is_alive(pid) && server.dlv().pid == dlv_pid);
    second.leave();
    assert!(is_alive(pid), "a client that leaves ends nothing");
}

fn a_program_that_is_to_run_at_once_does(dlv: &Pair) {
    let program = Program::built(dlv, "loop");
    let server = serve(dlv, &program, &["--accept-multiclient", "--continue"]);
    poll(PATIENCE, || server.rest_of_stdout().contains('\n').then_some(()))
        .expect("it prints its process id");
    let mut client = Rpc::connect(server.front());
    assert_eq!(client.call("State", json!({"NonBlocking": true}))["State"]["Running"], true);
}

fn the_end_of_the_server_ends_the_shared_dlv(dlv: &Pair) {
    let program = Program::source("loop");
    let folder = program.folder.to_str().unwrap();
    let mut server = Serve::with(dlv)
        .flags(["--dlv-cwd", folder])
        .dlv_flags(["debug", ".", "--accept-multiclient"])
        .start();
    let mut client = Rpc::connect(server.front());
    client.break_at(&program.main(), program.line("// breakpoint: tick"));
    client.run();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
    program.assert_no_binary();
}

fn a_headless_dlv_that_runs_already_is_fronted(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let words = ["exec", "--headless", "--api-version=2", "--accept-multiclient", binary];
    let mut running = Dlv::new(dlv, Which::Real).args(words).start();
    let upstream = running.ready().to_string();
    let server = Serve::with(dlv).flags(["--upstream", &upstream, "--headless"]).start();
    let mut goland = Rpc::connect(server.front());
    goland.break_at(&program.main(), program.line("// breakpoint: order"));
    let editor = attach(server.client());
    goland.run();
    assert_eq!(goland.eval("order.ID"), "7");
    editor.disconnect();
    goland.call("Detach", json!({"Kill": true}));
    assert_eq!(running.ended().status.code(), Some(0));
}

fn shared_dlv_s_death_is_told_and_it_is_replaced(dlv: &Pair) {
    let program = Program::built(dlv, "loop");
    let server = serve(dlv, &program, &["--accept-multiclient"]);
    let mut goland = Rpc::connect(server.front());
    goland.call("IsMulticlient", json!({}));
    let editor = server.client().initialize();
    let pending = goland.send("Command", json!({"name": "continue"}));
    let killed = server.dlv();
    killed.signal(Signal::SIGKILL);
    let answer = goland.answer(pending);
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("dlvgate")), "{answer}");
    goland.eof();
    editor.event("terminated");
    editor.eof();
    server.log.wait_for("gate_removed", 1);
    let mut next = Rpc::connect(server.front());
    next.call("IsMulticlient", json!({}));
    assert_ne!(server.dlv().pid, killed.pid);
}

#[test]
fn a_second_client_where_dlv_serves_one_is_told_so() {
    let dlv = Pair::any();
    let program = Program::built(&dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let words = ["exec", "--headless", "--api-version=2", binary];
    let running = Dlv::new(&dlv, Which::Command).args(words).start();
    let mut first = Rpc::connect(running.ready());
    first.call("IsMulticlient", json!({}));
    let (error, _) = Rpc::connect(running.ready()).refused("IsMulticlient", json!({}));
    assert!(error.contains("--accept-multiclient") || error.contains("--max-sessions"), "{error}");
    let why = Client::connect(running.ready()).refused("initialize", initialize_arguments());
    assert!(why.contains("--accept-multiclient") || why.contains("--max-sessions"), "{why}");
    assert_eq!(first.call("IsMulticlient", json!({}))["IsMulticlient"], false, "the first is not touched");
}

/// A dlv that has had its client and is still there would never answer another one.
#[test]
fn who_comes_after_the_only_client_is_told_so() {
    let recorder = Recorder::start();
    let fake = FakeDlv::new(&format!("echo DAP server listening at: {}\nexec sleep 60", recorder.address()));
    let running = Dlv::new(&Pair::any(), Which::Command).env("DLVGATE_DLV", &fake.path).args(["dap"]).start();
    let mut first = Client::connect(running.ready());
    first.send("initialize", initialize_arguments());
    recorder.wait(1);
    first.reset();
    let told = poll(PATIENCE, || {
        let why = Client::connect(running.ready()).refused("initialize", initialize_arguments());
        why.contains("--accept-multiclient").then_some(())
    });
    told.expect("once the first is gone");
    assert_eq!(recorder.connections(), 1);
}

#[test]
fn a_program_that_is_not_there_is_named_to_the_client() {
    let server = Serve::with(&Pair::any()).dlv_flags(["exec", "./nonexistent"]).start();
    let (error, _) = Rpc::connect(server.front()).refused("IsMulticlient", json!({}));
    assert!(error.contains("nonexistent"), "{error}");
    let why = server.client().refused("initialize", initialize_arguments());
    assert!(why.contains("nonexistent"), "{why}");
}

#[test]
fn unserved_command_is_refused_before_listening() {
    for (words, says) in [
        (&["trace", "x"][..], "exec"),
        (&["./demo"], "exec"),
        (&["exec", "./demo", "--listen=:1"], "--dlv-port"),
        (&["exec", "./demo", "--headless=false"], "headless"),
    ] {
        let output = Serve::with(&Pair::any()).dlv_flags(words).run();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(says), "{words:?}: {said}");
    }
}
