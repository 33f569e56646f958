//! Every recorded session, played as dlv to the client that it was recorded with, whose program is
//! elsewhere now.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, build};
use dlvgate_test_support::dropin;
use dlvgate_test_support::standin;
use dlvgate_test_support::toolchain::Pair;
use serde_json::json;

use crate::scenarios;
use crate::theatre::{GOROOT, PROGRAMS, Prepared, fixture, goroot};

/// A `dlvgate replay --as dlv`.
pub struct Replay {
    child: Child,
    pub front: SocketAddr,
}

impl Replay {
    pub fn start(file: &Path, flags: &[&str]) -> Replay {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dlvgate"))
            .args(["replay", "--as", "dlv"])
            .args(flags)
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let front = dropin::address(&line).unwrap_or_else(|| panic!("no ready line but {line:?}"));
        Replay { child, front }
    }

    /// Waits for its end; gives the exit code and what it reported.
    pub fn ended(mut self) -> (Option<i32>, String) {
        let mut report = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut report).unwrap();
        (self.child.wait().unwrap().code(), report)
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn every_session_succeeds(dlv: &'static str) {
    let Some(pair) = Pair::find(dlv) else { panic!("{dlv} is not installed: run tests/setup/install-delve") };
    for scenario in scenarios::all() {
        println!("{dlv}/{}", scenario.name);
        let prepared = Prepared::new(&pair, &scenario);
        let mut folders = vec![format!("{PROGRAMS}={}", prepared.parent())];
        folders.extend(goroot(&pair).map(|goroot| format!("{GOROOT}={goroot}")));
        let flags: Vec<&str> = folders.iter().flat_map(|folder| ["--map-path", folder]).collect();
        let replay = Replay::start(&fixture(dlv, &scenario), &flags);
        (scenario.play)(&prepared.stage(&pair, replay.front));
        let (code, report) = replay.ended();
        assert_eq!(code, Some(0), "{dlv}/{}: {report}", scenario.name);
        assert!(!report.contains("not in the recording"), "{report}");
    }
}

#[test]
fn dlv_1_20_is_played_to_the_client_of_every_session() {
    every_session_succeeds("dlv-1.20");
}

#[test]
fn dlv_1_27_is_played_to_the_client_of_every_session() {
    if Pair::find("dlv-1.27").is_some() {
        every_session_succeeds("dlv-1.27");
    }
}

#[test]
fn unrecorded_request_is_refused_and_reported() {
    let pair = Pair::any();
    let scenario = scenarios::all().into_iter().find(|one| one.name == "debug").unwrap();
    let prepared = Prepared::new(&pair, &scenario);
    let replay = Replay::start(&fixture("dlv-1.27", &scenario), &[]);
    let launch = build("debug", &prepared.program);
    let line = prepared.program.line("// breakpoint: order");
    let mut debug =
        Debug::begin(Client::connect(replay.front), "launch", launch, &prepared.program.main(), &[line]);
    let thread = debug.stop("breakpoint");
    let top = debug.top(thread);
    // In another order than recorded, twice, and with what is not there.
    assert_eq!(debug.evaluate(&top, "len(order.Lines)"), "2");
    assert_eq!(debug.evaluate(&top, "len(order.Lines)"), "2");
    let arguments = json!({"expression": "order.Secret", "frameId": top["id"]});
    let refused = debug.client.refused("evaluate", arguments);
    assert!(refused.contains("with other arguments"), "{refused}");
    assert!(debug.client.refused("modules", json!({})).contains("no such request"));
    debug.run_out(thread);
    let (code, report) = replay.ended();
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("not in the recording: evaluate") && report.contains("order.Secret"), "{report}");
    assert!(report.contains("recorded and not asked for: scopes"), "{report}");
}

