//! Commands whose result goes to standard output: they end quietly where its reader is gone, and
//! say so where the disk is full.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::process::signal_pid;
use nix::sys::signal::Signal;

use crate::lost::Way;
use crate::place::Place;

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.27/debug.jsonl");

/// Runs it with these ways for standard output and standard error, of which a `None` is read.
fn run(mut command: Command, stdout: Option<Way>, stderr: Option<Way>) -> Output {
    let stream = |way: Option<Way>| way.map_or_else(Stdio::piped, |way| way.stream().0.into());
    command.stdout(stream(stdout)).stderr(stream(stderr)).output().unwrap()
}

fn result(command: impl Fn() -> Command) {
    let as_usual = run(command(), Some(Way::Null), None);
    let (what, said) = (format!("{:?}", command()), String::from_utf8_lossy(&as_usual.stderr));
    for way in [Way::Pipe, Way::Terminal] {
        let ran = run(command(), Some(way), None);
        assert_eq!(ran.status, as_usual.status, "{what}, standard output {way:?}");
        assert_eq!(String::from_utf8_lossy(&ran.stderr), said, "{what}, standard output {way:?}");
    }
    let full = run(command(), Some(Way::Full), None);
    assert_eq!(full.status.code(), Some(1), "{what}");
    let told = String::from_utf8_lossy(&full.stderr);
    assert!(told.contains("No space left") && !told.contains("panicked"), "{what}: {told}");
    error(command);
}

fn error(command: impl Fn() -> Command) {
    let as_usual = run(command(), None, None);
    for way in [Way::Pipe, Way::Terminal, Way::Full] {
        let ran = run(command(), Some(Way::Null), Some(way));
        assert_eq!(ran.status, as_usual.status, "{:?}, standard error {way:?}", command());
    }
}

macro_rules! results {
    ($($name:ident: $words:expr;)+) => {
        $(#[test]
        fn $name() {
            let place = Place::new();
            result(|| place.command(&$words));
        })+
    };
}

results! {
    show_ends_with_its_reader: ["show", RECORDING];
    show_json_ends_with_its_reader: ["show", "--json", RECORDING];
    show_check_ends_with_its_reader: ["show", "--check", RECORDING];
    show_of_two_ends_with_its_reader: ["show", RECORDING, RECORDING];
    doctor_ends_with_its_reader: ["doctor", "--port", "1"];
    doctor_json_ends_with_its_reader: ["doctor", "--json", "--port", "1"];
    doctor_reach_ends_with_its_reader: ["doctor", "--probe", "127.0.0.1:1"];
    config_ends_with_its_reader: ["config"];
    config_example_ends_with_its_reader: ["config", "--example"];
    completions_end_with_their_reader: ["completions", "bash"];
    help_ends_with_its_reader: ["--help"];
    help_of_serve_ends_with_its_reader: ["serve", "--help"];
    version_ends_with_its_reader: ["--version"];
}

#[test]
fn firewall_status_and_sweep_end_with_their_reader() {
    let (place, pf) = (Place::new(), StandinPf::fresh());
    for words in [&["firewall", "status"][..], &["firewall", "status", "--json"], &["firewall", "sweep"]] {
        result(|| {
            let mut command = place.command(words);
            pf.with(command.args(["--backend", "pf"]));
            command
        });
    }
}

/// Errors that go to standard error alone.
#[test]
fn errors_that_cannot_be_said_keep_their_code() {
    let place = Place::new();
    for words in [
        &["nonsense"][..],
        &["serve", "--listen", "nowhere"],
        &["show", "/nowhere"],
        &["dlv", "dap", "--listen", "192.0.2.1:0"],
        &["trust"],
        &["show", "--redact", "copy", "--yes", "/nowhere"],
        &["replay", "--as", "dlv", "/nowhere"],
        &["firewall", "close", "--port", "4000", "--journals", "/nowhere"],
    ] {
        error(|| place.command(words));
    }
}

/// They hold nothing: a pager may take its time, and a signal ends them.
#[test]
fn a_signal_ends_what_waits_for_its_reader() {
    let place = Place::new();
    for words in [&["show", RECORDING][..], &["doctor", "--port", "1"]] {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            let (stdout, _reader) = Way::Stalled.stream();
            let mut waiting = place.command(words).stdout(stdout).stderr(Stdio::null()).spawn().unwrap();
            signal_pid(i32::try_from(waiting.id()).unwrap(), signal);
            assert_eq!(waiting.wait().unwrap().signal(), Some(signal as i32), "{words:?}");
        }
    }
}
