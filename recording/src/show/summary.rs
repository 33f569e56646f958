//! A recording in a few numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::line::milliseconds;
use crate::correlate::{MessageRole, Placed};
use crate::format::{InProxy, protocol_name};
use crate::{Entry, EntryContent, RecordingHeader, Sender};

/// Requests that are named as the slowest.
const SLOWEST: usize = 5;

/// What a recording has in all.
#[derive(Clone, Debug)]
pub struct Summary {
    header: RecordingHeader,
    client: Option<String>,
    counts: BTreeMap<&'static str, u64>,
    bytes: BTreeMap<&'static str, u64>,
    failed: u64,
    slowest: Vec<(Duration, String, u64)>,
    /// Line and name of what was never answered.
    pub unanswered: Vec<(u64, String)>,
    times: Times,
    in_proxy: Option<InProxy>,
    end: Option<String>,
}

/// For whom was waited.
#[derive(Clone, Debug, Default)]
struct Times {
    last: Duration,
    is_running: bool,
    pending: usize,
    began: bool,
    dlv: Duration,
    program: Duration,
    client: Duration,
}

impl Times {
    fn take(&mut self, entry: &Entry, placed: Option<&Placed>) {
        let passed = entry.at.saturating_sub(self.last);
        self.last = entry.at;
        if self.pending > 0 {
            self.dlv += passed;
        } else if self.is_running {
            self.program += passed;
        } else if self.began {
            self.client += passed;
        }
        let Some(placed) = placed else { return };
        self.began = true;
        self.pending = placed.pending;
        match (&placed.role, placed.name.as_str()) {
            (
                MessageRole::Answer { success: true, .. },
                "configurationDone" | "continue" | "next" | "stepIn" | "stepOut",
            ) => {
                self.is_running = true;
            }
            (MessageRole::Event, "stopped" | "terminated" | "exited") => self.is_running = false,
            _ => {}
        }
    }
}

impl Summary {
    pub(super) fn new(header: &RecordingHeader) -> Summary {
        Summary {
            header: header.clone(),
            client: None,
            counts: BTreeMap::new(),
            bytes: BTreeMap::new(),
            failed: 0,
            slowest: Vec::new(),
            unanswered: Vec::new(),
            times: Times::default(),
            in_proxy: None,
            end: None,
        }
    }

    pub(super) fn take(&mut self, entry: &Entry, placed: Option<&Placed>) {
        self.times.take(entry, placed);
        match &entry.what {
            EntryContent::Step { event, detail, cause, in_proxy, .. } => {
                self.in_proxy = in_proxy.or(self.in_proxy);
                if event == "ending" {
                    self.end = cause.clone().or_else(|| Some(detail.clone()));
                }
            }
            EntryContent::Stray { from, bytes } => {
                *self.counts.entry("stray").or_default() += 1;
                *self.bytes.entry(side(*from)).or_default() += bytes.len() as u64;
            }
            EntryContent::Message(message) => {
                *self.bytes.entry(side(message.from)).or_default() += message.body.len() as u64;
                let Some(placed) = placed else { return };
                let kind = match &placed.role {
                    MessageRole::Request => "requests",
                    MessageRole::Answer { .. } => "answers",
                    MessageRole::Event => "events",
                    MessageRole::Unknown => "no messages",
                };
                *self.counts.entry(kind).or_default() += 1;
                if placed.name == "initialize" && placed.role == MessageRole::Request {
                    let said = message.json();
                    let name = |key: &str| said["arguments"][key].as_str().map(str::to_owned);
                    self.client = name("clientName").or_else(|| name("clientID"));
                }
                if let MessageRole::Answer { success, after } = &placed.role {
                    self.failed += u64::from(!success);
                    let slow = after.map(|after| (after, placed.name.clone(), entry.line));
                    self.slowest.extend(slow);
                    self.slowest.sort_by_key(|one| std::cmp::Reverse(one.0));
                    self.slowest.truncate(SLOWEST);
                }
            }
        }
    }
}

fn side(from: Sender) -> &'static str {
    if from == Sender::Client { "to dlv" } else { "to the client" }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = &self.header;
        let known =
            |version: &Option<String>| version.clone().unwrap_or_else(|| "of unknown version".to_owned());
        let client = self.client.as_ref().map_or_else(String::new, |client| format!("{client} at "));
        let redacted = if header.redacted { ", redacted" } else { "" };
        writeln!(
            f,
            "session    {} at {}, {} by {}{redacted}",
            protocol_name(header.protocol),
            header.start,
            milliseconds(self.times.last),
            header.tool
        )?;
        writeln!(
            f,
            "between    {client}{} and dlv {} ({}) on {}",
            header.client,
            known(&header.dlv),
            known(&header.go),
            header.os
        )?;
        let settings = &header.settings;
        for (what, all) in [
            ("substitute-path", &settings.substitute_path),
            ("launch-default", &settings.launch_default),
            ("launch-override", &settings.launch_override),
        ] {
            if !all.is_empty() {
                writeln!(f, "changed    on the way to dlv: --{what} {}", all.join(", "))?;
            }
        }
        let list = |numbers: &BTreeMap<&'static str, u64>, unit: &str| {
            let all: Vec<String> =
                numbers.iter().map(|(what, count)| format!("{count}{unit} {what}")).collect();
            all.join(", ")
        };
        writeln!(f, "messages   {}; {}", list(&self.counts, ""), list(&self.bytes, " bytes"))?;
        let times = &self.times;
        write!(
            f,
            "time       {} waiting for dlv, {} the program ran, {} the client thought",
            milliseconds(times.dlv),
            milliseconds(times.program),
            milliseconds(times.client)
        )?;
        match self.in_proxy {
            Some(in_proxy) => writeln!(
                f,
                ", {} in dlvgate (at most {} at once)",
                milliseconds(Duration::from_micros(in_proxy.total_us)),
                milliseconds(Duration::from_micros(in_proxy.longest_us))
            )?,
            None => writeln!(f)?,
        }
        let slowest: Vec<String> = self
            .slowest
            .iter()
            .map(|(after, name, line)| format!("{name} {} (line {line})", milliseconds(*after)))
            .collect();
        writeln!(f, "slowest    {}", slowest.join(", "))?;
        if self.failed > 0 {
            writeln!(f, "failed     {} answer(s)", self.failed)?;
        }
        if !self.unanswered.is_empty() {
            let all: Vec<String> =
                self.unanswered.iter().map(|(line, name)| format!("{name} (line {line})")).collect();
            writeln!(f, "unanswered {}", all.join(", "))?;
        }
        write!(f, "end        {}", self.end.as_deref().unwrap_or("not recorded"))
    }
}
