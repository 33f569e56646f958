//! A recording as something that can be played: who asked what, and what it led to.

use std::path::Path;
use std::time::Duration;

use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::sniff::Protocol;
use serde_json::Value;

use crate::normalize;
use crate::redact::Redactor;
use crate::{EntryContent, Notice, OpenError, Reader, RecordingHeader, Sender};

/// Requests after which the program runs, or which begin or end it: what dlv says later comes of
/// the last of them.
const DRIVERS: [&str; 22] = [
    "launch",
    "attach",
    "configurationDone",
    "continue",
    "next",
    "stepIn",
    "stepOut",
    "stepBack",
    "reverseContinue",
    "pause",
    "restart",
    "goto",
    "terminate",
    "disconnect",
    "RPCServer.Command",
    "RPCServer.Restart",
    "RPCServer.Detach",
    "RPCServer.Next",
    "RPCServer.Step",
    "RPCServer.StepOut",
    "RPCServer.Continue",
    "RPCServer.Disconnect",
];

/// A recorded request.
#[derive(Debug)]
pub(super) struct RecordedRequest {
    pub(super) line: u64,
    pub(super) at: Duration,
    pub(super) key: Option<Key>,
    pub(super) name: String,
    pub(super) message: Value,
    pub(super) is_driver: bool,
    /// Drivers before it.
    pub(super) epoch: usize,
    /// Its arguments as they are matched.
    pub(super) normal: Value,
    /// Answers that are given because of it, or not before it: places in [`Script::said`].
    pub(super) leads_to: Vec<usize>,
}

/// A recorded answer or event.
#[derive(Debug)]
pub(super) struct RecordedReply {
    pub(super) line: u64,
    pub(super) at: Duration,
    /// The request that it answers, by its place; none for an event.
    pub(super) answers: Option<usize>,
    /// The event's name, or what was asked.
    pub(super) name: String,
    /// The last request that drives the program before it.
    pub(super) driver: Option<usize>,
    /// Requests before it.
    pub(super) asked_before: usize,
    pub(super) message: Value,
}

impl RecordedReply {
    /// The request that let the program run while this one waited for its answer: what stops a
    /// program answers both.
    pub(super) fn driver_after(&self, request: usize) -> Option<usize> {
        self.driver.filter(|driver| *driver > request)
    }
}

/// A recording that is ready to be played.
#[derive(Debug)]
pub struct Script {
    pub(super) header: RecordingHeader,
    pub(super) asked: Vec<RecordedRequest>,
    pub(super) said: Vec<RecordedReply>,
    /// The events among `said`, in their order.
    pub(super) events: Vec<usize>,
    notices: Vec<Notice>,
}

impl Script {
    /// Reads a whole recording.
    ///
    /// # Errors
    /// See [`OpenError`]. Damaged or cut lines are skipped, and reported by [`Script::notices`].
    pub fn load(path: &Path) -> Result<Script, OpenError> {
        let mut reader = Reader::open(path)?;
        let protocol = reader.header().protocol;
        let (mut asked, mut said) = (Vec::<RecordedRequest>::new(), Vec::new());
        let (mut driver, mut epoch) = (None, 0);
        let mut stars = reader.header().redacted.then(|| Redactor::with_stars(reader.header()));
        while let Some(entry) = reader.entry()? {
            let EntryContent::Message(message) = entry.what else { continue };
            let (line, at, json) = (entry.line, entry.at, message.json());
            let asked_before = asked.len();
            match (message.from, message.envelope(protocol)) {
                (Sender::Client, conversation::Message::Request { key, name }) => {
                    let name = known(&mut stars, &name.to_string());
                    let is_driver = DRIVERS.contains(&name.as_str()) || is_call(&name, &json);
                    let compared = match &mut stars {
                        Some(stars) => stars.value(Sender::Client, &message.body, json.clone()),
                        None => json.clone(),
                    };
                    let (normal, leads_to) = (normalize::request(arguments(protocol, &compared)), Vec::new());
                    asked.push(RecordedRequest {
                        line,
                        at,
                        key,
                        name,
                        message: json,
                        is_driver,
                        epoch,
                        normal,
                        leads_to,
                    });
                    if is_driver {
                        driver = Some(asked_before);
                        epoch += 1;
                    }
                }
                (Sender::Dlv | Sender::Dlvgate, conversation::Message::Reply { key, .. }) => {
                    let request = asked.iter().rposition(|one| one.key == key);
                    let Some(request) = request else { continue }; // no request to answer
                    let (answers, name) = (Some(request), asked[request].name.clone());
                    said.push(RecordedReply { line, at, answers, name, driver, asked_before, message: json });
                }
                (Sender::Dlv | Sender::Dlvgate, conversation::Message::Event { name }) => {
                    let name = known(&mut stars, &name.to_string());
                    said.push(RecordedReply {
                        line,
                        at,
                        answers: None,
                        name,
                        driver,
                        asked_before,
                        message: json,
                    });
                }
                _ => {}
            }
        }
        let mut events = Vec::new();
        for (place, said) in said.iter().enumerate() {
            let Some(request) = said.answers else {
                events.push(place);
                continue;
            };
            for request in said.driver_after(request).into_iter().chain([request]) {
                asked[request].leads_to.push(place);
            }
        }
        Ok(Script { header: reader.header().clone(), asked, said, events, notices: reader.notices() })
    }

    /// Returns the protocol of the session.
    pub fn protocol(&self) -> Protocol {
        self.header.protocol
    }

    /// Returns the recording's first line.
    pub fn header(&self) -> &RecordingHeader {
        &self.header
    }

    /// Returns what could not be read of the file.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Counts the recorded requests.
    pub fn requests(&self) -> usize {
        self.asked.len()
    }
}

/// The name of a message as it is compared: in a redacted recording, one that no protocol has is a
/// placeholder.
pub(super) fn known(stars: &mut Option<Redactor>, name: &str) -> String {
    stars.as_mut().map_or_else(|| name.to_owned(), |stars| stars.name(name))
}

/// A function that is called by `evaluate` lets the program run.
fn is_call(name: &str, message: &Value) -> bool {
    let expression = message["arguments"]["expression"].as_str().unwrap_or_default();
    name == "evaluate" && expression.trim_start().starts_with("call ")
}

/// Where the arguments of a request are.
pub(super) fn arguments(protocol: Protocol, message: &Value) -> &Value {
    match protocol {
        Protocol::Dap => &message["arguments"],
        Protocol::JsonRpc => &message["params"],
    }
}
