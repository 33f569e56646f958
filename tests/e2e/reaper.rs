//! The process that ends what a killed proxy has left: with real dlvs, and by hand with processes
//! of the tests' own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::process::{is_alive, signal_pid};
use dlvgate_test_support::program::Program;
use dlvgate_test_support::server::{Serve, Server};
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;

for_every_dlv!(a_dlv_that_hangs_does_not_outlive_a_killed_proxy);

fn a_dlv_that_hangs_does_not_outlive_a_killed_proxy(dlv: &Pair) {
    let (server, program) = (Serve::with(dlv).start(), Program::built(dlv, "loop"));
    let _running = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    assert_eq!(server.programs("loop").len(), 1);
    server.dlv().signal(Signal::SIGSTOP);
    server.signal(Signal::SIGKILL);
    nothing_is_left(&server);
}

#[test]
fn replaced_reaper_knows_the_earlier_dlvs() {
    let server = Serve::with(&Pair::any()).start();
    let _first = server.client().initialize();
    server.reaper().expect("it runs").signal(Signal::SIGKILL);
    poll(PATIENCE, || server.reaper().is_none().then_some(())).expect("it ends");
    let _second = server.client().initialize();
    let dlvs = server.dlvs();
    assert_eq!(dlvs.len(), 2);
    dlvs.iter().for_each(|dlv| dlv.signal(Signal::SIGSTOP));
    server.signal(Signal::SIGKILL);
    nothing_is_left(&server);
}

#[test]
fn reaper_starts_with_a_dlv_and_ends_with_proxy() {
    let mut server = Serve::with(&Pair::any()).start();
    let _silent = server.client();
    assert!(server.reaper().is_none(), "no client has sent anything");
    server.client().ok("initialize", initialize_arguments());
    let reaper = server.reaper().expect("it runs");
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        reaper.signal(signal);
    }
    server.client().ok("initialize", initialize_arguments());
    assert!(is_alive(reaper.pid), "what is meant for the proxy does not end it before");
    server.signal(Signal::SIGTERM);
    assert!(server.exit().success());
    assert!(!is_alive(reaper.pid), "who waits for the proxy's end has waited for its");
}

#[test]
fn program_of_an_already_dead_dlv_is_ended() {
    let (dlv, program) = orphan();
    let mut reaper = Reaper::start();
    reaper.tell(dlv);
    assert!(reaper.ends());
    has_ended(program);
}

#[test]
fn what_is_over_is_left_alone() {
    let (dlv, program) = orphan();
    let mut reaper = Reaper::start();
    reaper.tell(dlv);
    reaper.tell(-dlv);
    assert!(reaper.ends());
    assert!(is_alive(program));
    signal_pid(program, Signal::SIGKILL);
}

/// Its process id may be reused by the time the proxy is killed.
#[test]
fn only_a_failed_start_is_forgotten() {
    let (other, program) = orphan();
    let (mut failed, mut living) = (Reaper::start(), Reaper::start());
    failed.tell(other);
    failed.tell(0);
    assert!(failed.ends());
    assert!(is_alive(program), "the session of a leader that could not become dlv is not ended");
    let mut family = Family::new("sleep 300 & echo $!; wait");
    let dlv_s = family.says();
    living.tell(family.pid());
    living.tell(0);
    assert!(living.ends());
    has_ended(dlv_s);
    family.leader.wait().unwrap();
    signal_pid(program, Signal::SIGKILL);
}

#[test]
fn building_dlv_is_asked_first_and_its_binary_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (asked, binary) = (folder.path().join("asked"), folder.path().join("__debug_bin1"));
    std::fs::write(&binary, "").unwrap();
    // The words after `read` are those of a build; the shell waits for it, so it dies at its trap's
    // end.
    let script = format!(
        "trap 'echo asked > {}; exit' TERM; sh -c 'echo $$; sleep 300' go build -o {} & wait",
        asked.display(),
        binary.display()
    );
    let mut family = Family::new(&script);
    let builder = family.says();
    let mut reaper = Reaper::start();
    reaper.tell(family.pid());
    assert!(reaper.ends());
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "asked\n");
    has_ended(builder);
    assert!(!Path::new(&binary).exists());
    family.leader.wait().unwrap();
}

/// A signal takes its time.
fn has_ended(pid: i32) {
    poll(PATIENCE, || (!is_alive(pid)).then_some(())).expect("it ends");
}

fn nothing_is_left(server: &Server) {
    let gone = || (server.children().is_empty() && server.reaper().is_none()).then_some(());
    poll(PATIENCE, gone).unwrap_or_else(|| panic!("processes are left: {:#?}", server.children()));
}

/// Stands for a dlv: a shell that leads a process session, and says the process id of what it has
/// started.
struct Family {
    leader: Child,
}

impl Family {
    fn new(script: &str) -> Self {
        let mut leader = Command::new("setsid");
        leader.args(["sh", "-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        Self { leader: leader.spawn().unwrap() }
    }

    fn pid(&self) -> i32 {
        self.leader.id().try_into().unwrap()
    }

    fn says(&mut self) -> i32 {
        let mut line = String::new();
        BufReader::new(self.leader.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.trim().parse().unwrap()
    }
}

/// A dlv that has ended, and the program that it has left: their process ids.
fn orphan() -> (i32, i32) {
    let mut family = Family::new("sleep 300 >&- & echo $!");
    let program = family.says();
    family.leader.wait().unwrap();
    (family.pid(), program)
}

/// A reaper whose proxy is the test.
struct Reaper {
    process: Child,
    line: Option<ChildStdin>,
}

impl Reaper {
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        let mut process = process.arg("reaper").stdin(Stdio::piped()).spawn().unwrap();
        Self { line: process.stdin.take(), process }
    }

    fn tell(&mut self, word: i32) {
        self.line.as_mut().unwrap().write_all(&word.to_ne_bytes()).unwrap();
    }

    /// The proxy is gone. Whether it did what it had to before a hung dlv would have been killed.
    fn ends(&mut self) -> bool {
        drop(self.line.take());
        let status = poll(Duration::from_secs(4), || self.process.try_wait().unwrap());
        status.is_some_and(|status| status.success())
    }
}
