//! Playing dlv, without any I/O: a request goes in, and what the recording has as its answer and
//! its consequences comes out.

use std::time::Duration;

use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::sniff::Protocol;
use serde_json::{Value, json};

use super::events::Events;
use super::matching::{self, Match};
use super::path_map::PathMap;
use super::script::{Script, arguments, known};
use crate::Sender;
use crate::as_dlv_reads;
use crate::redact::Redactor;

/// Requests that end a session.
const ENDS: [&str; 2] = ["disconnect", "RPCServer.Detach"];

/// A message for the client, and how long after the request it is due.
#[derive(Debug)]
pub(super) struct Say {
    pub(super) after: Duration,
    pub(super) body: Vec<u8>,
}

/// A request that the recording has no answer to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Miss {
    /// The request's name.
    pub name: String,
    /// With what, as one line of JSON.
    pub arguments: String,
    /// What of it the recording has.
    pub why: String,
}

impl std::fmt::Display for Miss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.name, self.arguments, self.why)
    }
}

/// An event that was said although a request was not asked that the recording has before it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Early {
    /// The event's line in the recording, and its name.
    pub event: (u64, String),
    /// The request's.
    pub request: (u64, String),
}

impl std::fmt::Display for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ((line, event), (before, request)) = (&self.event, &self.request);
        write!(f, "{event} (line {line}), although nothing asked {request} (line {before})")
    }
}

/// The state of one played session.
pub(super) struct Player<'a> {
    script: &'a Script,
    /// For each recorded request, the live one that it was matched with.
    live: Vec<Option<Key>>,
    /// The answer was given.
    was_said: Vec<bool>,
    events: Events,
    /// Recorded requests that drive the program and were asked for.
    epoch: usize,
    folders: PathMap,
    /// Set for a redacted recording: secrets are not compared.
    stars: Option<Redactor>,
    pub(super) misses: Vec<Miss>,
    pub(super) early: Vec<Early>,
    next_seq: i64,
    /// The session was ended by a request.
    pub(super) is_over: bool,
}