/// `breakpoints` of a program that runs, and a `stopped` that came after them: what Delve's own
/// tests do.
#[test]
fn client_that_leaves_out_a_request_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.jsonl");
    let lines = [
        json!({"recording": 1, "tool": "t", "protocol": "dap", "start": "2026-01-01T00:00:00Z"}),
        json!({"t": 1, "from": "client", "message": {"seq": 1, "type": "request", "command": "continue"}}),
        json!({"t": 2, "from": "dlv", "message":
               {"seq": 1, "type": "response", "request_seq": 1, "success": true, "command": "continue"}}),
        json!({"t": 3, "from": "client", "message": {"seq": 2, "type": "request", "command": "threads"}}),
        json!({"t": 4, "from": "dlv", "message":
               {"seq": 2, "type": "response", "request_seq": 2, "success": true, "command": "threads"}}),
        json!({"t": 5, "from": "dlv", "message":
               {"seq": 3, "type": "event", "event": "stopped", "body": {"reason": "breakpoint"}}}),
        json!({"t": 6, "from": "client", "message": {"seq": 3, "type": "request", "command": "disconnect"}}),
        json!({"t": 7, "from": "dlv", "message":
               {"seq": 4, "type": "response", "request_seq": 3, "success": true, "command": "disconnect"}}),
    ];
    std::fs::write(&file, lines.map(|line| format!("{line}\n")).concat()).unwrap();
    let play = |commands: &[&str]| {
        let replay = Replay::start(&file, &[]);
        let mut client = Client::connect(replay.front);
        for command in commands {
            match *command {
                "stopped" => drop(client.event("stopped")),
                command => drop(client.ok(command, json!({}))),
            }
        }
        let arrived: Vec<String> = client
            .arrivals()
            .iter()
            .map(|one| one.message.get("event").unwrap_or(&one.message["command"]).to_string())
            .collect();
        drop(client);
        (replay.ended(), arrived)
    };
    let ((code, report), arrived) = play(&["continue", "threads", "stopped", "disconnect"]);
    assert_eq!((code, arrived.join(" ")), (Some(0), r#""continue" "threads" "stopped" "disconnect""#.into()));
    assert!(!report.contains("out of its place"), "{report}");
    let ((code, report), _) = play(&["continue", "stopped", "disconnect"]);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("out of its place: stopped (line 6), although nothing asked threads (line 4)"));
    let ((code, report), _) = play(&["continue", "threads", "stopped"]);
    assert_eq!(code, Some(1), "{report}");
    assert!(report.contains("the client left without disconnect (line 7)"), "{report}");
}

/// A session of one request.
fn only_disconnect() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for line in [
        json!({"recording": 1, "tool": "t", "protocol": "dap", "start": "2026-01-01T00:00:00Z"}),
        json!({"t": 1, "from": "client", "message": {"seq": 1, "type": "request", "command": "disconnect"}}),
        json!({"t": 2, "from": "dlv", "message":
               {"seq": 1, "type": "response", "request_seq": 1, "success": true, "command": "disconnect"}}),
    ] {
        writeln!(file, "{line}").unwrap();
    }
    file
}

#[test]
fn silent_connection_holds_no_client_up() {
    let session = only_disconnect();
    let replay = Replay::start(session.path(), &[]);
    let _silent = [(); 10].map(|()| TcpStream::connect(replay.front).unwrap());
    let since = Instant::now();
    let mut begun = TcpStream::connect(replay.front).unwrap();
    begun.write_all(b"Content-Length: 100\r\n\r\n{").unwrap();
    let mut client = Client::connect(replay.front);
    client.ok("disconnect", json!({}));
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
    drop(client);
    let (code, report) = replay.ended();
    assert_eq!(code, Some(0), "{report}");
}

#[test]
fn client_that_asks_for_ever_is_ended() {
    let session = only_disconnect();
    let replay = Replay::start(session.path(), &[]);
    let mut client = TcpStream::connect(replay.front).unwrap();
    let body = r#"{"seq":1,"type":"request","command":"modules"}"#;
    let asked = format!("Content-Length: {}\r\n\r\n{body}", body.len()).repeat(100);
    let mut reader = client.try_clone().unwrap();
    let answers = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
    let _ = (0..1_000).try_for_each(|_| client.write_all(asked.as_bytes()));
    let _ = client.shutdown(Shutdown::Both);
    let _ = answers.join().unwrap();
    let (code, report) = replay.ended();
    assert_eq!(code, Some(1));
    assert!(report.contains("ended: 10000 requests came"), "{}", &report[..report.len().min(500)]);
}

#[test]
fn replay_keeps_delays_and_serves_next_clients() {
    let pair = Pair::any();
    let scenario = scenarios::all().into_iter().find(|one| one.name == "debug").unwrap();
    let prepared = Prepared::new(&pair, &scenario);
    let replay = Replay::start(&fixture("dlv-1.27", &scenario), &["--delays", "--keep-serving"]);
    for _ in 0..2 {
        let begun = Instant::now();
        (scenario.play)(&prepared.stage(&pair, replay.front));
        // The build took a quarter of a second when it was recorded.
        assert!(begun.elapsed() > Duration::from_millis(200), "{:?}", begun.elapsed());
    }
}

#[test]
fn the_examples_of_the_library_run() {
    let run = |name: &str| {
        let output = Command::new(standin::example_of("dlvgate-recording", name)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let text = run("record_session");
    assert!(text.contains("messages are as in the recording that was played"), "{text}");
    let text = run("replay_as_dlv");
    assert!(
        text.contains("/my/checkout/demo/main.go") && text.contains("the order has \"2\" lines"),
        "{text}"
    );
}
