//! A recording's first line and its session's steps, which have words of dlvgate's and of the
//! user's.

use super::texts::{Replace, Treatment};
use super::{Names, Redactor, shapes::Shapes, words};
use crate::format::{DAMAGED, ENDED, MISSING};
use crate::{RecordingHeader, Transition};

/// Returns the steps of a session, and the last line's event.
pub(super) fn events() -> impl Iterator<Item = &'static str> {
    Transition::ALL.into_iter().map(Transition::name).chain([ENDED])
}

/// Why a session ends, in a word, as dlvgate has them.
const CAUSES: [&str; 16] = [
    "disconnected",
    "client_left",
    "client_reset",
    "first_message_timeout",
    "client_protocol_error",
    "dlv_gone",
    "dlv_protocol_error",
    "no_dlv",
    "dlv_ended",
    "already_used",
    "gate_refused",
    "connect_failed",
    "too_many_sessions",
    "too_many_of_address",
    "stopped",
    "silent",
];

/// Programs that write recordings: dlvgate, and this library where no other is named.
const TOOLS: [&str; 2] = ["dlvgate", env!("CARGO_PKG_NAME")];

/// The backends of a gate.
const FIREWALLS: [&str; 5] = ["off", "nftables", "pf", "auto", "none"];

/// Why messages are missing.
const WHYS: [&str; 2] = ["the disk was too slow", "No space left on device (os error 28)"];

impl Redactor {
    /// Redacts a header.
    #[must_use]
    pub fn header(&mut self, header: &RecordingHeader) -> RecordingHeader {
        let mut header = header.clone();
        header.redacted = true;
        header.names = matches!(self.names, Names::Kept(_));
        header.tool = self.sentence(&header.tool, |word| TOOLS.contains(&word) || words::is_version(word));
        header.client = self.unless(&header.client, words::is_here);
        header.start = self.unless(&header.start, words::is_time);
        header.os = self.unless(&header.os, words::is_system);
        for version in [&mut header.dlv, &mut header.go].into_iter().flatten() {
            *version = self.unless(version, words::is_version);
        }
        let settings = &mut header.settings;
        if let Some(firewall) = &mut settings.firewall {
            *firewall = self.unless(firewall, |firewall| FIREWALLS.contains(&firewall));
        }
        if let Some(folder) = &mut settings.folder {
            *folder = self.text(Treatment::Path, folder);
        }
        for word in &mut settings.dlv {
            *word = match word.split_once('=') {
                _ if words::is_of_command_line(word) => continue,
                Some((flag, value)) if words::is_of_command_line(flag) => {
                    format!(
                        "{flag}={}",
                        self.unless(value, |value| words::is_word(value) || words::is_number(value))
                    )
                }
                _ if word.starts_with('/') => self.text(Treatment::Path, word),
                _ => self.fill.secret(word),
            };
        }
        for rule in &mut settings.substitute_path {
            let sides: Vec<String> = rule.split('=').map(|side| self.text(Treatment::Path, side)).collect();
            *rule = sides.join("=");
        }
        for argument in settings.launch_default.iter_mut().chain(&mut settings.launch_override) {
            *argument = match argument.split_once('=') {
                Some((key, value)) if Shapes::all().has_launch_argument(key) => {
                    format!("{key}={}", serde_json::json!(self.fill.secret(value)))
                }
                _ => self.fill.secret(argument),
            };
        }
        header
    }

    /// Redacts the name of a step.
    pub fn event(&mut self, event: &str) -> String {
        self.unless(event, |event| events().any(|known| known == event))
    }

    /// Redacts the word for a session's end.
    pub fn cause(&mut self, cause: &str) -> String {
        self.unless(cause, |cause| CAUSES.contains(&cause))
    }

    /// Redacts the name of a gate's backend.
    pub fn firewall(&mut self, firewall: &str) -> String {
        self.unless(firewall, |firewall| FIREWALLS.contains(&firewall))
    }

    /// Redacts a step in words. The reason of an end may quote what the program has printed, where
    /// any number is the program's: it has its cause in a word of its own.
    pub fn detail(&mut self, event: &str, detail: &str) -> String {
        match event {
            "ending" => return self.fill.secret(detail),
            ENDED if detail == DAMAGED => return detail.to_owned(),
            _ => {}
        }
        match detail.strip_prefix(MISSING).filter(|_| event == ENDED) {
            Some(why) => format!("{MISSING}{}", self.unless(why, |why| WHYS.contains(&why))),
            None => self.sentence(detail, words::is_step),
        }
    }

    fn unless(&mut self, text: &str, stays: impl Fn(&str) -> bool) -> String {
        if stays(text) { text.to_owned() } else { self.fill.secret(text) }
    }

    /// Replaces all words of a sentence but those that may stay; their number and the marks behind
    /// them stay.
    pub(super) fn sentence(&mut self, text: &str, stays: impl Fn(&str) -> bool) -> String {
        let words = text.split_inclusive([' ', '\n']).map(|word| {
            let bare = word.trim_end_matches([' ', '\n']);
            let bare = if stays(bare) { bare } else { bare.trim_end_matches([',', '.', ':', ';']) };
            let behind = &word[bare.len()..];
            if bare.is_empty() || stays(bare) {
                word.to_owned()
            } else {
                format!("{}{behind}", self.fill.secret(bare))
            }
        });
        words.collect()
    }
}
