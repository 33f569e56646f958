//! dlvgate itself: the gate that it opens, and what it says of it.

use std::fmt::Display;
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::machine::{DAEMON, Machine, OTHER, PEER, me};
use crate::service::Service;
use crate::texts;

/// How long a killed dlvgate's guard may take to remove everything.
const PATIENCE: Duration = Duration::from_secs(20);

/// `dlvgate firewall open`, which holds a gate until its standard input ends.
struct Gate {
    dlvgate: Child,
    /// The guard's, to its end.
    _journals: TempDir,
}

impl Gate {
    fn open(machine: &Machine, service: &Service, from: impl Display) -> Gate {
        let journals = tempfile::Builder::new().prefix("dlvgate-pf-journals-").tempdir().unwrap();
        let mut command = machine.dlvgate(&["firewall", "open", "--backend", "pf"]);
        command.args(["--port", &service.port().to_string(), "--from", &from.to_string(), "--journals"]);
        command.arg(journals.path().join("journals")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut dlvgate = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(dlvgate.stdout.take().expect("a pipe")).read_line(&mut line).unwrap();
        let gate = Gate { dlvgate, _journals: journals };
        assert!(line.starts_with(&format!("open: port {} for {from}", service.port())), "{line:?}");
        gate
    }

    fn close(mut self) {
        drop(self.dlvgate.stdin.take());
        assert!(self.dlvgate.wait().unwrap().success());
    }

    fn kill(&mut self) {
        self.dlvgate.kill().unwrap();
        self.dlvgate.wait().unwrap();
    }
}

impl Drop for Gate {
    /// Its guard closes everything at the end of the pipe, also after a test that failed.
    fn drop(&mut self) {
        drop(self.dlvgate.stdin.take());
        let _ = self.dlvgate.wait();
    }
}

/// The anchors of dlvgate's own that hold rules for this port. An empty one is not a gate.
pub fn gates(machine: &Machine, port: u16) -> Vec<String> {
    let page = machine.says(&["-v", "-s", "Anchors"]);
    let names = page.lines().map(str::trim);
    let is_slot = |name: &&str| {
        let number = name.strip_prefix("com.apple/010.dlvgate.").unwrap_or_default();
        number.len() == 3 && number.parse::<u16>().is_ok()
    };
    let label = format!(":{port}:deny\"");
    let ours = names.filter(is_slot).filter(|name| rules(machine, name).contains(&label));
    ours.map(str::to_owned).collect()
}

fn rules(machine: &Machine, anchor: &str) -> String {
    machine.says(&["-a", anchor, "-s", "rules"])
}

/// Whether `dlvgate firewall explain` says that a connection passes.
fn explained(mut command: Command) -> bool {
    let output = command.arg("--json").output().unwrap();
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    let answer: Value = serde_json::from_str(&page)
        .unwrap_or_else(|error| panic!("{error}: {page}{}", String::from_utf8_lossy(&output.stderr)));
    match answer["verdict"].as_str() {
        Some("pass") => true,
        Some("block") => false,
        _ => panic!("it cannot tell: {page}"),
    }
}

fn explain(machine: &Machine, service: &Service, from: Ipv4Addr) -> bool {
    let mut command = machine.dlvgate(&["firewall", "explain"]);
    command.args(["--port", &service.port().to_string(), "--from", &from.to_string()]);
    explained(command)
}

/// What happens to the peer and to another, which is what explain says.
fn what_passes(machine: &Machine, service: &Service) -> [bool; 2] {
    [PEER, OTHER].map(|from| {
        let passes = machine.passes(from, service);
        assert_eq!(explain(machine, service, from), passes, "explain of {from}");
        passes
    })
}

#[test]
fn manual_gate_is_open_to_its_peer_then_gone() {
    let (machine, service) = (Machine::new(), Service::echo());
    let references = machine.says(&["-s", "References"]);
    assert_eq!(what_passes(&machine, &service), [true, true]);
    let gate = Gate::open(&machine, &service, OTHER);
    assert_eq!(what_passes(&machine, &service), [false, true]);
    gate.close();
    let gate = Gate::open(&machine, &service, PEER);
    assert_eq!(what_passes(&machine, &service), [true, false]);
    gate.close();
    assert_eq!(what_passes(&machine, &service), [true, true]);
    assert_eq!(gates(&machine, service.port()), Vec::<String>::new());
    assert_eq!(tokens(&machine.says(&["-s", "References"])), tokens(&references));
}

/// Their ages change.
fn tokens(references: &str) -> Vec<&str> {
    references.lines().filter_map(|row| row.split_whitespace().nth(2)).collect()
}

#[test]
fn the_rules_of_these_tests_are_those_that_it_loads() {
    let (machine, service) = (Machine::new(), Service::echo());
    let port = service.port();
    for (from, text) in [
        ("127.0.0.1", texts::guarded_on_loopback(port, "127.0.0.1", me())),
        ("192.0.2.0/24", texts::guarded(port, "192.0.2.0/24")),
        ("fe80::1%lo0", texts::guarded_on_link(port, "fe80::1", "lo0")),
    ] {
        let gate = Gate::open(&machine, &service, from);
        let anchors = gates(&machine, port);
        assert_eq!(anchors.len(), 1, "{anchors:?}");
        let page = rules(&machine, &anchors[0]);
        // The guard's process id is its own.
        let (_, label) = page.split_once("\"dlvgate:").expect("a label");
        let guard = label.split(':').next().expect("a process id");
        let page = page.replace(&format!("dlvgate:{guard}:"), &format!("dlvgate:{}:", texts::GUARD));
        let printed: Vec<&str> = page.lines().map(str::trim).collect();
        assert_eq!(printed, texts::printed(&text), "{from}");
        gate.close();
    }
}

#[test]
fn a_killed_dlvgate_leaves_no_rule_and_no_token() {
    let (machine, service) = (Machine::new(), Service::echo());
    let references = machine.says(&["-s", "References"]);
    let mut gate = Gate::open(&machine, &service, PEER);
    gate.kill();
    let deadline = Instant::now() + PATIENCE;
    let is_as_before = || {
        let now = machine.says(&["-s", "References"]);
        gates(&machine, service.port()).is_empty() && tokens(&now) == tokens(&references)
    };
    while !is_as_before() {
        assert!(Instant::now() < deadline, "left: {:?}", gates(&machine, service.port()));
        std::thread::sleep(Duration::from_millis(50)); // pf has no event to wait on
    }
    assert!(machine.passes(OTHER, &service));
}

#[test]
fn explain_is_right_about_a_shut_gate() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&texts::shut(service.port()));
    assert_eq!(what_passes(&machine, &service), [false, false]);
}

#[test]
fn loopback_gate_is_open_to_its_user_alone() {
    let (machine, service) = (Machine::new(), Service::echo());
    let gate = Gate::open(&machine, &service, PEER);
    for (uid, passes) in [(me(), true), (DAEMON, false)] {
        assert_eq!(machine.user_connects(uid, &service), passes, "user {uid}");
        let mut command = machine.dlvgate(&["firewall", "explain", "--direction", "out"]);
        command.args(["--port", &service.port().to_string(), "--from", &PEER.to_string()]);
        command.args(["--uid", &uid.to_string()]);
        assert_eq!(explained(command), passes, "explain of user {uid}");
    }
    gate.close();
}
