//! Commands that hold something, whose standard output and error are lost: they serve on, and end
//! when asked, as they would with both.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, build, exec, initialize_arguments};
use dlvgate_test_support::dropin::{Dlv, Running, Which};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::ports::free_ports;
use dlvgate_test_support::process::{self, Process, listening_ports};
use dlvgate_test_support::program::Program;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::lost::{WAYS, Way};

/// When the other ends are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Before,
    InSession,
}

/// Every way at every moment, with the four reasons to end in turn.
pub fn cases() -> impl Iterator<Item = (Way, When, Why)> {
    let before = WAYS.map(|way| (way, When::Before));
    let within = [Way::Pipe, Way::Terminal].map(|way| (way, When::InSession));
    let whys =
        [Why::Client, Why::Signal(Signal::SIGTERM), Why::Signal(Signal::SIGINT), Why::Signal(Signal::SIGHUP)];
    before.into_iter().chain(within).zip(whys.into_iter().cycle()).map(|((way, when), why)| (way, when, why))
}

/// What ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Client,
    Signal(Signal),
}

/// Starts it; its streams' other ends are lost, or given.
pub fn start(mut dlv: Dlv, way: Way, when: When) -> (Running, Vec<OwnedFd>) {
    let (stdout, stderr, mut ends) = way.streams();
    dlv.command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    if when == When::Before {
        way.lose(&mut ends);
    }
    (dlv.start_as_it_is(), ends)
}

/// A place for a front. One that the kernel chooses would not do: dlvgate listens at another port
/// for a moment, to see whether the kernel names its sockets' users.
pub fn place() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, free_ports(1)))
}

/// Waits until it listens there: its ready line is not to be had.
pub fn listens(running: &Running, front: SocketAddr) {
    let own = Process {
        pid: running.pid(),
        parent: 0,
        state: 'S',
        exe: std::path::PathBuf::new(),
        arguments: Vec::new(),
    };
    let there = || listening_ports(std::slice::from_ref(&own)).contains(&front.port()).then_some(());
    poll(PATIENCE, there).expect("it listens");
}

/// How it ended, by itself.
pub fn code(running: &mut Running) -> Option<i32> {
    poll(PATIENCE, || running.child.try_wait().unwrap()).expect("it ends").code()
}

/// A session at this front that loses the streams and goes on; gives the exit code. Its recording
/// is whole.
fn session(
    dlv: Dlv,
    front: SocketAddr,
    (way, when, why): (Way, When, Why),
    ends_with_it: bool,
) -> Option<i32> {
    let recordings = dlv.file("recordings");
    let (mut running, mut ends) = start(dlv.env("DLVGATE_RECORD", &recordings), way, when);
    let program = Program::source("loop");
    listens(&running, front);
    let client = Client::connect(front);
    let mut debug = Debug::begin(client, "launch", build("debug", &program), &program.main(), &[]);
    way.lose(&mut ends);
    debug.client.ok("threads", json!({}));
    match why {
        Why::Client => {
            debug.disconnect();
            if !ends_with_it {
                running.signal(Signal::SIGTERM);
            }
        }
        Why::Signal(signal) => {
            running.signal(signal);
            debug.client.event("terminated");
            debug.client.eof();
        }
    }
    let code = code(&mut running);
    running.nothing_left();
    program.assert_no_binary();
    let recording = std::fs::read_dir(recordings).unwrap().next().expect("a recording").unwrap();
    let recording = std::fs::read_to_string(recording.path()).unwrap();
    let last = recording.lines().last().unwrap_or_default();
    assert!(
        last.contains("recording_ended") && last.contains("complete"),
        "the recording has no end: {last}"
    );
    code
}

#[test]
fn serve_outlives_its_streams() {
    let pair = Pair::any();
    for case in cases() {
        let (pf, front) = (StandinPf::fresh(), place());
        let mut dlv = Dlv::new(&pair, Which::Dlvgate).env("DLVGATE_FIREWALL", "pf");
        dlv.command.args(["serve", "--listen", &front.to_string(), "-vv"]);
        pf.with(&mut dlv.command);
        assert_eq!(session(dlv, front, case, false), Some(0), "{case:?}");
        pf.assert_untouched();
    }
}

for_every_dlv!(serve_once_outlives_its_streams);

/// With dlv 1.20, at the usual level of the log, this ended with 101 in every run.
fn serve_once_outlives_its_streams(pair: &Pair) {
    for (way, when, _) in cases() {
        let front = place();
        let dlv = Dlv::new(pair, Which::Dlvgate).args(["serve", "--once", "--listen", &front.to_string()]);
        assert_eq!(session(dlv, front, (way, when, Why::Client), true), Some(0), "{way:?} {when:?}");
    }
}

#[test]
fn dlv_in_place_outlives_its_streams() {
    let pair = Pair::any();
    let names = [Which::Command, Which::Link].into_iter().cycle();
    for ((way, when, why), which) in cases().zip(names) {
        let run = |way| {
            let front = place();
            let dlv = Dlv::new(&pair, which).args(["dap", "--listen", &front.to_string()]);
            session(dlv.env("DLVGATE_LOG", "trace"), front, (way, when, why), true)
        };
        assert_eq!(run(way), run(Way::Null), "{which:?} {way:?} {when:?} {why:?}");
    }
}

