//! The guard, the reaper and both sides of a replay, whose standard streams are lost.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::process::{is_alive, signal_pid};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::lost::{WAYS, Way};
use crate::lost_streams::{When, cases, code, listens, place, start};

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.27/debug.jsonl");

/// A guard with an open gate, whose standard error is lost.
fn guard(pf: &StandinPf, way: Way) -> Child {
    let (error, _lost) = way.stream();
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
    command
        .args(["guard", "--backend", "pf", "-vv"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(error);
    let mut guard = pf.with(&mut command).spawn().unwrap();
    let requests = [
        json!({"id": 1, "do": {"hello": {"version": 1, "pid": std::process::id(), "purpose": "open"}}}),
        json!({"id": 2, "do": {"open": {"port": 4000, "peers": ["192.0.2.5"]}}}),
    ];
    let mut replies = BufReader::new(guard.stdout.take().unwrap()).lines().map(Result::unwrap);
    let greeting: Value = serde_json::from_str(&replies.next().unwrap()).unwrap();
    for mut request in requests {
        if request["id"] == 1 {
            request["do"]["hello"]["version"] = greeting["dlvgate_guard"].clone();
        }
        writeln!(guard.stdin.as_ref().unwrap(), "{request}").unwrap();
        let reply = replies.next().unwrap();
        assert!(!reply.contains("failed"), "{reply}");
    }
    guard
}

#[test]
fn a_guard_without_streams_closes_its_gates() {
    for (way, ends) in WAYS.into_iter().zip([None, Some(Signal::SIGTERM)].into_iter().cycle()) {
        let pf = StandinPf::fresh();
        let mut guard = guard(&pf, way);
        match ends {
            None => drop(guard.stdin.take()),
            Some(signal) => signal_pid(i32::try_from(guard.id()).unwrap(), signal),
        }
        assert_eq!(guard.wait().unwrap().code(), Some(0), "{way:?} {ends:?}");
        pf.assert_untouched();
    }
}

#[test]
fn guard_without_streams_reports_by_exit_code() {
    for way in WAYS {
        let pf = StandinPf::fresh();
        let mut guard = guard(&pf, way);
        pf.fails(&["-a"], &[], "pfctl: DIOCXCOMMIT: Device busy");
        drop(guard.stdin.take());
        assert_eq!(guard.wait().unwrap().code(), Some(1), "{way:?}");
    }
}

#[test]
fn a_reaper_without_streams_ends_what_was_left() {
    for way in WAYS {
        let mut dlv = Command::new("setsid").args(["sleep", "300"]).spawn().unwrap();
        let pid = i32::try_from(dlv.id()).unwrap();
        let (stdout, stderr, mut ends) = way.streams();
        way.lose(&mut ends);
        let mut reaper = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        reaper.args(["reaper", "-vv"]).stdin(Stdio::piped()).stdout(stdout).stderr(stderr);
        let mut reaper = reaper.spawn().unwrap();
        reaper.stdin.take().unwrap().write_all(&pid.to_ne_bytes()).unwrap();
        let status = poll(PATIENCE, || reaper.try_wait().unwrap()).expect("it ends");
        assert_eq!(status.code(), Some(0), "{way:?}");
        assert!(!is_alive(pid), "{way:?}");
        dlv.wait().unwrap();
    }
}

#[test]
fn a_replay_as_dlv_outlives_its_streams() {
    let run = |way: Way, when: When, signal: Option<Signal>| {
        let front = place();
        let listen = front.to_string();
        let words = ["replay", "--as", "dlv", "--listen", &listen, RECORDING];
        let words = words.into_iter().chain(signal.map(|_| "--keep-serving"));
        let (mut running, mut ends) = start(Dlv::new(&Pair::any(), Which::Dlvgate).args(words), way, when);
        listens(&running, front);
        for _ in 0..=usize::from(signal.is_some()) {
            // with --keep-serving a second one is served after the first one's report
            let _client = Client::connect(front).initialize();
            way.lose(&mut ends);
        }
        signal.into_iter().for_each(|signal| running.signal(signal));
        code(&mut running)
    };
    for (way, when, _) in cases() {
        for signal in [None, Some(Signal::SIGTERM)] {
            assert_eq!(run(way, when, signal), run(Way::Null, when, signal), "{way:?} {when:?} {signal:?}");
        }
    }
}

#[test]
fn a_replay_as_client_says_by_its_code_how_it_went() {
    let pair = Pair::any();
    for way in [Way::Null, Way::Pipe, Way::Terminal, Way::Full, Way::Stalled] {
        let front = place();
        let address = front.to_string();
        let server = ["replay", "--as", "dlv", "--listen", &address, RECORDING];
        let (mut server, _) = start(Dlv::new(&pair, Which::Dlvgate).args(server), Way::Null, When::Before);
        listens(&server, front);
        let client = ["replay", "--as", "client", "--connect", &address, RECORDING];
        let (mut client, _ends) = start(Dlv::new(&pair, Which::Dlvgate).args(client), way, When::Before);
        assert_eq!(code(&mut server), Some(0), "{way:?}: the whole session is played");
        if way == Way::Stalled {
            client.signal(Signal::SIGTERM); // it holds nothing, and waits for its reader
            assert_eq!(client.child.wait().unwrap().signal(), Some(Signal::SIGTERM as i32));
        } else {
            assert_eq!(code(&mut client), Some(i32::from(way == Way::Full)), "{way:?}");
        }
    }
}
