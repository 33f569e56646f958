//! Redacted sessions: nothing of their program's data is left, and they still replay.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use dlvgate::recording::replay::{Client, Pace, Script, Server};
use serde_json::Value;

use crate::scenarios;
use crate::theatre::fixture;

fn redact(file: &Path, out: &Path) {
    let program = env!("CARGO_BIN_EXE_dlvgate");
    let output = Command::new(program).args(["show", "--redact"]).args([out, file]).output().unwrap();
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
fn nothing_that_was_planted_in_a_recorded_session_is_left() {
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
        redact(&file, &out);
        let redacted = std::fs::read_to_string(&out).unwrap();
        assert!(!redacted.contains("pl4nted"), "{}: {redacted}", scenario.name);
        assert_eq!(redacted.lines().count(), text.lines().count());
    }
    assert!(planted > 50, "{planted} secrets");
    println!("{planted} secrets were planted");
}

#[test]
fn a_redacted_session_answers_the_client_that_it_was_recorded_with() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for dlv in ["dlv-1.20", "dlv-1.27"] {
        for scenario in scenarios::all() {
            let (file, out) =
                (fixture(dlv, &scenario), folder.path().join(format!("{dlv}-{}", scenario.name)));
            redact(&file, &out);
            let script = |file: &Path| Arc::new(Script::load(file).unwrap());
            let (redacted, whole) = (script(&out), script(&file));
            let requests = whole.requests();
            let played = runtime.block_on(async {
                let server = Server::bind("127.0.0.1:0", redacted, Pace::AtOnce).await.unwrap();
                let client = Client::new(whole);
                let (played, replayed) = tokio::join!(server.serve_one(), client.run(server.address()));
                assert_eq!(replayed.unwrap().requests, requests, "{dlv}/{}", scenario.name);
                played.unwrap()
            });
            assert!(played.is_success(), "{dlv}/{}: {played}", scenario.name);
        }
    }
}
