//! The lines of a recording, as `docs/recording-format.md` has them.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use dlvgate_protocol::sniff::Protocol;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// Most bytes of a message in one line. A longer message is written in parts, so that no reader or
/// writer holds it whole.
pub const PART: usize = 8 * 1024 * 1024;

/// The longest message that is read or played. Some 30 times what dlv has been seen to say, and it
/// is held whole.
pub const MESSAGE_MAX: usize = 256 * 1024 * 1024;

/// The sender of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sender {
    /// The IDE or editor.
    Client,
    /// Delve.
    Dlv,
    /// dlvgate, in dlv's place.
    Dlvgate,
}

impl Sender {
    /// Returns the name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Sender::Client => "client",
            Sender::Dlv => "dlv",
            Sender::Dlvgate => "dlvgate",
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingHeader {
    /// The format's version.
    pub recording: u32,
    /// The program that wrote the file.
    pub tool: String,
    /// The protocol of the session.
    #[serde(with = "protocol")]
    pub protocol: Protocol,
    /// Wall clock at the client's first byte, RFC 3339 in UTC.
    pub start: String,
    /// The session's number at its server.
    #[serde(default)]
    pub session: u64,
    /// Where the client connected from.
    #[serde(default)]
    pub client: String,
    /// dlv's version, where it is known.
    #[serde(default)]
    pub dlv: Option<String>,
    /// Go's version, where it is known.
    #[serde(default)]
    pub go: Option<String>,
    /// System and architecture.
    #[serde(default)]
    pub os: String,
    /// The session's settings.
    #[serde(default)]
    pub settings: RecordedSettings,
    /// Values were replaced.
    #[serde(default)]
    pub redacted: bool,
    /// In a redacted one: names of the program stayed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub names: bool,
}

/// The settings of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedSettings {
    /// The firewall's backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall: Option<String>,
    /// Where dlv runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// dlv's command with its flags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dlv: Vec<String>,
    /// A file's names on the client's side and on dlv's, `CLIENT=SERVER`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub substitute_path: Vec<String>,
    /// Arguments added to `launch` and `attach`, `KEY=JSON`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub launch_default: Vec<String>,
    /// Arguments put in place of the client's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub launch_override: Vec<String>,
}

/// Any later line. Which of the fields there are says which kind it is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordingLine<'a> {
    /// µs since the start.
    pub t: u64,
    /// The sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Sender>,
    /// The header as it came, if it is not `Content-Length: N` alone.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub header: Option<Cow<'a, str>>,
    /// One line of JSON.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub message: Option<&'a RawValue>,
    /// UTF-8 that is not one line of JSON.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub text: Option<Cow<'a, str>>,
    /// Other bytes.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub base64: Option<Cow<'a, str>>,
    /// A piece of a long message, in base64.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub part: Option<Cow<'a, str>>,
    /// The piece is not the last.
    #[serde(skip_serializing_if = "is_false")]
    pub more: bool,
    /// The bytes are not a message of the protocol.
    #[serde(skip_serializing_if = "is_false")]
    pub unframed: bool,
    /// A step of the session.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub event: Option<Cow<'a, str>>,
    /// The step in words.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub detail: Option<Cow<'a, str>>,
    /// The firewall's backend.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub firewall: Option<Cow<'a, str>>,
    /// Why the session ends, in a word.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub cause: Option<Cow<'a, str>>,
    /// Messages in the file, at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// How long dlvgate held what it forwarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_proxy: Option<InProxy>,
}

impl<'a> RecordingLine<'a> {
    /// Adds a message as it was, where that is one line of JSON; else its bytes.
    pub(crate) fn with_body(self, body: &'a [u8]) -> RecordingLine<'a> {
        let text = std::str::from_utf8(body).ok().filter(|text| !text.contains(['\n', '\r']));
        let raw = text.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        match raw {
            Some(raw) if raw.get().len() == body.len() => RecordingLine { message: Some(raw), ..self },
            _ => self.with_bytes(body),
        }
    }

    /// Adds bytes, as text where they are UTF-8.
    pub(crate) fn with_bytes(self, bytes: &'a [u8]) -> RecordingLine<'a> {
        match std::str::from_utf8(bytes) {
            Ok(text) => RecordingLine { text: Some(text.into()), ..self },
            Err(_) => RecordingLine { base64: Some(BASE64.encode(bytes).into()), ..self },
        }
    }
}

/// How long dlvgate held what it forwarded: from the end of a read to the end of its write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InProxy {
    /// Reads.
    pub chunks: u64,
    /// All together, in µs.
    pub total_us: u64,
    /// The longest, in µs.
    pub longest_us: u64,
}

/// The event of the last line.
pub const ENDED: &str = "recording_ended";

/// Its detail where nothing is missing.
pub const COMPLETE: &str = "complete";

/// How its detail begins where something is missing.
pub const MISSING: &str = "messages are missing from here on: ";

/// The detail of a redacted copy whose original was [`COMPLETE`] and could not be read so.
pub const DAMAGED: &str = "the recording that this is a copy of was damaged";

fn is_false(value: &bool) -> bool {
    !value
}

/// Returns a protocol's name in the file.
pub fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Dap => "dap",
        Protocol::JsonRpc => "json-rpc",
    }
}

mod protocol {
    use super::{Protocol, protocol_name};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(protocol: &Protocol, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(protocol_name(*protocol))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Protocol, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "dap" => Ok(Protocol::Dap),
            "json-rpc" => Ok(Protocol::JsonRpc),
            other => Err(D::Error::custom(format!("unknown protocol {other:?}"))),
        }
    }
}
