//! Taking what is secret out of a recording, so that it can be sent to a stranger.
//!
//! Values of variables, environment, arguments, output, error texts and paths outside the project become placeholders of the
//! same length; structure, names and numbers stay. `policy.rs` has the list of what stays; everything else goes.

mod copy;
mod placeholder;
mod policy;
mod project;
#[cfg(test)]
mod tests;
mod texts;
mod visible;

use std::collections::HashMap;
use std::path::Path;

use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::sniff::Protocol;
use serde_json::{Number, Value};

pub use copy::{copy, look};
pub use visible::Visible;

use super::format::ENDED;
use super::{Header, Sender};
use placeholder::Placeholders;
use policy::Place;
use project::Project;
use texts::{Treatment, expression, is_name, outside};

/// Redacts one recording, message by message in its order.
#[derive(Debug)]
pub struct Redactor {
    protocol: Protocol,
    project: Project,
    fill: Fill,
    visible: Visible,
    /// JSON-RPC's answers do not say what was asked.
    asked: HashMap<Key, String>,
}

/// Steps of the session whose words are dlvgate's alone: process ids, ports, exit statuses.
const OUR_WORDS: [&str; 7] =
    ["dlv_ready", "gate_opening", "gate_open", "dialled", "gate_shut", "dlv_stopped", "gate_gone"];

/// Requests whose answers are waited for; the answer to any other is redacted whole.
const MAX_ASKED: usize = 4096;

/// What comes in place of a secret.
#[derive(Debug)]
enum Fill {
    Placeholders(Placeholders),
    /// The same for all: two messages that differ in their secrets alone are then equal.
    Stars,
}

impl Fill {
    fn secret(&mut self, text: &str) -> String {
        match self {
            Fill::Placeholders(placeholders) => placeholders.of(text),
            Fill::Stars => "*".to_owned(),
        }
    }

    fn outside(&mut self, path: &str) -> String {
        match self {
            Fill::Placeholders(placeholders) => outside(path, placeholders),
            Fill::Stars => "*".to_owned(),
        }
    }
}

impl Redactor {
    /// For a recording with this header. `project`: the folder whose file names stay; without it that is learned from `launch`
    /// and from where dlv runs.
    pub fn new(header: &Header, project: Option<&Path>) -> Redactor {
        let project = Project::new(project, header.settings.folder.as_deref());
        let fill = Fill::Placeholders(Placeholders::default());
        Redactor {
            protocol: header.protocol,
            project,
            fill,
            visible: Visible::default(),
            asked: HashMap::new(),
        }
    }

    /// One that makes messages equal which differ in secrets alone.
    pub(super) fn with_stars(header: &Header) -> Redactor {
        Redactor { fill: Fill::Stars, ..Redactor::new(header, None) }
    }

    /// What stays readable so far.
    pub fn visible(&self) -> &Visible {
        &self.visible
    }

    /// The project's folders, as far as they are known.
    pub fn project(&self) -> &[String] {
        self.project.folders()
    }

    /// The header, redacted.
    #[must_use]
    pub fn header(&mut self, header: &Header) -> Header {
        let mut header = header.clone();
        header.redacted = true;
        header.client = self.peer(&header.client);
        let settings = &mut header.settings;
        if let Some(folder) = &mut settings.folder {
            *folder = self.text(Treatment::Path, "", folder);
        }
        // What follows a lone `--` is the program's.
        let own = settings.dlv.iter().position(|word| word == "--").unwrap_or(settings.dlv.len());
        for (place, word) in settings.dlv.iter_mut().enumerate() {
            *word = match word.split_once('=') {
                _ if place == own => word.clone(),
                _ if place > own => self.fill.secret(word),
                _ if place == 0 && is_name(word) => word.clone(),
                Some((flag, value)) if flag.starts_with("--") => {
                    format!("{flag}={}", self.fill.secret(value))
                }
                None if word.starts_with("--") => word.clone(),
                _ if word.starts_with('/') => self.text(Treatment::Path, "", word),
                _ => self.fill.secret(word),
            };
        }
        for rule in &mut settings.substitute_path {
            *rule = self.pair(rule);
        }
        for argument in settings.launch_set.iter_mut().chain(&mut settings.launch_force) {
            *argument = match argument.split_once('=') {
                Some((key, value)) => format!("{key}={}", serde_json::json!(self.fill.secret(value))),
                None => self.fill.secret(argument),
            };
        }
        header
    }

    /// Who connects from another machine is nobody's business.
    fn peer(&mut self, peer: &str) -> String {
        let is_here =
            peer.starts_with("127.") || peer.starts_with("[::1]") || peer.starts_with("standard input");
        if is_here { peer.to_owned() } else { self.fill.secret(peer) }
    }

