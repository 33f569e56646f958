//! The rules of DAP (its specification, and Delve's documented ways).

use std::collections::{HashMap, HashSet};

use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::sniff::Protocol;
use serde_json::Value;

use super::capabilities::Capabilities;
use super::findings::{CUT, Findings};
use super::references::References;
use crate::{RecordedMessage, Sender};

/// Requests of the adapter that a client must have offered.
const REVERSE: [(&str, &str); 2] =
    [("runInTerminal", "supportsRunInTerminalRequest"), ("startDebugging", "supportsStartDebuggingRequest")];

/// Fields that an event's body must have.
const BODIES: [(&str, &[&str]); 6] = [
    ("stopped", &["reason"]),
    ("continued", &["threadId"]),
    ("exited", &["exitCode"]),
    ("output", &["output"]),
    ("thread", &["reason", "threadId"]),
    ("breakpoint", &["reason", "breakpoint"]),
];

/// Requests that come between `initialized` and the end of the configuration.
const CONFIGURES: [&str; 5] = [
    "setBreakpoints",
    "setFunctionBreakpoints",
    "setExceptionBreakpoints",
    "setDataBreakpoints",
    "configurationDone",
];

const NUMBERS: &str = "dlv before 1.27 numbers its messages 0, and later versions out of order";
const AGAIN: &str = "dlv says so again, and how the program ended, when it detaches";
const UNKNOWN: &str = "dlv answers what it does not know with an empty command and the error 8888";
const HEADER: &str = "dlvgate normalizes it, since dlv would close the connection";
const RESTART: &str = "dlv agrees to a restart at once, and says afterwards that it failed";
const RAN_ON: &str = "dlv says so again when a program that has ended is told to run";
const CROSSED: &str = "clients ask so on a `stopped` that crosses their disconnect";

/// Requests that let the program run.
const RUNS: [&str; 7] = ["continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue", "goto"];

struct OpenRequest {
    line: u64,
    command: String,
    /// After disconnect, for a `stopped` that the client met there.
    is_crossing: bool,
}

#[derive(Default)]
pub(super) struct DapRules {
    pending: HashMap<i64, OpenRequest>,
    /// The line of the first answer, and the command.
    answered: HashMap<i64, (u64, String)>,
    seqs: [Option<i64>; 2],
    initialize: Stage,
    offered: Capabilities,
    by_client: HashSet<String>,
    references: References,
    has_launched: bool,
    is_initialized: bool,
    is_configured: bool,
    is_terminated: bool,
    /// The program that ended had been running.
    ran_on: bool,
    disconnect: Stage,
    /// The program stopped after the client had asked for the end.
    stopped_late: bool,
    was_cut: bool,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Not,
    Asked,
    Answered,
}

impl DapRules {
    pub(super) fn message(&mut self, line: u64, message: &RecordedMessage, findings: &mut Findings) {
        if let Some(header) = &message.header {
            findings.known(line, "strict-header", format!("{header:?}"), HEADER);
        }
        let is_client = message.from == Sender::Client;
        let json = message.json();
        self.number(line, message.from, &json, findings);
        match message.envelope(Protocol::Dap) {
            conversation::Message::Request { key, name } if is_client => {
                let seq = if let Some(Key::Seq(seq)) = key { seq } else { 0 };
                self.request(line, seq, name.as_str(), &json, findings);
            }
            conversation::Message::Request { name, .. } => self.reverse(line, name.as_str(), findings),
            conversation::Message::Reply { .. } if is_client => {}
            conversation::Message::Reply { key: Some(Key::Seq(seq)), name, success } => {
                let name = name.map(|name| name.to_string()).unwrap_or_default();
                self.answer(line, seq, &name, success, &json, findings);
            }
            conversation::Message::Event { name } if is_client => {
                findings.add(line, "event-by-client", name.as_str());
            }
            conversation::Message::Event { name } => self.event(line, name.as_str(), &json["body"], findings),
            _ => findings.add(
                line,
                "no-message",
                format!("{} sent something that is not a DAP message", message.from),
            ),
        }
    }

