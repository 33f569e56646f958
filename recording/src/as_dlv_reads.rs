//! A client's message as dlv reads it: Go takes keys in any case, a key several times, bytes that
//! are not UTF-8, and 10,000 levels.

use std::borrow::Cow;

use dlvgate_protocol::conversation;
use serde_json::map::Entry;
use serde_json::{Map, Value};

/// Requests of which dlv takes the last `arguments` whole. It fills those of any other from each
/// that comes.
const TAKEN_WHOLE: [&str; 3] = ["launch", "attach", "restart"];

/// Gives a client's message; `Null` where dlv takes none. A value nested deeper than 128 levels is
/// the text that it is.
pub(super) fn message(body: &[u8]) -> Value {
    let Some(members) = conversation::client_members(body) else { return Value::Null };
    let members: Vec<(Cow<'_, str>, Value)> =
        members.into_iter().map(|(key, written)| (key, value(written))).collect();
    let command = members.iter().rfind(|(key, _)| key == "command");
    let is_filled = command
        .and_then(|(_, command)| command.as_str())
        .is_some_and(|command| !TAKEN_WHOLE.contains(&command));
    let mut message = Map::new();
    for (key, value) in members {
        match message.entry(key) {
            Entry::Vacant(place) => drop(place.insert(value)),
            Entry::Occupied(mut place) if is_filled => fill(place.get_mut(), value),
            Entry::Occupied(mut place) => drop(place.insert(value)),
        }
    }
    Value::Object(message)
}

fn value(written: &[u8]) -> Value {
    let text = String::from_utf8_lossy(written);
    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
}

/// Puts a later value into a field: of an object each member, and `null` is nothing.
fn fill(field: &mut Value, later: Value) {
    match (field, later) {
        (_, Value::Null) => {}
        (Value::Object(members), Value::Object(later)) => {
            for (key, value) in later {
                fill(members.entry(key).or_insert(Value::Null), value);
            }
        }
        (field, later) => *field = later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oddly_written_message_is_what_go_takes() {
        let deep = format!("{}{}", "[".repeat(9_000), "]".repeat(9_000));
        for (body, expected) in [
            (
                r#"{"SEQ":1,"\u0043ommand":"next","Arguments":{"a":1}}"#,
                r#"{"seq":1,"command":"next","arguments":{"a":1}}"#,
            ),
            (
                r#"{"command":"next","arguments":{"a":1,"b":{"c":2}},"Arguments":{"b":{"d":3}},"arguments":null}"#,
                r#"{"command":"next","arguments":{"a":1,"b":{"c":2,"d":3}}}"#,
            ),
            (
                r#"{"arguments":{"a":1},"ARGUMENTS":{"b":2},"command":"launch"}"#,
                r#"{"arguments":{"b":2},"command":"launch"}"#,
            ),
            (r#"{"method":"a","params":[1],"Params":[2],"Method":"b"}"#, r#"{"method":"b","params":[2]}"#),
            (&format!(r#"{{"seq":1,"x":{deep}}}"#), &format!(r#"{{"seq":1,"x":"{deep}"}}"#)),
            ("[1]", "null"),
            (r#"{"a":01}"#, "null"),
        ] {
            assert_eq!(message(body.as_bytes()), serde_json::from_str::<Value>(expected).unwrap(), "{body}");
        }
        assert_eq!(message(b"{\"type\":\"\xff\"}")["type"], "\u{fffd}");
    }
}
