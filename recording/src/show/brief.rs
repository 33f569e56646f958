//! What a message says, in a few words.

use dlvgate_protocol::conversation::Key;
use serde_json::Value;

use crate::correlate::{MessageRole, Placed};
use crate::escape::line_bound;
use crate::{Entry, EntryContent};

/// Longest text, in characters.
const LIMIT: usize = 96;

/// Bodies above this are not looked into: the few words would be its first characters anyway.
const LOOKED_INTO: usize = 64 * 1024;

/// What matters of an entry, on one line.
pub(super) fn brief(entry: &Entry, placed: Option<&Placed>) -> String {
    match &entry.what {
        EntryContent::Step { detail, cause, .. } => {
            let cause = cause.as_ref().filter(|cause| *cause != detail).map(|cause| format!(" ({cause})"));
            one_line(&format!("{detail}{}", cause.unwrap_or_default()))
        }
        EntryContent::Stray { bytes, .. } => {
            format!(
                "{} bytes that are not a message: {}",
                bytes.len(),
                one_line(&String::from_utf8_lossy(bytes))
            )
        }
        EntryContent::Message(message) if message.body.len() > LOOKED_INTO => {
            format!("({} bytes)", message.body.len())
        }
        EntryContent::Message(message) => {
            let text = placed.and_then(|placed| said(&message.json(), placed));
            one_line(&text.unwrap_or_else(|| String::from_utf8_lossy(&message.body).into_owned()))
        }
    }
}

fn said(message: &Value, placed: &Placed) -> Option<String> {
    let is_rpc = matches!(placed.key, Some(Key::Id(_)));
    let part = match &placed.role {
        MessageRole::Request if is_rpc => &message["params"][0],
        MessageRole::Request => &message["arguments"],
        MessageRole::Answer { success: false, .. } if is_rpc => &message["error"],
        MessageRole::Answer { success: false, .. } => {
            let format = &message["body"]["error"]["format"];
            if format.is_string() { format } else { &message["message"] }
        }
        MessageRole::Answer { .. } if is_rpc => &message["result"],
        MessageRole::Answer { .. } => &message["body"],
        MessageRole::Event => match &message["body"]["output"] {
            Value::Null => &message["body"],
            output => output,
        },
        MessageRole::Unknown => return None,
    };
    Some(match part {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(members) if members.is_empty() => String::new(),
        other => other.to_string(),
    })
}

/// The text's beginning; what would move the cursor is shown as a symbol.
fn one_line(text: &str) -> String {
    let shown = |char| line_bound(char).unwrap_or(char);
    let mut line: String = text.trim_end().chars().take(LIMIT + 1).map(shown).collect();
    if line.chars().count() > LIMIT {
        line.pop();
        line.push('…');
    }
    line
}
