//! Where dlvgate listens in dlv's place, and how the client learns of it.

use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::dropin::{Collected, Dlv, Which, address};
use dlvgate_test_support::for_every_dlv;
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::toolchain::Pair;
use nix::sys::socket::{Shutdown, shutdown};
use serde_json::json;

use super::side_by_side::lasting;

for_every_dlv!(
    a_dap_session_in_place_of_dlv_dap,
    every_spelling_of_the_address_is_taken,
    the_ready_line_goes_where_the_log_goes,
    the_ready_line_goes_to_a_descriptor,
    a_client_that_waits_is_dialled,
    a_unix_socket_is_served,
    several_clients_come_and_come_back,
    a_silent_connection_spends_nothing,
    begun_header_spends_nothing,
);

fn a_dap_session_in_place_of_dlv_dap(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let mut running = Dlv::new(dlv, Which::Command).args(["dap", "-l", "127.0.0.1:0"]).start();
    assert!(running.stdout.first_line().starts_with("DAP server listening at: 127.0.0.1:"));
    let (debug, thread) =
        Debug::stopped_at(Client::connect(running.ready()), &program, "// breakpoint: order");
    debug.run_out(thread);
    let ended = running.ended();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    assert!(
        ended.stdout.contains("order 7 for Zoë Müller"),
        "the program's output is passed on: {}",
        ended.stdout
    );
    running.nothing_left();
}

fn every_spelling_of_the_address_is_taken(dlv: &Pair) {
    for words in [
        &["dap", "-l", "127.0.0.1:0"][..],
        &["dap", "-l127.0.0.1:0"],
        &["dap", "--listen", "127.0.0.1:0"],
        &["dap", "--listen=localhost:0"],
        &["dap", "--listen=:0"],
        &["dap", "--listen=0.0.0.0:0"],
        &["dap"],
    ] {
        let running = Dlv::new(dlv, Which::Command).args(words).start();
        let front = running.ready();
        assert!(front.ip().is_loopback() && front.is_ipv4() && front.port() > 0, "{words:?}: {front}");
        let ours = running
            .others()
            .iter()
            .flat_map(|one| dlvgate_test_support::process::listening_ports(std::slice::from_ref(one)))
            .collect::<Vec<_>>();
        assert_eq!(ours.len(), 1, "dlv listens on a port of its own");
        assert_ne!(ours[0], front.port());
    }
}

fn the_ready_line_goes_where_the_log_goes(dlv: &Pair) {
    let start = Dlv::new(dlv, Which::Command);
    let log = start.file("dlv.log");
    let words = ["dap", "--log", "--log-output=dap", "--log-dest", log.to_str().unwrap()];
    let mut running = start.args(words).start();
    let line = dlvgate_test_support::poll(dlvgate_test_support::PATIENCE, || {
        std::fs::read_to_string(&log).ok().filter(|text| text.contains('\n'))
    });
    let front = address(line.expect("a line").split_inclusive('\n').next().unwrap())
        .expect("the ready line is the first");
    Debug::begin_quietly(Client::connect(front)).disconnect();
    let ended = running.ended();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("layer=dap"), "dlv's log is there: {log}");
}

/// As VS Code does it: descriptor 3 is a socket.
fn the_ready_line_goes_to_a_descriptor(dlv: &Pair) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let words = ["dap", "--check-go-version=false", "--listen=127.0.0.1:0", "--log-dest=3"];
    let mut start = Dlv::new(dlv, Which::Command).args(words);
    // A shell gives a descriptor its number.
    let theirs = OwnedFd::from(theirs);
    let inherited = nix::unistd::dup(&theirs).unwrap(); // without FD_CLOEXEC
    let mut shell = std::process::Command::new("bash");
    let line = format!("exec 3<&{}; exec \"$0\" \"$@\"", inherited.as_raw_fd());
    shell.args(["-c", &line]).arg(start.command.get_program()).args(start.command.get_args());
    shell.envs(start.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    start.command = shell;
    let mut running = start.start_as_it_is();
    drop((theirs, inherited));
    let log = Collected::from(ours);
    let front = address(&log.first_line()).expect("the ready line is the first");
    Debug::begin_quietly(Client::connect(front)).disconnect();
    let ended = running.ended();
    assert_eq!((ended.status.code(), ended.stdout.as_str()), (Some(0), ""));
}

