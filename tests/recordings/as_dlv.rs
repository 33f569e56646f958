//! Every recorded session, played as dlv to the client that it was recorded with, whose program is elsewhere now.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::scenarios;
use crate::support::client::Client;
use crate::support::debug::{Debug, build};
use crate::support::dropin;
use crate::support::toolchain::Pair;
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
        let flags: Vec<&str> = folders.iter().flat_map(|folder| ["--folder", folder]).collect();
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
fn what_the_recording_does_not_have_is_refused_and_reported() {
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

#[test]
fn recorded_delays_are_kept_and_clients_follow_each_other_where_asked() {
    let pair = Pair::any();
    let scenario = scenarios::all().into_iter().find(|one| one.name == "debug").unwrap();
    let prepared = Prepared::new(&pair, &scenario);
    let replay = Replay::start(&fixture("dlv-1.27", &scenario), &["--delays", "--keep"]);
    for _ in 0..2 {
        let begun = Instant::now();
        (scenario.play)(&prepared.stage(&pair, replay.front));
        // The build took a quarter of a second when it was recorded.
        assert!(begun.elapsed() > Duration::from_millis(200), "{:?}", begun.elapsed());
    }
}

#[test]
fn the_example_of_the_library_runs() {
    let mut example = Command::new(env!("CARGO"));
    example.args(["run", "--quiet", "--locked", "--example", "recording_instead_of_dlv"]);
    let output = example.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    assert!(
        text.contains("/my/checkout/demo/main.go") && text.contains("the order has \"2\" lines"),
        "{text}"
    );
}
