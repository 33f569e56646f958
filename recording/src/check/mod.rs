//! The protocol's rules, held against a recording.

mod capabilities;
mod dap;
mod findings;
mod references;
mod rpc;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use dlvgate_protocol::sniff::Protocol;

pub use findings::{Alike, Violation, together};

use super::{EntryContent, RecordedMessage, RecordingHeader, Sender};
use findings::{CUT, Findings};

/// Lists every rule: its name, and what it says.
pub const RULES: [(&str, &str); 36] = [
    ("no-message", "every message is one of the protocol"),
    ("stray-bytes", "there are no bytes outside messages"),
    ("strict-header", "a header is exactly `Content-Length: N`"),
    ("time-falls", "time does not fall from line to line"),
    ("answer-without-request", "an answer has a request"),
    ("answered-twice", "a request has one answer"),
    ("unanswered", "a request has an answer"),
    ("wrong-command", "an answer names the command of its request"),
    ("seq-not-rising", "each side numbers its messages upwards"),
    ("error-without-text", "a failed answer says why"),
    ("before-initialize", "initialize is the first request, and nothing is said before its answer"),
    ("initialize-twice", "initialize is asked once"),
    ("launch-twice", "there is one launch or attach that succeeds"),
    ("before-initialized", "breakpoints and configurationDone come after the event initialized"),
    ("configuration-done-twice", "configurationDone comes once for each event initialized"),
    ("not-supported", "what is asked for was offered by the answer to initialize"),
    ("not-supported-by-client", "what the adapter asks of the client was offered by the client"),
    ("unknown-filter", "exception filters are those that were offered"),
    ("unknown-frame", "a frame is one that a stack trace had since the last stop"),
    ("unknown-variables", "a variables reference is one that was given since the last stop"),
    ("unknown-thread", "a thread is one that was named"),
    ("while-running", "stacks, scopes and variables are asked for while the program stands"),
    ("event-without-body", "an event has the fields that it must have"),
    ("after-terminated", "after terminated nothing but disconnect is asked for"),
    ("after-disconnect", "after disconnect nothing more is asked for"),
    ("after-the-end", "after the answer to disconnect nothing more is said"),
    ("terminated-twice", "terminated is said once"),
    ("event-by-client", "the client sends no events"),
    ("no-object", "a message is a JSON-RPC object"),
    ("no-id", "a request has an id"),
    ("id-in-use", "an id is not used again before it was answered"),
    ("result-and-error", "an answer has a result or an error, and not both"),
    ("one-parameter", "params is a list of one object"),
    ("unknown-service", "a method is one of RPCServer"),
    ("command-while-running", "one command lets the program run at a time"),
    ("after-detach", "after Detach nothing more is asked for"),
];

/// Causes of an end that leave answers missing, because the client was gone.
const CLIENT_LEFT: [&str; 2] = ["client_left", "client_reset"];

/// The end after the client's `disconnect`.
const DISCONNECTED: &str = "disconnected";

const STRAY: &str = "stray-bytes";

fn stray(from: Sender, count: usize) -> String {
    format!("{count} bytes from {from}")
}

/// Reads a recording entry by entry. It keeps no message.
pub struct Checker {
    rules: ProtocolRules,
    findings: Findings,
    last: Duration,
    /// Bytes after which nothing more came of that sender: their line, and how many.
    stray: HashMap<Sender, (u64, usize)>,
    /// Why the session ended.
    cause: Option<String>,
}

enum ProtocolRules {
    Dap(Box<dap::DapRules>),
    Rpc(Box<rpc::RpcRules>),
}

impl Checker {
    /// Creates a checker for a recording with this header.
    pub fn new(header: &RecordingHeader) -> Checker {
        let rules = match header.protocol {
            Protocol::Dap => ProtocolRules::Dap(Box::default()),
            Protocol::JsonRpc => ProtocolRules::Rpc(Box::default()),
        };
        Checker {
            rules,
            findings: Findings::default(),
            last: Duration::ZERO,
            stray: HashMap::new(),
            cause: None,
        }
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: &super::Entry) {
        let findings = &mut self.findings;
        if entry.at < self.last {
            findings.add(entry.line, "time-falls", format!("{:?} after {:?}", entry.at, self.last));
        }
        self.last = self.last.max(entry.at);
        if let EntryContent::Message(RecordedMessage { from, .. }) | EntryContent::Stray { from, .. } =
            &entry.what
        {
            if let Some((line, count)) = self.stray.remove(from) {
                findings.add(line, STRAY, stray(*from, count));
            }
        }
        match &entry.what {
            EntryContent::Message(message) => match &mut self.rules {
                ProtocolRules::Dap(rules) => rules.message(entry.line, message, findings),
                ProtocolRules::Rpc(rules) => rules.message(entry.line, message, findings),
            },
            EntryContent::Stray { from, bytes } => drop(self.stray.insert(*from, (entry.line, bytes.len()))),
            EntryContent::Step { event, cause, .. } => {
                if event == "ending" {
                    self.cause.clone_from(cause);
                    match &mut self.rules {
                        ProtocolRules::Dap(rules) => rules.is_ending(),
                        ProtocolRules::Rpc(rules) => rules.is_ending(),
                    }
                }
            }
        }
    }

    /// Returns all findings, by line. `is_complete`: the recording has its end, so a missing
    /// message never came.
    pub fn finish(mut self, is_complete: bool) -> Vec<Violation> {
        let cause = self.cause.unwrap_or_default();
        let client_left = CLIENT_LEFT.contains(&cause.as_str());
        for (from, (line, count)) in self.stray {
            // A client that said more after its `disconnect` and one that left are the same, seen
            // sooner or later.
            match client_left || (from == Sender::Client && cause == DISCONNECTED) {
                true => self.findings.known(line, STRAY, stray(from, count), CUT),
                false => self.findings.add(line, STRAY, stray(from, count)),
            }
        }
        if is_complete {
            match &self.rules {
                ProtocolRules::Dap(rules) => rules.finish(client_left, &mut self.findings),
                ProtocolRules::Rpc(rules) => rules.finish(client_left, &mut self.findings),
            }
        }
        self.findings.sorted()
    }
}
