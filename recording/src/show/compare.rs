//! Where two recorded conversations part.

use std::fmt;
use std::io;

use serde_json::Value;

use super::line::milliseconds;
use crate::correlate::{Exchanges, MessageRole, Placed};
use crate::difference::{Difference, compare as compare_values};
use crate::{Entry, EntryContent, Reader, Sender, normalize};

/// Events whose number falls out differently each time.
const BY_CHANCE: [&str; 3] = ["output", "thread", "process"];

/// The first place where two recordings say different things.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parting {
    /// Messages before it, alike in both.
    pub alike: usize,
    /// The next message in each.
    pub next: [Option<String>; 2],
    /// Where both are of one kind: what differs in them.
    pub differences: Vec<Difference>,
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the conversations are alike for {} message(s), then:", self.alike)?;
        for (name, next) in ["A", "B"].iter().zip(&self.next) {
            write!(f, "\n  {name}  {}", next.as_deref().unwrap_or("has ended"))?;
        }
        for difference in &self.differences {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
            write!(
                f,
                "\n  {}\n    A  {}\n    B  {}",
                difference.path,
                side(&difference.recorded),
                side(&difference.live)
            )?;
        }
        Ok(())
    }
}

/// The compared parts of one recording.
struct ComparedRecording {
    reader: Reader,
    exchanges: Exchanges,
}

impl ComparedRecording {
    fn new(reader: Reader) -> ComparedRecording {
        let exchanges = Exchanges::new(reader.header().protocol);
        ComparedRecording { reader, exchanges }
    }

    fn next(&mut self) -> io::Result<Option<(Entry, Placed)>> {
        while let Some(entry) = self.reader.entry()? {
            if let Some(placed) = self.exchanges.place(&entry) {
                if placed.role != MessageRole::Event || !BY_CHANCE.contains(&placed.name.as_str()) {
                    return Ok(Some((entry, placed)));
                }
            }
        }
        Ok(None)
    }
}

/// Reads both until they part; `None` if they do not. Process ids, addresses, folders and times
/// may differ.
///
/// # Errors
/// If one cannot be read.
pub fn compare(one: Reader, other: Reader) -> io::Result<(usize, Option<Parting>)> {
    let (mut one, mut other) = (ComparedRecording::new(one), ComparedRecording::new(other));
    let mut alike = 0;
    loop {
        let next = [one.next()?, other.next()?];
        let differences = match &next {
            [None, None] => return Ok((alike, None)),
            [Some(one), Some(other)] if kind(one) == kind(other) => {
                let (name, (recorded, live)) = (&one.1.name, (message(&one.0), message(&other.0)));
                let mut found = Vec::new();
                compare_values(None, name, &recorded, &live, &mut found);
                if found.is_empty() {
                    alike += 1;
                    continue;
                }
                found
            }
            _ => Vec::new(),
        };
        let next = next.map(|next| next.map(|(entry, placed)| label(&entry, &placed)));
        return Ok((alike, Some(Parting { alike, next, differences })));
    }
}

fn kind((entry, placed): &(Entry, Placed)) -> (bool, u8, String) {
    let role = match placed.role {
        MessageRole::Request => 0,
        MessageRole::Answer { .. } => 1,
        MessageRole::Event => 2,
        MessageRole::Unknown => 3,
    };
    (is_by_client(entry), role, placed.name.clone())
}

fn is_by_client(entry: &Entry) -> bool {
    matches!(&entry.what, EntryContent::Message(message) if message.from == Sender::Client)
}

fn message(entry: &Entry) -> Value {
    match &entry.what {
        EntryContent::Message(message) => normalize::answer(&message.json()),
        _ => Value::Null,
    }
}

fn label(entry: &Entry, placed: &Placed) -> String {
    let what = match &placed.role {
        MessageRole::Request => "request",
        MessageRole::Answer { success: true, .. } => "answer to",
        MessageRole::Answer { success: false, .. } => "failed answer to",
        MessageRole::Event => "event",
        MessageRole::Unknown => "no message",
    };
    format!("line {}, {}: {what} {}", entry.line, milliseconds(entry.at), placed.name)
}
