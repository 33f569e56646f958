//! `--record`: what comes into the file, who may read it, and what ends it.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::{Debug, exec, initialize_arguments};
use dlvgate_test_support::dropin::{Dlv, Which};
use dlvgate_test_support::frames::frame;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::recorder::Recorder;
use dlvgate_test_support::rpc::Rpc;
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::session_log::WHOLE_SESSION;
use dlvgate_test_support::toolchain::Pair;
use dlvgate_test_support::{PATIENCE, poll, script};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder for recordings.
struct Records {
    folder: TempDir,
}

impl Records {
    fn new() -> Records {
        Records { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("records")
    }

    fn flags(&self) -> [String; 2] {
        ["--record".to_owned(), self.path().display().to_string()]
    }

    /// The one recording.
    fn file(&self) -> PathBuf {
        one_file(&self.path())
    }

    /// Its lines, as far as they are whole.
    fn lines(&self) -> Vec<Value> {
        lines(&self.file())
    }

    /// Waits until it has its last line.
    fn ended(&self) -> Vec<Value> {
        let ended = poll(PATIENCE, || {
            let lines = self.lines();
            lines.last().is_some_and(|line| line["event"] == "recording_ended").then_some(lines)
        });
        ended.unwrap_or_else(|| panic!("no end: {:#?}", self.lines()))
    }
}

fn one_file(folder: &Path) -> PathBuf {
    let file = poll(PATIENCE, || std::fs::read_dir(folder).ok()?.flatten().next());
    file.expect("a recording").path()
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn messages<'a>(lines: &'a [Value], from: &'a str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["from"] == from).map(|line| &line["message"]).collect()
}

#[test]
fn every_message_is_recorded_for_the_owner_only() {
    let (dlv, records) = (Pair::any(), Records::new());
    let (server, program) = (Serve::with(&dlv).flags(records.flags()).start(), Program::built(&dlv, "demo"));
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    debug.top(thread);
    debug.go_on(thread);
    debug.client.event("terminated");
    debug.client.ok("disconnect", json!({}));
    debug.client.eof();
    let arrivals: Vec<Value> = debug.client.arrivals().into_iter().map(|arrival| arrival.message).collect();
    let lines = records.ended();
    let header = &lines[0];
    assert_eq!((&header["recording"], &header["protocol"]), (&json!(1), &json!("dap")));
    assert!(header["dlv"].as_str().unwrap().starts_with("1."), "{header}");
    assert!(header["go"].as_str().unwrap().starts_with("go1."), "{header}");
    assert_eq!(
        messages(&lines, "dlv"),
        arrivals.iter().collect::<Vec<_>>(),
        "what the client got, in its order"
    );
    let asked: Vec<&Value> =
        messages(&lines, "client").into_iter().map(|message| &message["command"]).collect();
    assert_eq!(asked[..2], ["initialize", "launch"]);
    assert_eq!(asked.last().unwrap(), &"disconnect");
    let times: Vec<u64> = lines[1..].iter().map(|line| line["t"].as_u64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let steps: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    let in_order: Vec<&str> = steps.iter().copied().filter(|step| WHOLE_SESSION.contains(step)).collect();
    assert_eq!(in_order, WHOLE_SESSION);
    let end = lines.last().unwrap();
    assert_eq!(end["detail"], "complete");
    assert_eq!(end["messages"], arrivals.len() + asked.len());
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&records.file()), mode(&records.path())), (0o600, 0o700));
}

#[test]
fn dropin_records_json_rpc_by_variable() {
    let (dlv, records) = (Pair::any(), Records::new());
    let program = Program::built(&dlv, "demo");
    let words =
        ["exec", "--headless", "--api-version=2", "--listen=127.0.0.1:0", program.binary.to_str().unwrap()];
    let started = Dlv::new(&dlv, Which::Link).args(words).env("DLVGATE_RECORD", records.path());
    let mut running = started.start();
    let mut rpc = Rpc::connect(running.ready());
    rpc.call("SetApiVersion", json!({"APIVersion": 2}));
    rpc.break_at(&program.main(), program.line("// breakpoint: order"));
    rpc.run();
    assert_eq!(rpc.eval("order.ID"), "7");
    rpc.call("Detach", json!({"Kill": true}));
    rpc.eof();
    running.ended();
    let lines = records.ended();
    assert_eq!(lines[0]["protocol"], "json-rpc");
    let whole: Vec<Value> =
        serde_json::Deserializer::from_slice(&rpc.bytes).into_iter::<Value>().map(Result::unwrap).collect();
    assert_eq!(messages(&lines, "dlv"), whole.iter().collect::<Vec<_>>());
}

