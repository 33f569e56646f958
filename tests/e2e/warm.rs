//! `--warm`: a dlv that is there before its client. What a client gets, whatever becomes of the
//! spare.

use std::net::{Ipv4Addr, TcpStream};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, initialize_arguments};
use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::ports::free_ports;
use dlvgate_test_support::process::{has_ended, is_stopped, signal_pid};
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::spare::{Spare, ended, reached, steps, taken};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::json;

for_every_dlv!(
    a_session_takes_the_spare_and_another_is_made,
    a_dead_spare_does_not_cost_the_session,
    a_port_scan_does_not_spend_the_spare,
    nothing_is_left_after_the_server_ends,
    a_killed_server_leaves_no_spare,
);

/// A session's steps where it has taken a spare: nothing is started and no gate is opened for it.
const WITH_A_SPARE: [&str; 10] = [
    "first_byte",
    "dlv_ready",
    "gate_open",
    "upstream_connected",
    "forwarding",
    "ending",
    "gate_shut",
    "dlv_stopped",
    "gate_removed",
    "closed",
];

fn warm(dlv: &Pair) -> Serve {
    Serve::with(dlv).flags(["--warm", "1"])
}

fn end(client: Client) {
    Debug { client }.disconnect();
}

/// Waits until session `number` is closed.
fn closed(server: &Server, number: u64) {
    reached(server, number, "closed");
}

fn a_session_takes_the_spare_and_another_is_made(dlv: &Pair) {
    let (mut server, program) = (warm(dlv).start(), Program::built(dlv, "demo"));
    let first = Spare::wait(&server, 1);
    assert_eq!((server.dlv().pid, server.ports().contains(&first.port)), (first.pid, true));
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    assert_eq!(server.programs("demo-binary").len(), 1);
    let second = Spare::wait(&server, 2);
    assert_eq!(server.dlvs().len(), 2);
    debug.run_out(thread);
    closed(&server, 1);
    assert_eq!(steps(&server, 1), WITH_A_SPARE);
    assert_eq!(taken(&server, 1), first, "dlv_ready says that it was a spare");
    assert_eq!(server.dlv().pid, second.pid, "the session's is gone, the next is there");
    assert!(!server.rest_of_stdout().is_empty(), "what the program prints goes on, spare or not");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
}

/// The server is held, so that it learns of the death and of the client at the same time.
fn a_dead_spare_does_not_cost_the_session(dlv: &Pair) {
    let server = warm(dlv).start();
    let first = Spare::wait(&server, 1);
    server.signal(Signal::SIGSTOP);
    poll(PATIENCE, || is_stopped(server.pid()).then_some(())).expect("it is held");
    signal_pid(first.pid, Signal::SIGKILL);
    let mut client = server.client();
    let initialize = client.send("initialize", initialize_arguments());
    poll(PATIENCE, || has_ended(first.pid).then_some(())).expect("it is dead");
    server.signal(Signal::SIGCONT);
    assert_eq!(client.response(initialize)["success"], true);
    assert_eq!(ended(&server, first.number), "spare_died");
    let own = reached(&server, 1, "dlv_ready");
    assert!(!own.line["detail"].as_str().unwrap().contains(&format!("pid {} ", first.pid)), "{}", own.line);
    end(client);
    closed(&server, 1);
    Spare::wait(&server, 2);
}

fn a_port_scan_does_not_spend_the_spare(dlv: &Pair) {
    let server = warm(dlv).start();
    let spare = Spare::wait(&server, 1);
    for _ in 0..3 {
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, spare.port)).unwrap());
    }
    // One that stays: dlv serves its first connection alone.
    let _stranger = TcpStream::connect((Ipv4Addr::LOCALHOST, spare.port)).unwrap();
    let client = server.client().initialize();
    assert_eq!(taken(&server, 1), spare);
    end(client);
    closed(&server, 1);
}

fn nothing_is_left_after_the_server_ends(dlv: &Pair) {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut server = Serve::with(dlv).flags(["--warm", "2"]).start();
        Spare::wait(&server, 2);
        let client = server.client().initialize();
        server.signal(signal);
        client.event("terminated");
        client.eof();
        assert_eq!(server.exit().code(), Some(0), "{signal:?}");
    }
}

fn a_killed_server_leaves_no_spare(dlv: &Pair) {
    let server = Serve::with(dlv).flags(["--warm", "2"]).start();
    Spare::wait(&server, 2);
    let _client = server.client().initialize();
    server.signal(Signal::SIGKILL);
    let gone = poll(PATIENCE, || server.children().is_empty().then_some(()));
    assert!(gone.is_some(), "processes are left: {:#?}", server.children());
}

#[test]
fn signal_during_a_spare_s_start_leaves_nothing() {
    let slow = FakeDlv::new("exec sleep 600");
    let mut server = warm(&Pair::any()).dlv(&slow.path).start();
    server.log.wait_for("dlv_starting", 1);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit().code(), Some(0));
}

#[test]
fn early_client_gets_the_spare_that_is_starting() {
    let pair = Pair::any();
    let waiting = r#"while [ ! -e "$(dirname "$0")/go" ]; do sleep 0.01; done"#;
    let slow = FakeDlv::new(&format!("{waiting}\nexec {} \"$@\"", pair.dlv.display()));
    let server = warm(&pair).dlv(&slow.path).start();
    server.log.wait_for("dlv_starting", 1);
    let mut client = server.client();
    let initialize = client.send("initialize", initialize_arguments());
    server.log.wait_for("first_byte", 1);
    std::fs::write(slow.file("go"), "").unwrap();
    assert_eq!(client.response(initialize)["success"], true);
    assert_eq!(taken(&server, 1), Spare::wait(&server, 1));
    end(client);
    closed(&server, 1);
}

