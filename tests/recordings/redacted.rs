//! Redacted sessions: nothing of their program's data is left, and they still replay.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use dlvgate_protocol::message::Argument;
use dlvgate_recording::replay::{ClientPlayer, Ignore, Pace, Script, Server};
use dlvgate_test_support::toolchain::Pair;
use serde_json::Value;

use crate::scenarios;
use crate::theatre::{PROGRAMS, Prepared, fixture, real_dlv};

fn redact(file: &Path, out: &Path, flags: &[&str]) {
    let program = env!("CARGO_BIN_EXE_dlvgate");
    let output =
        Command::new(program).args(["show", "--redact"]).args([out, file]).args(flags).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let listed = String::from_utf8_lossy(&output.stderr);
    assert!(listed.contains("what stays readable") && listed.contains("commands and events"), "{listed}");
}

/// Puts a secret wherever a message of dlv or of the client has a value; gives how many.
fn plant(value: &mut Value, key: &str, count: &mut usize) {
    let is_value = [
        "value",
        "result",
        "output",
        "format",
        "message",
        "description",
        "text",
        "Value",
        "error",
        "TargetCommandLine",
    ];
    match value {
        Value::String(text) if is_value.contains(&key) && !text.is_empty() => {
            *count += 1;
            text.push_str(&format!(" pl4nted-{count}-x"));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| plant(value, key, count)),
        Value::Object(members) => {
            if key == "arguments" && members.contains_key("mode") {
                *count += 3;
                members.insert("env".to_owned(), serde_json::json!({"TOKEN": format!("pl4nted-{count}-x")}));
                members.insert("args".to_owned(), serde_json::json!([format!("pl4nted-{}-x", *count - 1)]));
                members.insert("output".to_owned(), format!("/home/you/pl4nted-{}-x", *count - 2).into());
            }
            for (key, value) in members.iter_mut() {
                plant(value, key, count);
            }
        }
        _ => {}
    }
}

#[test]
fn redaction_leaves_no_planted_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut planted = 0;
    for scenario in scenarios::all() {
        let text = std::fs::read_to_string(fixture("dlv-1.27", &scenario)).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in &mut lines[1..] {
            plant(&mut line["message"], "", &mut planted);
        }
        let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
        let (file, out) = (folder.path().join("planted"), folder.path().join(scenario.name));
        std::fs::write(
            &file,
            lines.join("\n").replace("\"message\":null,", "").replace(",\"message\":null", "") + "\n",
        )
        .unwrap();
        redact(&file, &out, &[]);
        let redacted = std::fs::read_to_string(&out).unwrap();
        assert!(!redacted.contains("pl4nted"), "{}: {redacted}", scenario.name);
        assert_eq!(redacted.lines().count(), text.lines().count());
        let kept = folder.path().join(format!("{}-names", scenario.name));
        redact(&file, &kept, &["--keep-names"]);
        assert!(!std::fs::read_to_string(&kept).unwrap().contains("pl4nted"), "{}", scenario.name);
    }
    assert!(planted > 50, "{planted} secrets");
    println!("{planted} secrets were planted");
}

/// Both ways of redacting.
const WAYS: [(&str, &[&str]); 3] = [("dlv-1.20", &[]), ("dlv-1.27", &[]), ("dlv-1.27", &["--keep-names"])];

#[test]
fn redacted_session_still_answers_its_client() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (dlv, flags) in WAYS {
        for scenario in scenarios::all() {
            let what = format!("{dlv}/{} {flags:?}", scenario.name);
            let (file, out) = (
                fixture(dlv, &scenario),
                folder.path().join(format!("{dlv}-{}{}", scenario.name, flags.len())),
            );
            redact(&file, &out, flags);
            let script = |file: &Path| Arc::new(Script::load(file).unwrap());
            let (redacted, whole) = (script(&out), script(&file));
            let requests = whole.requests();
            let play = |client: ClientPlayer, script: Arc<Script>| {
                runtime.block_on(async {
                    let server = Server::bind("127.0.0.1:0", script, Pace::AtOnce).await.unwrap();
                    let (played, replayed) = tokio::join!(server.serve_one(), client.run(server.address()));
                    (played.unwrap(), replayed.unwrap())
                })
            };
            let (played, replayed) = play(ClientPlayer::new(whole), Arc::clone(&redacted));
            assert_eq!(replayed.requests, requests, "{what}");
            assert!(played.is_success(), "{what}: {played}");
            // And its client, against the same: what it hears is what it heard.
            let (played, replayed) = play(ClientPlayer::new(Arc::clone(&redacted)), redacted);
            assert_eq!(replayed.requests, requests, "{what}");
            assert!(played.is_success() && replayed.is_same(), "{what}: {played} {replayed}");
        }
    }
}

