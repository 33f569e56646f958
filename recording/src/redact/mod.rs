//! Removes secrets from a recording, so that it can be sent to a stranger.
//!
//! `shapes.rs` has the keys and kinds of values that the two protocols fix; what they do not fix
//! goes, keys and values. Of a text that they fix, `policy.rs` says what stays, and `words.rs` has
//! the closed sets that it must be in. Everything else becomes placeholders of the same length;
//! structure, numbers and times stay.

mod copy;
mod fill;
mod header;
mod placeholder;
#[cfg(test)]
mod planted;
mod policy;
mod project;
mod shapes;
#[cfg(test)]
mod tests;
mod texts;
mod visible;
mod words;

use std::collections::HashMap;
use std::path::Path;

use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::sniff::Protocol;
use serde_json::{Map, Number, Value};

pub use copy::{copy, look};
pub use visible::Visible;

use super::{RecordingHeader, Sender};
use fill::Fill;
use placeholder::Placeholders;
use project::Project;
use shapes::{ANY, LAUNCH, Shapes};
use texts::{Replace, Treatment, code, is_name, is_prose};

/// Redacts one recording, message by message in its order.
#[derive(Debug)]
pub struct Redactor {
    protocol: Protocol,
    names: Names,
    fill: Fill,
    visible: Visible,
    /// JSON-RPC's answers do not say what was asked.
    asked: HashMap<Key, String>,
}

/// What becomes of names of functions, variables and types.
#[derive(Debug)]
enum Names {
    /// Each has a placeholder.
    Replaced,
    /// They stay, and files of the project.
    Kept(Project),
}

/// Requests whose answers are waited for; the answer to any other is redacted whole.
const MAX_ASKED: usize = 4096;

/// Says where a value is.
#[derive(Clone, Copy, Debug)]
struct ValuePath<'a> {
    /// What the schema says it is: [`ANY`] where it says nothing.
    kind: &'static str,
    /// The type whose member it is, or is in.
    owner: &'static str,
    /// The member's key.
    key: &'a str,
}

impl ValuePath<'_> {
    const FOREIGN: ValuePath<'static> = ValuePath { kind: ANY, owner: ANY, key: "" };
}

impl Redactor {
    /// Creates a redactor for a recording with this header. No text stays that the protocols do not
    /// name.
    pub fn new(header: &RecordingHeader) -> Redactor {
        Redactor {
            protocol: header.protocol,
            names: Names::Replaced,
            fill: Fill::Placeholders(Placeholders::default()),
            visible: Visible::default(),
            asked: HashMap::new(),
        }
    }

    /// Creates one that keeps names of functions, variables and types, and file names of the
    /// project.
    ///
    /// `project`: its folder; without it that is learned from `launch` and from where dlv runs.
    pub fn with_names(header: &RecordingHeader, project: Option<&Path>) -> Redactor {
        let project = Project::new(project, header.settings.folder.as_deref());
        Redactor { names: Names::Kept(project), ..Redactor::new(header) }
    }

    /// One that makes messages equal which differ in secrets alone. The header is that of a
    /// redacted recording.
    pub(super) fn with_stars(header: &RecordingHeader) -> Redactor {
        let redactor = if header.names { Redactor::with_names(header, None) } else { Redactor::new(header) };
        Redactor { fill: Fill::Stars, ..redactor }
    }

    /// Returns what stays readable so far.
    pub fn visible(&self) -> &Visible {
        &self.visible
    }

    /// Returns the project's folders, as far as their names stay and are known.
    pub fn project(&self) -> &[String] {
        match &self.names {
            Names::Replaced => &[],
            Names::Kept(project) => project.folders(),
        }
    }

    /// Redacts a message: one line of JSON where it is JSON, else nothing stays but its length.
    pub fn message(&mut self, from: Sender, body: &[u8]) -> Vec<u8> {
        match serde_json::from_slice::<Value>(body) {
            Ok(message @ Value::Object(_)) => {
                let redacted = self.value(from, body, message);
                serde_json::to_vec(&redacted).unwrap_or_else(|_| self.bytes(body))
            }
            _ => self.bytes(body),
        }
    }