    /// Each side counts for itself; what dlvgate says has numbers of its own.
    fn number(&mut self, line: u64, from: Sender, json: &Value, findings: &mut Findings) {
        let side = match from {
            Sender::Client => 0,
            Sender::Dlv => 1,
            Sender::Dlvgate => return,
        };
        let Some(seq) = json["seq"].as_i64() else {
            findings.add(line, "no-message", "the message has no seq");
            return;
        };
        let text = |last: i64| format!("{seq} after {last}");
        match self.seqs[side] {
            Some(last) if seq <= last && from == Sender::Dlv => {
                findings.known(line, "seq-not-rising", text(last), NUMBERS);
            }
            Some(last) if seq <= last => findings.add(line, "seq-not-rising", text(last)),
            _ => self.seqs[side] = Some(seq),
        }
    }

    fn request(&mut self, line: u64, seq: i64, command: &str, json: &Value, findings: &mut Findings) {
        let arguments = &json["arguments"];
        let is_crossing = self.stopped_late && command == "threads";
        self.ran_on |= self.is_terminated && RUNS.contains(&command);
        if is_crossing {
            findings.known(line, "after-disconnect", command, CROSSED);
        } else if self.disconnect != Stage::Not {
            findings.add(line, "after-disconnect", command);
        } else if self.is_terminated && !matches!(command, "disconnect" | "restart") {
            findings.add(line, "after-terminated", command);
        }
        match (command, self.initialize) {
            ("initialize", Stage::Not) => {
                self.initialize = Stage::Asked;
                let Value::Object(members) = arguments else { return };
                let offered = members.iter().filter(|(_, value)| **value == Value::Bool(true));
                self.by_client.extend(offered.map(|(name, _)| name.clone()));
            }
            ("initialize", _) => findings.add(line, "initialize-twice", "initialize again"),
            (_, Stage::Not) => findings.add(line, "before-initialize", command),
            _ => self.after_initialize(line, command, arguments, findings),
        }
        if command == "disconnect" {
            self.disconnect = Stage::Asked;
        }
        self.pending.insert(seq, OpenRequest { line, command: command.to_owned(), is_crossing });
    }

    fn after_initialize(&mut self, line: u64, command: &str, arguments: &Value, findings: &mut Findings) {
        if matches!(command, "launch" | "attach") && self.has_launched {
            findings.add(line, "launch-twice", command);
        }
        if CONFIGURES.contains(&command) && !self.is_initialized {
            findings.add(line, "before-initialized", command);
        }
        if command == "configurationDone" && std::mem::replace(&mut self.is_configured, true) {
            findings.add(line, "configuration-done-twice", command);
        }
        if self.initialize == Stage::Answered {
            for missing in self.offered.missing(command, arguments) {
                findings.add(line, "not-supported", format!("{command} needs {missing}"));
            }
        }
        if command == "setExceptionBreakpoints" {
            for filter in self.offered.unknown_filters(arguments) {
                findings.add(line, "unknown-filter", filter);
            }
        }
        if let Some((rule, text)) = self.references.wrong(command, arguments) {
            findings.add(line, rule, text);
        }
    }

    fn reverse(&mut self, line: u64, command: &str, findings: &mut Findings) {
        let offered = REVERSE.iter().any(|(name, offer)| *name == command && self.by_client.contains(*offer));
        if !offered {
            findings.add(line, "not-supported-by-client", command);
        }
    }

