//! The rules of Delve's JSON-RPC (Go, `net/rpc/jsonrpc`; Delve, `service/rpccommon/server.go`).

use std::collections::HashMap;

use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::sniff::Protocol;
use serde_json::Value;

use super::findings::{CUT, Findings};
use crate::{RecordedMessage, Sender};

/// Commands that do not let the program run, or that are meant for one that does.
const NOT_RUNNING: [&str; 3] = ["halt", "switchThread", "switchGoroutine"];

#[derive(Default)]
pub(super) struct RpcRules {
    pending: HashMap<Key, (u64, String)>,
    answered: HashMap<Key, u64>,
    running: Option<Key>,
    is_detached: bool,
    was_cut: bool,
}

impl RpcRules {
    pub(super) fn message(&mut self, line: u64, message: &RecordedMessage, findings: &mut Findings) {
        match message.envelope(Protocol::JsonRpc) {
            conversation::Message::Request { key, name } => {
                self.request(line, key, name.as_str(), message, findings);
            }
            conversation::Message::Reply { key, success, .. } => {
                self.reply(line, key, success, message, findings)
            }
            _ => findings.add(
                line,
                "no-object",
                format!("{} sent something that is neither a request nor an answer", message.from),
            ),
        }
    }

    fn request(
        &mut self,
        line: u64,
        key: Option<Key>,
        name: &str,
        message: &RecordedMessage,
        findings: &mut Findings,
    ) {
        if message.from != Sender::Client {
            findings.add(line, "answer-without-request", format!("{} asks {name}", message.from));
            return;
        }
        if self.is_detached {
            findings.add(line, "after-detach", format!("{name} after Detach"));
        }
        if !name.starts_with("RPCServer.") {
            findings.add(line, "unknown-service", name);
        }
        let json = message.json();
        let is_one =
            json["params"].as_array().is_some_and(|params| params.len() == 1 && params[0].is_object());
        if !is_one {
            findings.add(line, "one-parameter", format!("{name} has params {}", json["params"]));
        }
        let Some(key) = key else {
            findings.add(line, "no-id", format!("{name} has no id"));
            return;
        };
        if let Some((before, other)) = self.pending.insert(key, (line, name.to_owned())) {
            findings.add(line, "id-in-use", format!("{name} has the id {key} of {other} in line {before}"));
        }
        let command = json["params"][0]["name"].as_str().unwrap_or_default();
        if name == "RPCServer.Command" && !NOT_RUNNING.contains(&command) {
            if self.running.is_some() {
                findings.add(line, "command-while-running", format!("{command} while another command runs"));
            }
            self.running = Some(key);
        }
    }

    fn reply(
        &mut self,
        line: u64,
        key: Option<Key>,
        success: bool,
        message: &RecordedMessage,
        findings: &mut Findings,
    ) {
        if message.from == Sender::Client {
            findings.add(line, "answer-without-request", "the client answers, and nothing was asked of it");
            return;
        }
        let json = message.json();
        if !json["result"].is_null() && !json["error"].is_null() {
            findings.add(line, "result-and-error", "both are there");
        } else if json.get("result").is_none() && json["error"].is_null() {
            findings.add(line, "result-and-error", "neither is there");
        } else if !success && json["error"].as_str().is_none_or(str::is_empty) {
            findings.add(line, "error-without-text", format!("the error is {}", short(&json["error"])));
        }
        let Some(key) = key else {
            findings.add(line, "answer-without-request", "the answer has no id");
            return;
        };
        match self.pending.remove(&key) {
            Some((_, name)) => {
                self.is_detached |= name == "RPCServer.Detach" && success;
                if self.running == Some(key) {
                    self.running = None;
                }
                self.answered.insert(key, line);
            }
            None => match self.answered.get(&key) {
                Some(before) => {
                    findings.add(
                        line,
                        "answered-twice",
                        format!("the answer to {key} was in line {before} already"),
                    );
                }
                None => findings.add(line, "answer-without-request", format!("no request has id {key}")),
            },
        }
    }

    /// The session ends; by the client's wish, or not.
    pub(super) fn is_ending(&mut self) {
        self.was_cut = !self.is_detached;
    }

    /// `client_left`: the client was gone, so that answers are missing.
    pub(super) fn finish(&self, client_left: bool, findings: &mut Findings) {
        for (line, name) in self.pending.values() {
            match self.was_cut || client_left {
                true => findings.known(*line, "unanswered", name, CUT),
                false => findings.add(*line, "unanswered", name),
            }
        }
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}
