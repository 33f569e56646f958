//! Every recorded session, played as dlv to the client that it was recorded with, whose program is elsewhere now.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::scenarios;
use crate::support::dropin;
use crate::support::toolchain::Pair;
use crate::theatre::{GOROOT, PROGRAMS, Prepared, fixture};

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
        folders.extend(pair.goroot().map(|goroot| format!("{GOROOT}={goroot}")));
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