    fn pair(&mut self, rule: &str) -> String {
        let sides: Vec<String> = rule.split('=').map(|side| self.text(Treatment::Path, "", side)).collect();
        sides.join("=")
    }

    /// A message, redacted: one line of JSON where it is JSON, else nothing but its length.
    pub fn message(&mut self, from: Sender, body: &[u8]) -> Vec<u8> {
        match serde_json::from_slice::<Value>(body) {
            Ok(message @ Value::Object(_)) => {
                let redacted = self.value(from, body, message);
                serde_json::to_vec(&redacted).unwrap_or_else(|_| self.bytes(body))
            }
            _ => self.bytes(body),
        }
    }

    /// Bytes that are no message: their number stays.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        vec![b'-'; bytes.len()]
    }

    /// A step of the session in words. Its end may quote dlv, and what dlv quotes.
    pub fn detail(&mut self, event: &str, detail: &str) -> String {
        if let Some((what, peer)) = detail.split_once(" from ").filter(|_| event == "first_byte") {
            return format!("{what} from {}", self.peer(peer));
        }
        let is_ours = (OUR_WORDS.contains(&event) || event == ENDED) && !detail.contains(['/', '"', '\'']);
        let is_one_word = detail.chars().all(|char| char.is_ascii_lowercase() || char == ' ');
        if is_ours || (event == "ending" && is_one_word) {
            detail.to_owned()
        } else {
            self.fill.secret(detail)
        }
    }

    /// The message of this body, redacted.
    pub(super) fn value(&mut self, from: Sender, body: &[u8], mut message: Value) -> Value {
        let said = match from {
            Sender::Client => conversation::Message::of_client(self.protocol, body),
            Sender::Dlv | Sender::Dlvgate => conversation::Message::of(self.protocol, body),
        };
        let is_asked = matches!(said, conversation::Message::Request { .. });
        let name = match said {
            conversation::Message::Request { key, name } => {
                let name = name.to_string();
                let is_rpc = self.protocol == Protocol::JsonRpc && self.asked.len() < MAX_ASKED;
                if let (Some(key), true) = (key, is_rpc) {
                    self.asked.insert(key, name.clone());
                }
                if from == Sender::Client && policy::starts_the_program(&name) {
                    self.project.learn(&message["arguments"]);
                    self.project.learn(&message["arguments"]["arguments"]);
                }
                name
            }
            conversation::Message::Reply { key, name, .. } => {
                let asked = key.and_then(|key| self.asked.remove(&key));
                asked.or_else(|| name.map(|name| name.to_string())).unwrap_or_default()
            }
            conversation::Message::Event { name } => name.to_string(),
            conversation::Message::Unknown => String::new(),
        };
        self.visible.message(&name);
        self.walk(Place::message(&name, is_asked), &mut message, true);
        message
    }

    /// `is_message`: the value is the message itself.
    fn walk(&mut self, place: Place<'_>, value: &mut Value, is_message: bool) {
        match value {
            Value::Object(members) => {
                // The name beside a path is the path's last part, and stays with it.
                let path = members.get("path").and_then(Value::as_str);
                let is_ours = place.key == "source" && path.is_some_and(|path| self.project.has(path));
                for (key, value) in members {
                    let place = place.member(key, is_message);
                    match value {
                        Value::String(text)
                            if is_ours && key == "name" && policy::of(place) == Treatment::Path =>
                        {
                            self.visible.text(Treatment::Path, key, text);
                        }
                        value => self.walk(place, value, false),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.walk(place, value, false)),
            Value::String(text) => *text = self.text(policy::of(place), place.key, text),
            Value::Number(number) if !policy::keeps_number(place) => *number = Number::from(0),
            _ => {}
        }
    }

    /// A command of dlv's own (`dlv config …`) has words of its own, and paths are no expressions.
    fn expression(&mut self, text: &str) -> String {
        if let Some(rest) = text.strip_prefix("dlv ") {
            return format!("dlv {}", self.fill.secret(rest));
        }
        let kept = expression(text, |literal| self.fill.secret(literal));
        let is_path = |word: &str| word.starts_with('/') && word.matches('/').count() > 1;
        let words = kept.split(' ').map(|word| match is_path(word) && !self.project.has(word) {
            true => self.fill.outside(word),
            false => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn text(&mut self, treatment: Treatment, key: &str, text: &str) -> String {
        let stays = match treatment {
            Treatment::Keep => true,
            Treatment::Secret => false,
            Treatment::Path => self.project.has(text),
            Treatment::Name => is_name(text),
            Treatment::Expression => {
                let kept = self.expression(text);
                self.visible.text(treatment, key, &kept);
                return kept;
            }
        };
        if stays {
            self.visible.text(treatment, key, text);
            text.to_owned()
        } else if treatment == Treatment::Path {
            self.fill.outside(text)
        } else {
            self.fill.secret(text)
        }
    }
}