impl<'a> Player<'a> {
    pub(super) fn new(script: &'a Script, folders: PathMap) -> Player<'a> {
        Player {
            script,
            live: vec![None; script.asked.len()],
            was_said: vec![false; script.said.len()],
            events: Events::new(),
            epoch: 0,
            folders,
            stars: script.header.redacted.then(|| Redactor::with_stars(&script.header)),
            misses: Vec::new(),
            early: Vec::new(),
            next_seq: 1,
            is_over: false,
        }
    }

    /// Answers a message of the client.
    pub(super) fn hear(&mut self, body: &[u8]) -> Vec<Say> {
        let protocol = self.script.protocol();
        let said = conversation::Message::of_client(protocol, body);
        let conversation::Message::Request { key, name } = said else {
            let text = String::from_utf8_lossy(body).into_owned();
            self.misses.push(Miss {
                name: "(no request)".to_owned(),
                arguments: text,
                why: "not answered".to_owned(),
            });
            return Vec::new();
        };
        let message = as_dlv_reads::message(body);
        let (name, asked) = (name.as_str(), arguments(protocol, &message));
        let played = |request: usize| self.live[request].is_some();
        let compared = match &mut self.stars {
            Some(stars) => stars.value(Sender::Client, body, message.clone()),
            None => message.clone(),
        };
        let compared = arguments(protocol, &compared);
        let known = known(&mut self.stars, name);
        let found = matching::find(self.script, &known, compared, self.epoch, played);
        let recorded = match found {
            Match::Found(recorded) => recorded,
            Match::None { why } => {
                let miss = Miss { name: name.to_owned(), arguments: asked.to_string(), why };
                let text = format!("dlvgate replay: {miss}");
                self.misses.push(miss);
                return self.refusal(key, name, &text).into_iter().collect();
            }
        };
        let again = self.live[recorded].is_some();
        self.live[recorded] = key;
        let request = &self.script.asked[recorded];
        self.folders.learn_from(arguments(protocol, &request.message), asked);
        if request.is_driver {
            self.epoch = self.epoch.max(request.epoch + 1);
        }
        self.is_over |= ENDS.contains(&name);
        let mut due = self.events.asked(self.script, recorded, self.epoch, |one| self.live[one].is_some());
        for &at in &request.leads_to {
            if self.is_due(at, recorded, again) {
                self.was_said[at] = true;
                due.push(at);
            }
        }
        due.sort_unstable();
        let say = |at: usize| Say {
            after: self.script.said[at].at.saturating_sub(request.at),
            body: self.body(at),
        };
        due.into_iter().map(say).collect()
    }

    /// Whether an event waits for a request alone: for the client, that is, which may wait for the
    /// event.
    pub(super) fn is_waiting(&self) -> bool {
        self.events.waits_for(self.script, |one| self.live[one].is_some()).is_some()
    }

    /// Goes on without the request that the next event waits for.
    pub(super) fn go_on(&mut self) -> Vec<Say> {
        let was_asked = |one: usize| self.live[one].is_some();
        let Some(request) = self.events.waits_for(self.script, was_asked) else { return Vec::new() };
        let due = self.events.pass(self.script, was_asked);
        let Script { asked, said, .. } = self.script;
        for event in due.iter().map(|event| &said[*event]) {
            self.early.push(Early {
                event: (event.line, event.name.clone()),
                request: (asked[request].line, asked[request].name.clone()),
            });
        }
        due.into_iter().map(|at| Say { after: Duration::ZERO, body: self.body(at) }).collect()
    }

    /// Whether a recorded answer is to be given now that this request was asked.
    fn is_due(&self, at: usize, recorded: usize, again: bool) -> bool {
        let said = &self.script.said[at];
        if self.was_said[at] {
            return again && said.answers == Some(recorded);
        }
        let was_asked = |request: usize| self.live[request].is_some();
        let Some(request) = said.answers.filter(|request| was_asked(*request)) else { return false };
        said.driver_after(request).is_none_or(was_asked)
    }

    fn body(&mut self, at: usize) -> Vec<u8> {
        let said = &self.script.said[at];
        let mut message = said.message.clone();
        self.folders.to_live(&mut message);
        let key = said.answers.and_then(|request| self.live[request]);
        let Value::Object(members) = &mut message else { return Vec::new() };
        match (self.script.protocol(), key) {
            (Protocol::Dap, key) => {
                // Older versions of dlv number every message 0.
                if members.get("seq").and_then(Value::as_i64).is_some_and(|seq| seq != 0) {
                    members.insert("seq".to_owned(), self.next_seq.into());
                    self.next_seq += 1;
                }
                if let Some(Key::Seq(seq)) = key {
                    members.insert("request_seq".to_owned(), seq.into());
                }
            }
            (Protocol::JsonRpc, Some(Key::Id(id))) => {
                members.insert("id".to_owned(), serde_json::from_str(id.as_str()).unwrap_or_default());
            }
            _ => {}
        }
        serde_json::to_vec(&message).unwrap_or_default()
    }

    fn refusal(&mut self, key: Option<Key>, name: &str, text: &str) -> Option<Say> {
        let message = match key? {
            Key::Seq(seq) => json!({
                "seq": 0, "type": "response", "request_seq": seq, "success": false, "command": name, "message": text,
                "body": {"error": {"id": 10_001, "format": text, "showUser": false}},
            }),
            Key::Id(id) => {
                json!({"id": serde_json::from_str::<Value>(id.as_str()).ok()?, "result": null, "error": text})
            }
        };
        Some(Say { after: Duration::ZERO, body: serde_json::to_vec(&message).ok()? })
    }

    /// The request that ends the recorded session, where the live one went without it.
    pub(super) fn left_without(&self) -> Option<(u64, &str)> {
        let ends = self.script.asked.iter().find(|asked| ENDS.contains(&asked.name.as_str()));
        ends.filter(|_| !self.is_over).map(|asked| (asked.line, asked.name.as_str()))
    }

    /// Recorded requests that were never asked for.
    pub(super) fn not_asked(&self) -> impl Iterator<Item = (u64, &str)> {
        let all = self.script.asked.iter().zip(&self.live);
        all.filter(|(_, live)| live.is_none()).map(|(asked, _)| (asked.line, asked.name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(lines: &[&str]) -> Script {
        let header = r#"{"recording":1,"tool":"t","protocol":"json-rpc","start":"s"}"#;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        std::fs::write(&file, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        Script::load(&file).unwrap()
    }

    fn said(player: &mut Player<'_>, request: &str) -> Vec<String> {
        player.hear(request.as_bytes()).into_iter().map(|say| String::from_utf8(say.body).unwrap()).collect()
    }

    #[test]
    fn answer_waits_for_the_request_recorded_before_it() {
        let script = script(&[
            r#"{"t":1,"from":"client","message":{"method":"RPCServer.Command","params":[{"name":"continue"}],"id":1}}"#,
            r#"{"t":2,"from":"client","message":{"method":"RPCServer.Command","params":[{"name":"halt"}],"id":2}}"#,
            r#"{"t":3,"from":"dlv","message":{"id":1,"result":"stopped","error":null}}"#,
            r#"{"t":4,"from":"dlv","message":{"id":2,"result":"halted","error":null}}"#,
        ]);
        let mut player = Player::new(&script, PathMap::default());
        let run = r#"{"method":"RPCServer.Command","params":[{"name":"continue"}],"id":71}"#;
        assert_eq!(said(&mut player, run), [""; 0]);
        let halt = r#"{"method":"RPCServer.Command","params":[{"name":"halt"}],"id":"b"}"#;
        let expected =
            [r#"{"id":71,"result":"stopped","error":null}"#, r#"{"id":"b","result":"halted","error":null}"#];
        assert_eq!(said(&mut player, halt), expected);
        // What lets the program run is played once.
        assert!(said(&mut player, run)[0].contains("each was played"));
        assert_eq!(player.misses.len(), 1);
    }

    #[test]
    fn requests_at_a_stop_get_that_stop_s_answers() {
        let eval = |id: u32, t: u32, value: u32| {
            [
                format!(
                    r#"{{"t":{t},"from":"client","message":{{"method":"RPCServer.Eval","params":[{{"Expr":"x"}}],"id":{id}}}}}"#
                ),
                format!(r#"{{"t":{t},"from":"dlv","message":{{"id":{id},"result":{value},"error":null}}}}"#),
            ]
        };
        let run = |id: u32, t: u32| {
            [
                format!(
                    r#"{{"t":{t},"from":"client","message":{{"method":"RPCServer.Command","params":[{{"name":"next"}}],"id":{id}}}}}"#
                ),
                format!(r#"{{"t":{t},"from":"dlv","message":{{"id":{id},"result":"ran","error":null}}}}"#),
            ]
        };
        let lines = [run(1, 1), eval(2, 2, 10), eval(3, 3, 11), run(4, 4), eval(5, 5, 20)].concat();
        let script = script(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let mut player = Player::new(&script, PathMap::default());
        let mut ask = |method: &str, params: &str| {
            let request = format!(r#"{{"method":"RPCServer.{method}","params":[{params}],"id":9}}"#);
            said(&mut player, &request).concat()
        };
        let (next, x) = (r#"{"name":"next"}"#, r#"{"Expr":"x"}"#);
        ask("Command", next);
        // In their turn, then the last again.
        for value in ["10", "11", "11"] {
            assert!(ask("Eval", x).contains(value));
        }
        ask("Command", next);
        assert!(ask("Eval", x).contains("20"));
    }
}
