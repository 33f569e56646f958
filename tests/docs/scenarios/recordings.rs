//! Recordings: made, shown, played.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::debug::Debug;
use dlvgate_test_support::paths::repository;
use dlvgate_test_support::standin;
use serde_json::{Value, json};

use crate::pages::Block;
use crate::play;
use crate::stage::Stage;

/// Makes session.jsonl a session that this stage's dlv answers again: its program started, and let
/// run.
fn record(stage: &Stage) {
    let serving = stage.start("dlvgate serve --listen 127.0.0.1:2345 --once --record made");
    serving.says("server listening at: ");
    let client = Client::over(stage.connect(None, 2345));
    let project = stage.project().canonicalize().unwrap();
    let launch = json!({"mode": "exec", "program": project.join("bin/server")});
    let mut debug = Debug::begin(client, "launch", launch, &project.join("main.go"), &[]);
    debug.client.event("terminated");
    debug.client.ok("disconnect", Value::Null);
    debug.client.eof();
    assert_eq!(serving.ended().code, Some(0));
    let [made] = &recordings(stage.project().join("made"))[..] else { panic!("one recording") };
    let text = fs::read_to_string(made).unwrap();
    // It was another one's machine.
    let text = text.replace(project.to_str().expect("UTF-8"), "/home/ann/app");
    fs::write(stage.project().join("session.jsonl"), text).unwrap();
}

fn recordings(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let files = entries.map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect()
}

/// Every way to switch recording on makes a file of its session.
pub fn record_each(stage: &Stage, block: &Block) {
    stage.run("mkdir -p ~/dlvgate && ln -s \"$(command -v dlvgate)\" ~/dlvgate/dlv");
    for (command, count) in block.commands().iter().zip(1..) {
        play::one(stage, command);
        let made = recordings(stage.home().join("recordings"));
        assert_eq!(made.len(), count, "{command}: {made:?}");
    }
}

/// The session is there to be read, as it grows too, and the page is written.
pub fn show(stage: &Stage, block: &Block) {
    for command in block.commands() {
        if command.contains("--follow") {
            follow(stage, &command);
            continue;
        }
        let said = play::one(stage, &command);
        match () {
            () if command.contains("--command evaluate") => assert!(!said.contains("launch #"), "{said}"),
            () if command.contains("--event stopped") => assert!(!said.contains("launch #"), "{said}"),
            () if command.contains("--grep 'order.ID'") => assert!(said.contains("order.ID"), "{said}"),
            () if command.starts_with("dlvgate show session.jsonl") => {
                assert!(said.contains("launch #2") && said.contains("slowest"), "{said}");
            }
            () => {}
        }
    }
    let page = stage.read("session.html");
    assert!(page.contains("</html>") && page.contains("setBreakpoints"), "{page}");
}

/// Checks that later messages are shown.
fn follow(stage: &Stage, command: &str) {
    let path = stage.project().join("session.jsonl");
    let text = stage.read("session.jsonl");
    let cut = text.find("setBreakpoints").expect("a request");
    fs::write(&path, &text[..cut]).unwrap();
    let running = stage.start(command);
    running.says("launch #2");
    assert!(!running.stdout.text().contains("continue #"));
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&text.as_bytes()[cut..]).unwrap();
    running.says("continue #");
    assert_eq!(running.ended().code, Some(0));
}

/// A copy without values.
pub fn redact(stage: &Stage, block: &Block) {
    play::as_printed(stage, block);
    let copy = stage.read("to-send.jsonl");
    let header: Value = serde_json::from_str(copy.lines().next().expect("a header")).expect("JSON");
    assert_eq!(header["redacted"], true);
    assert!(stage.read("session.jsonl").contains("Zoë Müller") && !copy.contains("Müller"), "{copy}");
}

/// A client is answered what was recorded.
pub fn as_dlv(stage: &Stage, block: &Block) {
    play::as_printed(stage, block);
}

/// dlv answers as it did when the session was recorded. The server is printed in the line before,
/// for another terminal.
pub fn as_client(stage: &Stage, block: &Block) {
    record(stage);
    let commands = block.commands();
    let [serve, replay] = &commands[..] else { panic!("two commands: {commands:?}") };
    with_a_server(stage, serve, replay);
}

fn with_a_server(stage: &Stage, serve: &str, replay: &str) {
    let serving = stage.start(serve);
    serving.says("server listening at: ");
    let said = play::one(stage, replay);
    assert!(said.contains("no difference"), "{said}");
    assert_eq!(serving.ended().code, Some(0));
}

/// A block that records, shows and plays: what plays the client needs a dlv to play with.
pub fn from_end_to_end(stage: &Stage, block: &Block) {
    for command in block.commands() {
        if !command.contains("--as client") {
            play::one(stage, &command);
            continue;
        }
        record(stage);
        // Without --map-path it has to be the machine that it was recorded on.
        let text = stage.read("session.jsonl");
        let folder = stage.project().canonicalize().unwrap();
        let text = text.replace("/home/ann/app", folder.to_str().expect("UTF-8"));
        fs::write(stage.project().join("session.jsonl"), text).unwrap();
        with_a_server(stage, "dlvgate serve --listen 127.0.0.1:2345 --once", &command);
    }
    assert_eq!(recordings(stage.home().join("recordings")).len(), 1);
    assert!(stage.project().join("to-send.jsonl").exists());
}

/// The library's example, which is a test of its own.
pub fn example(stage: &Stage, block: &Block) {
    // Its dependencies are built with fewer features than the tests', and take longer than a
    // command may.
    standin::example_of("dlvgate-recording", "replay_as_dlv");
    for command in block.commands() {
        let said = stage.run(&format!("cd '{}'\n{command}", repository().display()));
        assert!(!said.is_empty());
    }
}

/// Each question has an answer in a whole session.
pub fn jq(stage: &Stage, block: &Block) {
    fs::copy(stage.project().join("session.jsonl"), stage.project().join("FILE")).unwrap();
    for (command, said) in block.commands().iter().zip(play::as_printed(stage, block)) {
        assert!(!said.is_empty(), "{command} finds nothing");
    }
}
