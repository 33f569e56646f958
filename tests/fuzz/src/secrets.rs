//! A secret, put wherever the list of what stays does not name a place.

use serde_json::Value;

/// No name, no number, and nothing that a fuzzer finds by itself.
pub const SECRET: &str = "s3cret 7-Ünd \u{1f511}";

/// Keys whose texts are values everywhere, never names.
const VALUES: [&str; 12] = [
    "value",
    "description",
    "text",
    "message",
    "args",
    "error",
    "StringValueBytes",
    "unreadable",
    "Err",
    "logMessage",
    "Value",
    "NewArgs",
];

/// Keys under which everything is the user's or the client's own.
const OWN: [&str; 3] = ["env", "labels", "UserData"];

/// Replaces texts by the secret; returns how many.
pub fn plant(value: &mut Value) -> usize {
    below(value, "", false)
}

fn below(value: &mut Value, key: &str, is_own: bool) -> usize {
    match value {
        Value::String(text) if is_own || VALUES.contains(&key) => {
            *text = SECRET.to_owned();
            1
        }
        Value::Array(values) => values.iter_mut().map(|value| below(value, key, is_own)).sum(),
        Value::Object(members) => {
            let is_own = is_own || OWN.contains(&key);
            members.iter_mut().map(|(key, value)| below(value, key, is_own)).sum()
        }
        _ => 0,
    }
}
