//! What the client saw from the fault on.

use dlvgate_test_support::client::{Client, error_text};
use serde_json::Value;

use super::bring::Progress;

/// What it saw.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum View {
    /// It was gone itself.
    Gone,
    /// All that it asked was answered, with `disconnect` as the last.
    NothingWrong,
    /// What it had asked was answered, and the connection closed.
    AnsweredAndClosed,
    /// The connection closed, and nothing more was said.
    Closed,
    /// The reason, as an answer to these requests or without one.
    Told { failed: Vec<String>, text: String, terminated: bool },
    /// A line of text, since it is not DAP that it speaks.
    Line { text: String },
    /// Nothing, for two minutes; then it closed.
    Waited,
}

impl View {
    /// Of a client whose connection is over, or who has waited for long enough.
    pub fn of(client: &Client, progress: &Progress) -> Self {
        let arrivals = client.arrivals();
        let messages: Vec<&Value> = arrivals.iter().skip(progress.before).map(|one| &one.message).collect();
        let is_failure = |one: &&&Value| one["type"] == "response" && one["success"] == false;
        let failures: Vec<&Value> = messages.iter().filter(is_failure).copied().collect();
        let failed =
            failures.iter().map(|one| one["command"].as_str().unwrap_or_default().to_owned()).collect();
        let remark = messages.iter().find_map(|one| remark(one));
        let terminated = messages.iter().any(|one| one["event"] == "terminated");
        let reason = failures.first().map(|one| error_text(one)).or(remark);
        if let Some(text) = reason {
            return Self::Told { failed, text, terminated };
        }
        let raw = client.bytes(|_| true);
        if raw.starts_with(b"dlvgate: ") {
            return Self::Line { text: String::from_utf8_lossy(&raw).into_owned() };
        }
        let is_answered =
            |seq: &i64| messages.iter().any(|one| one["type"] == "response" && one["request_seq"] == *seq);
        let all = progress.asked.iter().all(is_answered);
        match client.end_if_any() {
            None => Self::Waited,
            Some(_) if all && progress.disconnects => Self::NothingWrong,
            Some(_) if all && !progress.asked.is_empty() => Self::AnsweredAndClosed,
            Some(_) => Self::Closed,
        }
    }

    /// For the table.
    pub fn words(&self) -> String {
        match self {
            Self::Gone => "(has left)".to_owned(),
            Self::NothingWrong => "nothing wrong".to_owned(),
            Self::AnsweredAndClosed => "its request answered, then the connection closed".to_owned(),
            Self::Closed => "the connection closed".to_owned(),
            Self::Waited => "no answer, until it left".to_owned(),
            Self::Line { text } => format!("a line: “{}”", brief(text)),
            Self::Told { failed, text, terminated } => {
                let how = if failed.is_empty() {
                    "`output`".to_owned()
                } else {
                    format!("`{}` failed", failed.join("`, `"))
                };
                let end = if *terminated { ", then `terminated`" } else { "" };
                format!("{how}: “{}”{end}", brief(text))
            }
        }
    }

    /// For the overview: a letter.
    pub fn sign(&self) -> &'static str {
        match self {
            Self::Gone => "·",
            Self::NothingWrong => "✓",
            Self::AnsweredAndClosed => "a",
            Self::Closed => "c",
            Self::Told { .. } | Self::Line { .. } => "e",
            Self::Waited => "w",
        }
    }
}

/// What dlvgate says without being asked.
fn remark(message: &Value) -> Option<String> {
    let text = message["body"]["output"].as_str().filter(|_| message["event"] == "output")?;
    text.strip_prefix("dlvgate: ").map(|text| text.trim_end().to_owned())
}

/// The beginning of a text, without what differs from run to run.
fn brief(text: &str) -> String {
    /// Characters that the table has room for.
    const ROOM: usize = 150;
    let text = text.trim_end().strip_prefix("dlvgate: ").unwrap_or(text).lines().next().unwrap_or_default();
    let words: Vec<String> = text.split_whitespace().map(constant).collect();
    let text = words.join(" ").replace('|', "/");
    match text.char_indices().nth(ROOM) {
        Some((at, _)) => format!("{} …", text[..at].rsplit_once(' ').map_or("", |(whole, _)| whole)),
        None => text,
    }
}

/// A word as it is in every run: paths are their last name, numbers of ports and processes are N.
fn constant(word: &str) -> String {
    let word = if word.matches('/').count() > 2 { word.rsplit('/').next().unwrap_or(word) } else { word };
    // A guard's process may have a small number.
    if let Some((before, numbers)) = word.split_once(".dlvgate.") {
        let numbers: Vec<&str> = numbers.split('.').map(|_| "N").collect();
        return format!("{before}.dlvgate.{}", numbers.join("."));
    }
    let mut constant = String::new();
    for part in word.split_inclusive(|one: char| !one.is_ascii_digit()) {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        if digits >= 4 {
            constant.push('N');
            constant.push_str(&part[digits..]);
        } else {
            constant.push_str(part);
        }
    }
    constant
}