/// Its terminal goes, and with it everything that was started there.
#[test]
fn a_gone_terminal_ends_serve_in_order() {
    let (program, front) = (Program::source("loop"), place());
    let mut dlv = Dlv::new(&Pair::any(), Which::Dlvgate);
    let (output, error, ends) = Way::Terminal.streams();
    let recordings = dlv.file("recordings");
    let serve = dlv.command.get_program().to_owned();
    let mut setsid = std::process::Command::new("setsid");
    setsid
        .args(["--ctty", "--"])
        .arg(serve)
        .args(["serve", "--listen", &front.to_string(), "--record"])
        .arg(&recordings);
    setsid.envs(dlv.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    setsid.current_dir(dlv.file(""));
    dlv.command = setsid;
    let terminal = std::fs::File::from(rustix::io::dup(&ends[0]).unwrap());
    let path = rustix::pty::ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    drop(terminal);
    let input = std::fs::File::options().read(true).write(true).open(path).unwrap();
    dlv.command.stdin(input).stdout(output).stderr(error);
    let mut running = dlv.start_as_it_is();
    listens(&running, front);
    let client = Client::connect(front);
    let debug = Debug::begin(client, "launch", build("debug", &program), &program.main(), &[]);
    drop(ends);
    debug.client.event("terminated");
    debug.client.eof();
    assert_eq!(code(&mut running), Some(0));
    running.nothing_left();
    program.assert_no_binary();
}

#[test]
fn a_gate_by_hand_outlives_its_streams() {
    for (way, when, why) in cases() {
        let pf = StandinPf::fresh();
        let mut dlv = Dlv::new(&Pair::any(), Which::Dlvgate);
        dlv.command.args([
            "firewall",
            "open",
            "--hold",
            "--backend",
            "pf",
            "--port",
            "4000",
            "--from",
            "192.0.2.5",
        ]);
        pf.with(&mut dlv.command);
        let (mut running, mut ends) = start(dlv, way, when);
        poll(PATIENCE, || pf.passes_on("en0", "192.0.2.5", 4000).then_some(())).expect("the gate opens");
        poll(PATIENCE, || (!pf.passes_on("en0", "192.0.2.6", 4000)).then_some(())).expect("for this one");
        way.lose(&mut ends);
        let signal = match why {
            Why::Client => Signal::SIGTERM,
            Why::Signal(signal) => signal,
        };
        // The line that says so is tried for a moment; a signal is heard then, too.
        running.signal(signal);
        assert_eq!(code(&mut running), Some(0), "{way:?} {when:?} {signal}");
        running.nothing_left();
        pf.assert_untouched();
    }
}

/// What the program prints waits for its reader; what dlvgate does with it does not.
#[test]
fn output_that_is_not_read_holds_no_end_up() {
    let (pair, way) = (Pair::any(), Way::Stalled);
    let (program, front) = (Program::built(&pair, "flood"), place());
    let dlv = Dlv::new(&pair, Which::Dlvgate).args(["serve", "--listen", &front.to_string()]);
    let (mut running, _ends) = start(dlv, way, When::Before);
    listens(&running, front);
    for _ in 0..4 {
        let debug = Debug::begin(Client::connect(front), "launch", exec(&program), &program.main(), &[]);
        poll(PATIENCE, || running.others().iter().any(|one| one.is("flood-binary")).then_some(()))
            .expect("it runs");
        debug.disconnect();
    }
    let threads = || std::fs::read_dir(format!("/proc/{}/task", running.pid())).unwrap().count();
    // The runtime's own end when they are idle; those that wait for a reader would stay.
    poll(PATIENCE, || (threads() <= 3).then_some(()))
        .unwrap_or_else(|| panic!("{} threads are left", threads()));
    running.signal(Signal::SIGTERM);
    assert_eq!(code(&mut running), Some(0));
    running.nothing_left();
}

#[test]
fn a_killed_serve_without_streams_leaves_nothing() {
    for way in WAYS {
        let (program, front) = (Program::source("loop"), place());
        let dlv =
            Dlv::new(&Pair::any(), Which::Dlvgate).args(["serve", "--listen", &front.to_string(), "-vv"]);
        let (mut running, _ends) = start(dlv, way, When::Before);
        listens(&running, front);
        let client = Client::connect(front);
        let _debug = Debug::begin(client, "launch", build("debug", &program), &program.main(), &[]);
        process::signal_pid(running.pid(), Signal::SIGKILL);
        running.child.wait().unwrap();
        running.nothing_left();
        poll(PATIENCE, || process::debug_binaries(&program.folder).is_empty().then_some(()))
            .expect("no binary");
    }
}

/// As `nohup` starts it, in the background of a plain shell: dlv ends at SIGINT there.
#[test]
fn ignored_hangup_ends_nothing() {
    for words in [&["serve"][..], &["dlv", "dap"]] {
        let front = place();
        let listen = format!("--listen={front}");
        let mut dlv =
            Dlv::new(&Pair::any(), Which::Dlvgate).args(words.iter().copied().chain([listen.as_str()]));
        let mut command = Command::new("setsid");
        command.args(["--ctty", "sh", "-c", "trap '' HUP INT; exec \"$0\" \"$@\""]);
        command.arg(dlv.command.get_program()).args(dlv.command.get_args());
        command.envs(dlv.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        command.current_dir(dlv.command.get_current_dir().expect("a folder"));
        let (terminal, end) = Way::Terminal.stream();
        command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap()).stderr(terminal);
        dlv.command = command;
        let mut running = dlv.start_as_it_is();
        listens(&running, front);
        let mut client = Client::connect(front).initialize();
        drop(end);
        running.signal(Signal::SIGHUP);
        client.ok("initialize", initialize_arguments());
        running.signal(Signal::SIGINT);
        // It ends for the first signal that it hears.
        let said = client.bytes(|bytes| String::from_utf8_lossy(bytes).contains("was stopped ("));
        assert!(String::from_utf8_lossy(&said).contains("was stopped (SIGINT)"), "{words:?}");
        code(&mut running);
        running.nothing_left();
    }
}
