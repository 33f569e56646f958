//! Messages as dlv sends them, from the recorded sessions, repeated to a size.

use std::path::Path;

use serde_json::value::RawValue;

/// A reply with some hundred variables, as a client with a long list open gets at each step.
pub const LARGE: usize = 66_000;

/// Each of the values at `path` in the messages of a recorded session, as they were written.
fn recorded(session: &str, path: &[&str]) -> Vec<String> {
    let sessions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/sessions/dlv-1.27");
    let text = std::fs::read_to_string(sessions.join(session)).expect("the recorded sessions are there");
    text.lines().filter_map(|line| at(line, path)).flat_map(elements).collect()
}

fn at(text: &str, path: &[&str]) -> Option<String> {
    let Some((field, rest)) = path.split_first() else { return Some(text.to_owned()) };
    let fields: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    at(fields.get(*field)?.get(), rest)
}

fn elements(list: String) -> Vec<String> {
    let elements: Vec<Box<RawValue>> = serde_json::from_str(&list).unwrap_or_default();
    elements.into_iter().map(|element| element.get().to_owned()).collect()
}

/// As many of them, again and again, as make `size` bytes.
fn repeated(values: &[String], size: usize) -> String {
    assert!(!values.is_empty());
    let mut list = String::new();
    for value in values.iter().cycle() {
        if list.len() + value.len() > size {
            break;
        }
        list.push_str(if list.is_empty() { "" } else { "," });
        list.push_str(value);
    }
    list
}

fn framed(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A message's body.
pub fn body(wire: &[u8]) -> &[u8] {
    let header = wire.windows(4).position(|end| end == b"\r\n\r\n").expect("a header");
    &wire[header + 4..]
}

/// DAP's reply with many small variables.
pub fn variables(size: usize) -> Vec<u8> {
    let small = |value: &String| value.len() < 200;
    let values: Vec<String> =
        recorded("large-data.jsonl", &["message", "body", "variables"]).into_iter().filter(small).collect();
    framed(&format!(
        r#"{{"seq":13,"type":"response","request_seq":9,"success":true,"command":"variables","body":{{"variables":[{}]}}}}"#,
        repeated(&values, size)
    ))
}

/// JSON-RPC's.
pub fn local_variables(size: usize) -> Vec<u8> {
    let values = recorded("goland.jsonl", &["message", "result", "Variables"]);
    format!("{{\"id\":7,\"result\":{{\"Variables\":[{}]}},\"error\":null}}\n", repeated(&values, size))
        .into_bytes()
}

/// A small request of DAP.
pub fn request() -> Vec<u8> {
    framed(r#"{"seq":8,"type":"request","command":"scopes","arguments":{"frameId":1000}}"#)
}

/// A small call of JSON-RPC.
pub fn call() -> Vec<u8> {
    br#"{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":7}
"#
    .to_vec()
}