#[test]
fn what_is_redacted_never_comes_into_the_file() {
    let (dlv, records) = (Pair::any(), Records::new());
    let server = Serve::with(&dlv).flags(records.flags()).flags(["--redact"]).start();
    let program = Program::built(&dlv, "demo");
    let (mut debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let top = debug.top(thread);
    debug.locals(&top);
    assert_eq!(debug.evaluate(&top, "order.Customer.Name == \"Zoë Müller\""), "true");
    debug.run_out(thread);
    let lines = records.ended();
    assert_eq!(lines[0]["redacted"], true);
    let text = std::fs::read_to_string(records.file()).unwrap();
    for secret in ["Zoë", "Hafenstra", "Berlin", "proc.go", "Customer", "main.go", "stock", "order", "Order"]
    {
        assert!(!text.contains(secret), "{secret} is in the file");
    }
    for kept in ["main.main", "\"breakpoint\"", "stackTrace", "map[string]int", " == "] {
        assert!(text.contains(kept), "{kept} is not in the file");
    }
}

#[test]
fn last_words_of_dlv_are_redacted() {
    let (records, folder) = (Records::new(), tempfile::Builder::new().prefix("pl4nted-").tempdir().unwrap());
    // What Go's %+v prints has braces, which are no variables of DAP's error format.
    let dlv = folder.path().join("dlv-pl4nted");
    script::write(&dlv, "#!/bin/sh\necho '{pl4nted-1:x} %+v {Token:pl4nted-2}{pl4nted-3}' >&2\nexit 1\n");
    let server = Serve::with(&Pair::any()).dlv(&dlv).flags(records.flags()).flags(["--redact"]).start();
    let mut client = server.client();
    let asked = client.send("initialize", initialize_arguments());
    let answer = client.response(asked);
    let keys: Vec<&String> = answer["body"]["error"].as_object().unwrap().keys().collect();
    assert!(!keys.iter().any(|key| *key == "variables"), "{answer}");
    assert!(answer["body"]["error"]["format"].as_str().unwrap().contains("{Token:pl4nted-2}"), "{answer}");
    client.eof_after_close();
    let lines = records.ended();
    assert!(!messages(&lines, "dlvgate").is_empty(), "{lines:#?}");
    let text = std::fs::read_to_string(records.file()).unwrap();
    assert!(!text.contains("pl4nted") && !text.contains("Token"), "{text}");
}

#[test]
fn what_dlvgate_says_itself_is_marked() {
    let (dlv, records) = (Pair::any(), Records::new());
    let (server, program) = (Serve::with(&dlv).flags(records.flags()).start(), Program::built(&dlv, "demo"));
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    server.dlv().signal(Signal::SIGKILL);
    debug.client.event("terminated");
    debug.client.eof_after_close();
    let lines = records.ended();
    let own: Vec<&Value> = messages(&lines, "dlvgate").into_iter().map(|message| &message["event"]).collect();
    assert_eq!(own, ["output", "terminated"]);
}

#[test]
fn what_is_no_message_is_kept_as_it_came() {
    let (dlv, records) = (Pair::any(), Records::new());
    let server = Serve::with(&dlv).flags(records.flags()).start();
    let mut client = server.client().initialize();
    client.raw(b"Content-Type: x\r\ncontent-length: 60\r\n\r\n{\"seq\":2, \"type\":\"request\",\n\"command\":\"threads\"}             ");
    client.response(2);
    client.raw(b"GET / HTTP/1.1\r\n\xff\r\n\r\n");
    client.eof_after_close();
    let lines = records.ended();
    let loose = lines.iter().find(|line| line["header"].is_string()).expect("a header of its own");
    assert_eq!(loose["header"], "Content-Type: x\r\ncontent-length: 60\r\n\r\n");
    assert!(loose["text"].as_str().unwrap().contains("\n\"command\":\"threads\""), "{loose}");
    let stray: Vec<&Value> = lines.iter().filter(|line| line["unframed"] == true).collect();
    assert!(!stray.is_empty() && stray.iter().any(|line| line["base64"].is_string()), "{lines:#?}");
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_session() {
    if !nix::unistd::Uid::effective().is_root() {
        println!("not run: mounting a small disk takes root");
        return;
    }
    // A mount namespace is a thread's own, and what the thread starts is in it.
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mount = |words: &[&str]| {
        let status = Command::new("mount").args(words).status().unwrap();
        assert!(status.success(), "mount {words:?}");
    };
    mount(&["--make-rprivate", "/"]);
    mount(&["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path().to_str().unwrap()]);
    let upstream = Recorder::start();
    let flags = ["--record", folder.path().to_str().unwrap(), "--upstream", &upstream.address().to_string()];
    let server = Serve::with(&Pair::any()).flags(flags).start();
    let mut client = Client::connect(server.front());
    client.send("threads", Value::Null);
    upstream.wait(1);
    let (count, padding) = (300, "x".repeat(1000));
    for number in 0..count {
        let event = json!({"seq": number, "type": "event", "event": "output", "body": {"output": padding}});
        upstream.say(&frame(&event.to_string()));
    }
    let all = poll(PATIENCE, || (client.arrivals().len() == count).then_some(()));
    assert!(all.is_some(), "the session goes on: {} of {count} events", client.arrivals().len());
    let is_warned =
        || server.log.lines().iter().any(|line| line.contains("the session goes on")).then_some(());
    poll(PATIENCE, is_warned).expect("a warning");
    let lines = poll(PATIENCE, || {
        let lines = lines(&one_file(folder.path()));
        lines.last().is_some_and(|line| line["event"] == "recording_ended").then_some(lines)
    });
    let lines = lines.expect("a mark");
    let end = lines.last().unwrap();
    assert!(end["detail"].as_str().unwrap().contains("missing from here on: No space left"), "{end}");
    assert_eq!(end["messages"], messages(&lines, "dlv").len() + messages(&lines, "client").len());
    let shown = Command::new(env!("CARGO_BIN_EXE_dlvgate"))
        .arg("show")
        .arg(one_file(folder.path()))
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&shown.stderr).contains("missing from here on"), "{shown:?}");
}

#[test]
fn killed_recording_can_still_be_shown() {
    let (dlv, records) = (Pair::any(), Records::new());
    let (server, program) = (Serve::with(&dlv).flags(records.flags()).start(), Program::built(&dlv, "demo"));
    let (debug, _) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let is_there =
        || messages(&records.lines(), "dlv").iter().any(|one| one["command"] == "stackTrace").then_some(());
    poll(PATIENCE, is_there).expect("written while the session runs");
    server.signal(Signal::SIGKILL);
    debug.client.end();
    let shown = Command::new(env!("CARGO_BIN_EXE_dlvgate")).arg("show").arg(records.file()).output().unwrap();
    assert_eq!(shown.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&shown.stdout).contains("stackTrace"));
    assert!(String::from_utf8_lossy(&shown.stderr).contains("has no end"), "{shown:?}");
}

#[test]
fn a_recording_is_followed_until_its_end() {
    let (dlv, records) = (Pair::any(), Records::new());
    let (server, program) = (Serve::with(&dlv).flags(records.flags()).start(), Program::built(&dlv, "demo"));
    let (debug, thread) = Debug::stopped_at(server.client(), &program, "// breakpoint: order");
    let mut follow = Command::new(env!("CARGO_BIN_EXE_dlvgate"))
        .args(["show", "--follow"])
        .arg(records.file())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = follow.stdout.take().unwrap();
    let mut text = String::new();
    while !text.contains("event stopped") {
        let mut chunk = [0; 4096];
        let read = stdout.read(&mut chunk).unwrap();
        assert!(read > 0, "it ended before the recording: {text}");
        text.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    assert!(!text.contains("disconnect"));
    debug.run_out(thread);
    stdout.read_to_string(&mut text).unwrap();
    assert!(follow.wait().unwrap().success());
    assert!(text.contains("disconnect") && text.contains("slowest"), "{text}");
}

#[test]
fn unwritable_folder_is_reported_before_any_client() {
    let output = Serve::with(&Pair::any()).flags(["--record", "/proc/nowhere"]).run();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--record /proc/nowhere"), "{said}");
}

#[test]
fn amended_launch_is_recorded_as_received() {
    let (dlv, records) = (Pair::any(), Records::new());
    let set = ["--launch-default", "stopOnEntry=true"];
    let (server, program) =
        (Serve::with(&dlv).flags(records.flags()).flags(set).start(), Program::built(&dlv, "demo"));
    let mut debug = Debug::begin(server.client(), "launch", exec(&program), &program.main(), &[]);
    let thread = debug.stop("entry");
    debug.run_out(thread);
    let lines = records.ended();
    let launch =
        messages(&lines, "client").into_iter().find(|message| message["command"] == "launch").unwrap();
    assert!(launch["arguments"]["stopOnEntry"].is_null(), "{launch}");
    assert_eq!(lines[0]["settings"]["launch_default"], json!(["stopOnEntry=true"]));
}