    /// Redacts bytes that are not a message: their number stays.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        vec![b'-'; bytes.len()]
    }

    /// Redacts a header that a message came with.
    pub fn header_line(&mut self, header: &str) -> String {
        self.fill.secret(header)
    }

    /// Redacts the name of a command, method or event.
    pub(super) fn name(&mut self, name: &str) -> String {
        if Shapes::all().has_name(name) {
            self.visible.message(name);
            name.to_owned()
        } else {
            self.fill.secret(name)
        }
    }

    /// Redacts the message of this body.
    pub(super) fn value(&mut self, from: Sender, body: &[u8], message: Value) -> Value {
        let name = self.name_of(from, body, &message);
        match message {
            Value::Object(members) => Value::Object(self.envelope(&name, members)),
            mut other => {
                self.walk(ValuePath::FOREIGN, &mut other);
                other
            }
        }
    }

    /// Redacts an answer or event of this name.
    pub(super) fn answer(&mut self, name: &str, message: Value) -> Value {
        match message {
            Value::Object(members) => Value::Object(self.envelope(name, members)),
            _ => Value::from("*"),
        }
    }

    /// Gives the command, method or event of a message, or that of the request that it answers.
    fn name_of(&mut self, from: Sender, body: &[u8], message: &Value) -> String {
        let said = match from {
            Sender::Client => conversation::Message::of_client(self.protocol, body),
            Sender::Dlv | Sender::Dlvgate => conversation::Message::of(self.protocol, body),
        };
        match said {
            conversation::Message::Request { key, name } => {
                let name = name.to_string();
                let is_rpc = self.protocol == Protocol::JsonRpc && self.asked.len() < MAX_ASKED;
                if let (Some(key), true) = (key, is_rpc) {
                    self.asked.insert(key, name.clone());
                }
                let starts = from == Sender::Client && policy::starts_the_program(&name);
                if let (true, Names::Kept(project)) = (starts, &mut self.names) {
                    project.learn(&message["arguments"]);
                    project.learn(&message["arguments"]["arguments"]);
                }
                name
            }
            conversation::Message::Reply { key, name, .. } => {
                let asked = key.and_then(|key| self.asked.remove(&key));
                asked.or_else(|| name.map(|name| name.to_string())).unwrap_or_default()
            }
            conversation::Message::Event { name } => name.to_string(),
            conversation::Message::Unknown => String::new(),
        }
    }

    /// Redacts what a message of either protocol has at its top.
    fn envelope(&mut self, name: &str, members: Map<String, Value>) -> Map<String, Value> {
        let is_event = members.get("type").is_some_and(|kind| kind == "event");
        let has_failed = members.get("success").is_some_and(|success| success == false);
        let answer = match (is_event, has_failed) {
            (true, _) => ("event", name),
            (false, true) => ("response", "*"),
            (false, false) => ("response", name),
        };
        let mut redacted = Map::new();
        for (key, mut value) in members {
            let kind = match key.as_str() {
                "seq" | "request_seq" | "id" if value.is_number() => "number",
                "success" => "bool",
                "type" | "jsonrpc" | "message" | "error" | "id" | "seq" | "request_seq" => ANY,
                "command" | "event" | "method" => "string",
                "arguments" => Shapes::all().message("request", name),
                "body" => Shapes::all().message(answer.0, answer.1),
                "params" => Shapes::all().message("params", name),
                "result" => Shapes::all().message("result", name),
                _ => {
                    self.walk(ValuePath::FOREIGN, &mut value);
                    redacted.insert(self.foreign_key(&key, &redacted), value);
                    continue;
                }
            };
            match (&mut value, key.as_str()) {
                (Value::String(text), "command" | "event" | "method") => *text = self.name(text),
                (Value::String(text), "type") if matches!(&**text, "request" | "response" | "event") => {}
                (Value::String(text), "jsonrpc") if text == "2.0" => {}
                // JSON-RPC has its parameters in a list of one.
                (Value::Array(values), "params") => {
                    values
                        .iter_mut()
                        .for_each(|value| self.walk(ValuePath { kind, ..ValuePath::FOREIGN }, value));
                }
                (value, _) => self.walk(ValuePath { kind, ..ValuePath::FOREIGN }, value),
            }
            redacted.insert(key, value);
        }
        redacted
    }

    /// Gives a placeholder for a key that no schema has, and that `members` does not have yet.
    fn foreign_key(&mut self, key: &str, members: &Map<String, Value>) -> String {
        let placeholder = self.fill.secret(key);
        if !members.contains_key(&placeholder) {
            return placeholder;
        }
        // Short keys have few placeholders, and a message may have a million of them.
        let mut number = members.len();
        loop {
            let numbered = format!("{placeholder}#{number}");
            if !members.contains_key(&numbered) {
                return numbered;
            }
            number += 1;
        }
    }

    fn walk(&mut self, place: ValuePath<'_>, value: &mut Value) {
        match value {
            Value::Object(members) => {
                let members = std::mem::take(members);
                *value = Value::Object(self.members(place, members));
            }
            Value::Array(values) => {
                let kind = shapes::element(place.kind);
                values.iter_mut().for_each(|value| self.walk(ValuePath { kind, ..place }, value));
            }
            Value::String(text) => {
                let treatment = match place.kind {
                    "string" => policy::of(place.owner, place.key),
                    _ => Treatment::Secret,
                };
                *text = self.text(treatment, text);
            }
            Value::Number(number) if !policy::keeps_number(place.owner, place.key, place.kind) => {
                *number = Number::from(0);
            }
            _ => {}
        }
    }

    fn members(&mut self, place: ValuePath<'_>, members: Map<String, Value>) -> Map<String, Value> {
        // The name beside a path stays with it where it is the path's last part.
        let path = members.get("path").and_then(Value::as_str).filter(|_| place.kind == "Source");
        let ours = path.filter(|path| self.is_of_project(path)).and_then(|path| path.rsplit('/').next());
        let ours = ours.map(str::to_owned);
        let mut redacted = Map::new();
        for (key, mut value) in members {
            let (kind, owner, is_known) = match (shapes::map_value(place.kind), place.kind) {
                // Counters for each goroutine have numbers as keys.
                (Some(kind), _) => (kind, ANY, kind == "number" && words::is_number(&key)),
                (None, "RestartArguments") if key == "arguments" => (LAUNCH, place.kind, true),
                (None, owner) => match Shapes::all().member(owner, &key) {
                    Some(kind) => (kind, owner, true),
                    None => (ANY, ANY, false),
                },
            };
            match &value {
                Value::String(name) if key == "name" && ours.as_ref() == Some(name) => {
                    self.visible.text(Treatment::Path, name);
                }
                _ => self.walk(ValuePath { kind, owner, key: &key }, &mut value),
            }
            let key = if is_known { key } else { self.foreign_key(&key, &redacted) };
            redacted.insert(key, value);
        }
        redacted
    }

    fn is_of_project(&self, path: &str) -> bool {
        matches!(&self.names, Names::Kept(project) if project.has(path))
    }

    /// Redacts an expression. A command of dlv's own (`dlv config …`) has words of its own, and
    /// prose has none of a program's.
    fn expression(&mut self, text: &str) -> String {
        if let Some(rest) = text.strip_prefix("dlv ") {
            return format!("dlv {}", self.fill.secret(rest));
        }
        if is_prose(text) {
            return self.fill.secret(text);
        }
        let kept = code(text, false, self);
        let Names::Kept(project) = &self.names else { return kept };
        let is_path = |word: &str| word.starts_with('/') && word.matches('/').count() > 1;
        let words = kept.split(' ').map(|word| match is_path(word) && !project.has(word) {
            true => self.fill.outside(word),
            false => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn text(&mut self, treatment: Treatment, text: &str) -> String {
        let stays = match treatment {
            Treatment::Secret => None,
            Treatment::Word => Some(text.to_owned()).filter(|text| words::is_word(text)),
            Treatment::Address => Some(text.to_owned()).filter(|text| words::is_address(text)),
            Treatment::Time => Some(text.to_owned()).filter(|text| words::is_time(text)),
            Treatment::Version => Some(self.sentence(text, words::is_version)),
            Treatment::Path if self.is_of_project(text) => Some(text.to_owned()),
            Treatment::Path => return self.fill.outside(text),
            Treatment::Name => is_name(text).then(|| code(text, true, self)),
            Treatment::Type if is_prose(text) || text.starts_with('/') => None,
            Treatment::Type => Some(code(text, false, self)),
            Treatment::Expression => Some(self.expression(text)),
        };
        match stays {
            Some(kept) => {
                let is_shown = kept == text || matches!(self.names, Names::Kept(_));
                if is_shown {
                    self.visible.text(treatment, &kept);
                }
                kept
            }
            None => self.fill.secret(text),
        }
    }
}

impl Replace for Redactor {
    fn secret(&mut self, text: &str) -> String {
        self.fill.secret(text)
    }

    fn identifier(&mut self, word: &str) -> String {
        match self.names {
            Names::Replaced => self.fill.identifier(word),
            Names::Kept(_) => word.to_owned(),
        }
    }

    fn placeholder(&mut self, word: &str) -> String {
        self.fill.identifier(word)
    }
}