fn a_client_that_waits_is_dialled(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = format!("--client-addr=:{}", listener.local_addr().unwrap().port());
    let mut running = Dlv::new(dlv, Which::Command).args(["dap", &client]).start();
    let stream = listener.accept().unwrap().0;
    let (debug, thread) = Debug::stopped_at(Client::over(stream), &program, "// breakpoint: order");
    debug.run_out(thread);
    let ended = running.ended();
    assert_eq!(ended.status.code(), Some(0));
    assert!(!ended.stdout.contains("listening at"), "{}", ended.stdout);
    running.nothing_left();
    // It listens no more, and no other program has the port.
    shutdown(listener.as_raw_fd(), Shutdown::Both).unwrap();
    let refused = [Which::Real, Which::Command].map(|which| {
        let ended = Dlv::new(dlv, which).args(["dap", &client]).start().ended();
        (ended.status, lasting(&ended.stdout), lasting(&ended.stderr))
    });
    assert_eq!(refused[0], refused[1], "no connection waits");
}

fn a_unix_socket_is_served(dlv: &Pair) {
    use std::io::Write;
    let start = Dlv::new(dlv, Which::Command);
    let path = start.file("dlv.sock");
    let listen = format!("--listen=unix:{}", path.display());
    let mut running = start.args(["dap", &listen]).start();
    assert_eq!(running.stdout.first_line(), format!("DAP server listening at: {}\n", path.display()));
    let mut stream = UnixStream::connect(&path).unwrap();
    let hello = json!({"seq": 1, "type": "request", "command": "initialize", "arguments": dlvgate_test_support::debug::initialize_arguments()});
    stream.write_all(&frame(&hello.to_string())).unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("\"request_seq\":1") {
        let mut chunk = [0; 512];
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "an answer comes: {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..read]);
    }
    drop(stream);
    assert_eq!(running.ended().status.code(), Some(0));
    assert!(!path.exists(), "the socket goes with its server");
}

fn several_clients_come_and_come_back(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    let words = ["exec", "--headless", "--api-version=2", "--accept-multiclient", binary];
    let mut running = Dlv::new(dlv, Which::Command).args(words).start();
    let mut first = Rpc::connect(running.ready());
    first.break_at(&program.main(), program.line("// breakpoint: order"));
    first.run();
    first.leave();
    let mut second = Rpc::connect(running.ready());
    let state = second.call("State", json!({"NonBlocking": true}))["State"].clone();
    assert_eq!(
        state["currentThread"]["line"],
        program.line("// breakpoint: order"),
        "it is where the first left it"
    );
    let mut third = Rpc::connect(running.ready());
    assert_eq!(third.eval("order.ID"), "7");
    second.call("Detach", json!({"Kill": true}));
    third.eof();
    assert_eq!(running.ended().status.code(), Some(0));
    running.nothing_left();
}

fn a_silent_connection_spends_nothing(dlv: &Pair) {
    let program = Program::built(dlv, "demo");
    let binary = program.binary.to_str().unwrap();
    for words in [&["dap"][..], &["exec", "--headless", "--api-version=2", binary]] {
        let mut running = Dlv::new(dlv, Which::Command).args(words).start();
        for _ in 0..5 {
            Client::connect(running.ready()).eof_after_close();
        }
        Debug::begin_quietly(Client::connect(running.ready())).client.reset();
        assert_eq!(running.ended().status.code(), Some(0), "the client was the one");
    }
}

fn begun_header_spends_nothing(dlv: &Pair) {
    let mut running = Dlv::new(dlv, Which::Command).args(["dap"]).start();
    let mut begun = Client::connect(running.ready());
    begun.raw(b"Content-Le");
    begun.eof_after_close();
    Debug::begin_quietly(Client::connect(running.ready())).client.reset();
    assert_eq!(running.ended().status.code(), Some(0), "the client was the one");
}