    fn answer(
        &mut self,
        line: u64,
        seq: i64,
        command: &str,
        success: bool,
        json: &Value,
        findings: &mut Findings,
    ) {
        if self.disconnect == Stage::Answered {
            let text = format!("an answer to {command}");
            match self.pending.get(&seq).is_some_and(|asked| asked.is_crossing) {
                true => findings.known(line, "after-the-end", text, CROSSED),
                false => findings.add(line, "after-the-end", text),
            }
        }
        let Some(asked) = self.pending.remove(&seq) else {
            match self.answered.get(&seq) {
                Some((before, asked)) => {
                    let text = format!("the answer to {seq} was in line {before} already");
                    match asked == "restart" && !success {
                        true => findings.known(line, "answered-twice", text, RESTART),
                        false => findings.add(line, "answered-twice", text),
                    }
                }
                None => findings.add(line, "answer-without-request", format!("no request has seq {seq}")),
            }
            return;
        };
        self.answered.insert(seq, (line, asked.command.clone()));
        let body = &json["body"];
        if command != asked.command {
            let text = format!("{command:?} for {:?} of line {}", asked.command, asked.line);
            if command.is_empty() && body["error"]["id"] == 8888 {
                findings.known(line, "wrong-command", text, UNKNOWN);
            } else {
                findings.add(line, "wrong-command", text);
            }
        }
        let has_text =
            !json["message"].as_str().unwrap_or_default().is_empty() || body["error"]["format"].is_string();
        if !success && !has_text {
            findings.add(line, "error-without-text", format!("{} failed without a reason", asked.command));
        }
        match asked.command.as_str() {
            "initialize" => {
                self.initialize = Stage::Answered;
                self.offered.take(body);
            }
            "disconnect" => self.disconnect = Stage::Answered,
            "launch" | "attach" if success => self.has_launched = true,
            run if success && RUNS.contains(&run) => self.references.run(),
            // A function that is called makes the program run and stop.
            _ if success => self.references.given(&asked.command, body),
            _ => {}
        }
    }

    fn event(&mut self, line: u64, event: &str, body: &Value, findings: &mut Findings) {
        if self.initialize != Stage::Answered {
            findings.add(line, "before-initialize", format!("the event {event}"));
        }
        if self.disconnect == Stage::Answered {
            match event {
                "terminated" | "exited" | "output" => findings.known(line, "after-the-end", event, AGAIN),
                _ => findings.add(line, "after-the-end", event),
            }
        }
        let needed =
            BODIES.iter().find(|(name, _)| *name == event).map(|(_, fields)| *fields).unwrap_or_default();
        for field in needed.iter().filter(|field| body[**field].is_null()) {
            findings.add(line, "event-without-body", format!("{event} has no {field}"));
        }
        self.references.thread(&body["threadId"]);
        match event {
            "initialized" => {
                (self.is_initialized, self.is_configured) = (true, false);
                (self.is_terminated, self.ran_on) = (false, false);
                self.references.run();
            }
            "capabilities" => self.offered.take(&body["capabilities"]),
            "stopped" => {
                self.references.stop(body);
                self.stopped_late |= self.disconnect != Stage::Not;
            }
            "continued" => self.references.run(),
            "terminated" => {
                let text = "terminated again";
                match std::mem::replace(&mut self.is_terminated, true) {
                    true if self.disconnect != Stage::Not => {
                        findings.known(line, "terminated-twice", text, AGAIN)
                    }
                    true if self.ran_on => findings.known(line, "terminated-twice", text, RAN_ON),
                    true => findings.add(line, "terminated-twice", text),
                    false => {}
                }
            }
            _ => {}
        }
    }

    /// The session ends; by the client's wish, or not.
    pub(super) fn is_ending(&mut self) {
        self.was_cut = self.disconnect == Stage::Not;
    }

    /// `client_left`: the client was gone, so that answers are missing.
    pub(super) fn finish(&self, client_left: bool, findings: &mut Findings) {
        for asked in self.pending.values() {
            match self.was_cut || client_left {
                _ if asked.is_crossing => findings.known(asked.line, "unanswered", &asked.command, CROSSED),
                true => findings.known(asked.line, "unanswered", &asked.command, CUT),
                false => findings.add(asked.line, "unanswered", &asked.command),
            }
        }
    }
}