/// What a redacted session and its whole have at the same place, where that is a path.
fn paths(whole: &Value, redacted: &Value, found: &mut Vec<(String, String)>) {
    match (whole, redacted) {
        (Value::String(whole), Value::String(redacted)) if whole.starts_with(PROGRAMS) => {
            found.push((whole.clone(), redacted.clone()));
        }
        (Value::Array(whole), Value::Array(redacted)) => {
            whole.iter().zip(redacted).for_each(|(whole, redacted)| paths(whole, redacted, found));
        }
        (Value::Object(whole), Value::Object(redacted)) => {
            whole.values().zip(redacted.values()).for_each(|(whole, redacted)| paths(whole, redacted, found));
        }
        _ => {}
    }
}

/// Sessions that ask by a name, an expression or a place in words: they are asked whole, and the
/// answers differ.
const ASK_BY_NAME: [&str; 11] = [
    "debug",
    "change",
    "text",
    "test",
    "editor",
    "connect",
    "connect-restart",
    "remote-attach",
    "breakpoints",
    "data-breakpoint",
    "goland",
];

/// Those of them in which a literal or a place in words decides: names do not help.
const ASK_BY_LITERAL: [&str; 6] =
    ["change", "connect", "connect-restart", "breakpoints", "data-breakpoint", "goland"];

/// A stop that never comes.
const NEVER_COMES: Duration = Duration::from_secs(5);

#[test]
fn redacted_client_plays_against_a_real_dlv() {
    let folder = tempfile::tempdir().unwrap();
    let name = if Pair::find("dlv-1.27").is_some() { "dlv-1.27" } else { "dlv-1.20" };
    let pair =
        Pair::find(name).unwrap_or_else(|| panic!("{name} is not installed: run tests/setup/install-delve"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut failed = Vec::new();
    let all = || scenarios::all().into_iter();
    let by_name = all().filter(|scenario| ASK_BY_NAME.contains(&scenario.name));
    let ways = all().map(|one| (one, &[][..], &ASK_BY_NAME[..]));
    let ways = ways.chain(by_name.map(|one| (one, &["--keep-names"][..], &ASK_BY_LITERAL[..])));
    for (scenario, flags, differ) in ways {
        let file = fixture(name, &scenario);
        let out = folder.path().join(format!("{}{}", scenario.name, flags.len()));
        redact(&file, &out, flags);
        let prepared = Prepared::new(&pair, &scenario);
        let running = real_dlv(&pair, &scenario, &prepared);
        let script = Arc::new(Script::load(&out).unwrap());
        let mut client = ClientPlayer::new(Arc::clone(&script)).timeout(NEVER_COMES);
        // With the program at hand, a placeholder can be matched to one of its files.
        let lines = |file: &Path| -> Vec<Value> {
            let text = std::fs::read_to_string(file).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        let mut found = Vec::new();
        for (whole, redacted) in lines(&file).iter().zip(&lines(&out)) {
            paths(&whole["message"], &redacted["message"], &mut found);
        }
        for (whole, redacted) in found {
            let live = format!("{}{}", prepared.parent(), &whole[PROGRAMS.len()..]);
            client = client.map_path(&redacted, &live);
        }
        for pattern in scenario.ignore {
            client = client.ignore(pattern.parse::<Ignore>().unwrap());
        }
        if prepared.pid() != 0 {
            client = client.set(format!("processId={}", prepared.pid()).parse::<Argument>().unwrap());
        }
        let replayed = runtime.block_on(client.run(running.ready())).unwrap();
        let what = format!("{name}/{} {flags:?}", scenario.name);
        println!("{what}: {} requests, {} differences", replayed.requests, replayed.differences.len());
        let is_right = replayed.is_same() || differ.contains(&scenario.name);
        if replayed.requests != script.requests() || !is_right {
            failed.push(format!("{what}: {replayed}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
