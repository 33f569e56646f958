//! One entry as a line, for people or for programs.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;

use super::brief::brief;
use crate::correlate::{MessageRole, Placed};
use crate::escape::{on_one_line, printable_json};
use crate::{Entry, EntryContent, Sender};

/// A silence that is worth a line.
const GAP: Duration = Duration::from_secs(1);

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Text, as it is.
    Plain,
    /// Text with colours for a terminal.
    Coloured,
    /// A JSON object a line.
    Json,
}

const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";
const GREEN: &str = "\x1b[32m";
const DIM: &str = "\x1b[2m";

impl Style {
    pub(super) fn entry(
        self,
        entry: &Entry,
        placed: Option<&Placed>,
        gap: Duration,
        out: &mut impl Write,
    ) -> io::Result<()> {
        if self == Style::Json {
            return json_line(entry, placed, out);
        }
        if gap >= GAP {
            writeln!(
                out,
                "{}",
                self.paint(DIM, &format!("{:>12}  {} of silence", "···", milliseconds(gap)))
            )?;
        }
        let (who, what, colour) = words(entry, placed);
        let said = brief(entry, placed);
        let time = format!("{:>12.3}", entry.at.as_secs_f64() * 1000.0);
        let under_way = placed.filter(|placed| placed.pending > 1 && placed.role == MessageRole::Request);
        let under_way =
            under_way.map_or_else(String::new, |placed| format!("  [{} under way]", placed.pending));
        let line = format!("{who:<10} {what:<38} {said}");
        let line = on_one_line(line.trim_end());
        writeln!(out, "{time}  {}{}", self.paint(colour, &line), self.paint(YELLOW, &under_way))
    }

    /// Colours a text.
    pub fn paint(self, colour: &str, text: &str) -> String {
        if self != Style::Coloured || colour.is_empty() || text.is_empty() {
            return text.to_owned();
        }
        format!("{colour}{text}\x1b[0m")
    }
}

pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Returns the sender, the kind, and the colour.
fn words(entry: &Entry, placed: Option<&Placed>) -> (&'static str, String, &'static str) {
    let who = |from: Sender| match from {
        Sender::Client => "client →",
        Sender::Dlv => "← dlv",
        Sender::Dlvgate => "← dlvgate",
    };
    match (&entry.what, placed) {
        (EntryContent::Step { event, .. }, _) => {
            let colour = if event.starts_with("gate") { GREEN } else { DIM };
            ("·", event.clone(), colour)
        }
        (EntryContent::Stray { from, .. }, _) => (who(*from), "stray bytes".to_owned(), RED),
        (EntryContent::Message(message), Some(placed)) => {
            let number = placed.key.map_or_else(String::new, |key| format!(" #{key}"));
            let name = &placed.name;
            let (what, colour) = match &placed.role {
                MessageRole::Request => (format!("{name}{number}"), CYAN),
                MessageRole::Answer { success, after } => {
                    let after = after.map_or_else(|| "unasked".to_owned(), milliseconds);
                    let failed = if *success { "" } else { " failed" };
                    (format!("{name}{number}{failed}  {after}"), if *success { "" } else { RED })
                }
                MessageRole::Event => (format!("event {name}"), DIM),
                MessageRole::Unknown => ("no message of the protocol".to_owned(), RED),
            };
            (who(message.from), what, colour)
        }
        (EntryContent::Message(message), None) => (who(message.from), String::new(), RED),
    }
}

fn json_line(entry: &Entry, placed: Option<&Placed>, out: &mut impl Write) -> io::Result<()> {
    let t = entry.at.as_micros() as u64;
    let line = match &entry.what {
        EntryContent::Step { event, detail, firewall, cause, .. } => json!({
            "line": entry.line, "t": t, "kind": "step", "name": event, "detail": detail, "firewall": firewall, "cause": cause,
        }),
        EntryContent::Stray { from, bytes } => {
            json!({"line": entry.line, "t": t, "kind": "stray", "from": from, "bytes": bytes.len()})
        }
        EntryContent::Message(message) => {
            let mut line =
                json!({"line": entry.line, "t": t, "from": message.from, "bytes": message.body.len()});
            if let Some(placed) = placed {
                let (kind, success, after) = match &placed.role {
                    MessageRole::Request => ("request", None, None),
                    MessageRole::Answer { success, after } => ("answer", Some(*success), *after),
                    MessageRole::Event => ("event", None, None),
                    MessageRole::Unknown => ("unknown", None, None),
                };
                line["kind"] = kind.into();
                line["name"] = placed.name.as_str().into();
                if let Some(key) = placed.key {
                    line["key"] = serde_json::from_str(&key.to_string()).unwrap_or_default();
                }
                if let Some(success) = success {
                    line["success"] = success.into();
                }
                if let Some(after) = after {
                    line["latency_us"] = (after.as_micros() as u64).into();
                }
                line["pending"] = placed.pending.into();
            }
            line["said"] = brief(entry, placed).into();
            line
        }
    };
    writeln!(out, "{}", printable_json(&line.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_style_lets_a_control_character_through() {
        let name = "dlv\u{1b}[2J\u{7f}\u{9b}31m starting";
        let what = EntryContent::Step {
            event: name.to_owned(),
            detail: name.to_owned(),
            firewall: None,
            cause: None,
            in_proxy: None,
        };
        let entry = Entry { line: 2, at: Duration::ZERO, what };
        for style in [Style::Plain, Style::Json] {
            let mut shown = Vec::new();
            style.entry(&entry, None, Duration::ZERO, &mut shown).unwrap();
            let shown = String::from_utf8(shown).unwrap();
            assert!(!shown.trim_end_matches('\n').contains(char::is_control), "{shown:?}");
            if style == Style::Json {
                let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
                assert_eq!(read["name"], name, "and says the same");
            }
        }
    }
}