#[test]
fn outdated_spare_is_not_handed_out() {
    let pair = Pair::any();
    let run = format!("exec {} \"$@\"", pair.dlv.display());
    let (old, new) = (FakeDlv::new(&run), FakeDlv::with_version("1.99.0", &run));
    // The one port that there is, too: the session waits until the old one has given it back.
    let port = free_ports(1).to_string();
    let server = warm(&pair).dlv(&old.path).flags(["--dlv-port", &port]).start();
    let spare = Spare::wait(&server, 1);
    std::fs::rename(&new.path, &old.path).unwrap();
    let client = server.client().initialize();
    assert_eq!(ended(&server, spare.number), "spare_outdated");
    assert_ne!(server.dlv().pid, spare.pid);
    end(client);
    closed(&server, 1);
}

#[test]
fn idle_spares_end_and_return_with_the_next_client() {
    let server = warm(&Pair::any()).flags(["--warm-idle", "1"]).start();
    let spare = Spare::wait(&server, 1);
    assert_eq!(ended(&server, spare.number), "spare_idle");
    server.log.wait_for("gate_removed", 1);
    server.nothing_left();
    let client = server.client().initialize();
    reached(&server, 1, "dlv_starting"); // it is served cold
    let next = Spare::wait(&server, 2);
    let second = server.client().initialize();
    assert_eq!(taken(&server, 2), next);
    end(second);
    end(client);
}

#[test]
fn spare_never_takes_the_only_port_from_a_session() {
    let port = free_ports(1).to_string();
    let server = warm(&Pair::any()).flags(["--dlv-port", &port]).start();
    // At once after each other: in every state that a spare can be in.
    for round in 1..=6 {
        end(server.client().initialize());
        closed(&server, round);
        if let (0, Some(dlv)) = (round % 2, server.dlvs().first()) {
            signal_pid(dlv.pid, Signal::SIGKILL);
            poll(PATIENCE, || has_ended(dlv.pid).then_some(())).expect("it is dead");
        }
    }
    // A spare (session 0) may find that a session has just taken the port.
    let is_refused = |line: &String| line.contains("in use") && !line.contains("\"session\":0,");
    let refused: Vec<_> = server.log.lines().into_iter().filter(is_refused).collect();
    assert_eq!(refused, [] as [&str; 0]);
}

#[test]
fn spares_use_range_ports_and_yield_to_sessions() {
    let first = free_ports(2);
    let range = format!("{first}-{}", first + 1);
    let server = Serve::with(&Pair::any()).flags(["--warm", "2", "--dlv-port", &range]).start();
    let ports = [1, 2].map(|count| Spare::wait(&server, count).port);
    assert_eq!(ports, [first, first + 1]);
    let clients = [(); 2].map(|()| server.client().initialize());
    let why = server.client().refused("initialize", initialize_arguments());
    assert!(why.contains(&range), "two sessions hold both: {why}");
    clients.into_iter().for_each(end);
    let third = Spare::wait(&server, 3);
    assert!(ports.contains(&third.port), "{third:?}");
}

#[test]
fn unstartable_dlv_is_logged_once_and_told_the_client() {
    let server = warm(&Pair::any()).dlv("/nonexistent/dlv").start();
    for session in 1..=2 {
        let mut client = server.client();
        let why = client.refused("initialize", initialize_arguments());
        assert!(why.contains("/nonexistent/dlv") && why.contains("--dlv"), "{why}");
        drop(client);
        closed(&server, session);
    }
    // The second try comes after a second.
    server.log.wait("the second try", |transitions| {
        let tries = transitions.iter().filter(|one| one.session == 0 && one.name == "dlv_starting");
        (tries.count() >= 2).then_some(())
    });
    let warnings: Vec<_> = server.log.lines().into_iter().filter(|line| line.contains("no spare")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    // The forked child ends when it finds no program.
    poll(PATIENCE, || server.children().is_empty().then_some(()));
    server.nothing_left();
}

#[test]
fn a_server_for_one_session_makes_one_spare() {
    let mut server = warm(&Pair::any()).flags(["--once"]).start();
    let spare = Spare::wait(&server, 1);
    let client = server.client().initialize();
    assert_eq!(taken(&server, 1), spare);
    end(client);
    assert_eq!(server.exit().code(), Some(0));
    let started = server.log.transitions().into_iter().filter(|one| one.name == "dlv_starting");
    assert_eq!(started.count(), 1);
}

#[test]
fn spare_session_records_every_message() {
    let folder = tempfile::tempdir().unwrap();
    let server = warm(&Pair::any()).flags(["--record".as_ref(), folder.path().as_os_str()]).start();
    let spare = Spare::wait(&server, 1);
    end(server.client().initialize());
    closed(&server, 1);
    let file = poll(PATIENCE, || {
        let path = std::fs::read_dir(folder.path()).unwrap().flatten().next()?.path();
        let text = std::fs::read_to_string(path).ok()?;
        text.contains("recording_ended").then_some(text)
    });
    let lines: Vec<serde_json::Value> =
        file.expect("a recording").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let steps: Vec<_> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(steps[..steps.len() - 1], WITH_A_SPARE);
    let ready = lines.iter().find(|line| line["event"] == "dlv_ready").unwrap();
    let expected = format!("pid {} at 127.0.0.1:{}, spare {}", spare.pid, spare.port, spare.number);
    assert_eq!(ready["detail"], json!(expected));
    assert!(lines.iter().any(|line| line["message"]["command"] == "initialize" && line["from"] == "dlv"));
}
