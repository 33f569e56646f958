//! dlv is killed, or dies, in the middle of a session: the client learns it at once, and nothing is
//! left.

use std::time::{Duration, Instant};

use dlvgate_test_support::client::{Client, error_text};
use dlvgate_test_support::debug::{Debug, build, exec};
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::process::Process;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

for_every_dlv!(
    dlv_killed_at_a_stop_answers_and_ends_program,
    killed_while_the_program_runs_nothing_is_left,
    dlv_killed_during_launch_answers_the_launch,
    dlv_killed_while_idle_ends_the_session,
    every_pending_request_is_answered,
    what_dlv_said_on_stderr_is_shown,
    the_server_takes_the_next_client,
);

/// How soon the client must know.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Kills dlv with requests pending that it can no longer answer.
fn kill_with_pending(dlv: &Process, client: &mut Client, requests: &[(&str, Value)]) -> (Instant, Vec<i64>) {
    // Stopped, it does not answer in the moment before it is killed.
    dlv.signal(Signal::SIGSTOP);
    let pending =
        requests.iter().map(|(command, arguments)| client.send(command, arguments.clone())).collect();
    dlv.signal(Signal::SIGKILL);
    (Instant::now(), pending)
}

/// The requests are answered with dlv's death, then `output` tells it too, then `terminated`, then
/// the end.
fn assert_told(client: &Client, killed: Instant, pending: &[i64]) {
    client.event("terminated");
    client.eof();
    let arrivals = client.arrivals();
    let position = |wanted: &dyn Fn(&Value) -> bool| arrivals.iter().rposition(|one| wanted(&one.message));
    let output = position(&|message| message["event"] == "output").expect("an output event");
    let terminated = position(&|message| message["event"] == "terminated").expect("a terminated event");
    for seq in pending {
        let answered = position(&|message| message["request_seq"] == *seq).expect("a response");
        let response = &arrivals[answered];
        assert_eq!(response.message["success"], false, "{}", response.message);
        assert_names_death(&error_text(&response.message));
        let after = response.at.saturating_duration_since(killed);
        assert!(after < AT_ONCE, "answered after {after:?}");
        assert!(answered < output && output < terminated, "{}", client.transcript());
    }
    assert_names_death(arrivals[output].message["body"]["output"].as_str().expect("a text"));
    assert_eq!(terminated, arrivals.len() - 1, "{}", client.transcript());
}

fn assert_names_death(text: &str) {
    let says = |word: &str| text.to_lowercase().contains(word);
    assert!(says("dlv") && (says("kill") || says("signal 9")), "does not name dlv's death: {text:?}");
}

fn dlv_killed_at_a_stop_answers_and_ends_program(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::source("loop"));
    let line = program.line("// breakpoint: tick");
    let mut debug =
        Debug::begin(server.client(), "launch", build("debug", &program), &program.main(), &[line]);
    debug.stop("breakpoint");
    let (killed, pending) = kill_with_pending(&server.dlv(), &mut debug.client, &[("threads", json!({}))]);
    assert_told(&debug.client, killed, &pending);
    server.closed(1);
    program.assert_no_binary();
}

fn killed_while_the_program_runs_nothing_is_left(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::source("loop"));
    let mut debug = Debug::begin(server.client(), "launch", build("debug", &program), &program.main(), &[]);
    let (killed, pending) =
        kill_with_pending(&server.dlv(), &mut debug.client, &[("pause", json!({"threadId": 1}))]);
    assert_told(&debug.client, killed, &pending);
    server.closed(1);
    program.assert_no_binary();
}

fn dlv_killed_during_launch_answers_the_launch(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let mut client = server.client().initialize();
    let (killed, pending) = kill_with_pending(&server.dlv(), &mut client, &[("launch", exec(&program))]);
    assert_told(&client, killed, &pending);
    server.closed(1);
}

fn dlv_killed_while_idle_ends_the_session(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    server.dlv().signal(Signal::SIGKILL);
    assert_told(&debug.client, Instant::now(), &[]);
    server.closed(1);
}

fn every_pending_request_is_answered(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    let requests: Vec<(&str, Value)> = (0..50)
        .map(|count| match count % 2 {
            0 => ("threads", json!({})),
            _ => ("stackTrace", json!({"threadId": thread})),
        })
        .collect();
    let (killed, pending) = kill_with_pending(&server.dlv(), &mut debug.client, &requests);
    assert_told(&debug.client, killed, &pending);
    let arrivals = debug.client.arrivals();
    for (seq, (command, _)) in pending.iter().zip(&requests) {
        let mut answers = arrivals.iter().filter(|one| one.message["request_seq"] == *seq);
        assert_eq!(answers.next().expect("a response").message["command"], *command);
        assert!(answers.next().is_none(), "request {seq} was answered twice");
    }
    server.closed(1);
}

fn what_dlv_said_on_stderr_is_shown(dlv: &Pair) {
    let last_words = "panic: these are the last words";
    let fake = FakeDlv::new(&format!("echo '{last_words}' >&2\nexec {} \"$@\"", dlv.dlv.display()));
    let (server, program) = (Serve::with(dlv).dlv(&fake.path).start(), Program::built(dlv, "loop"));
    let (mut debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: tick");
    let (killed, pending) = kill_with_pending(&server.dlv(), &mut debug.client, &[("threads", json!({}))]);
    assert_told(&debug.client, killed, &pending);
    assert!(debug.client.output(None).contains(last_words), "{}", debug.client.transcript());
    server.closed(1);
}

fn the_server_takes_the_next_client(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "demo"));
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    server.dlv().signal(Signal::SIGKILL);
    debug.client.eof();
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.run_out(thread);
    server.closed(2);
}
