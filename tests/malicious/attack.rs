//! One input, and what must come of it.

use serde_json::{Value, json};

use crate::support::frames::frame;

/// What a client sends, and when.
pub struct Attack {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// The connection's first bytes; else after a whole `initialize`.
    pub is_first: bool,
    pub then: Then,
    /// Whether a dlv may be started for it.
    pub starts_dlv: bool,
}

/// What must come of it.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// The client is told this, and the server closes.
    Told(&'static str),
    /// The server closes once the client has no more to say; what it says before is dlv's.
    Closed,
    /// The session goes on: what was sent came to dlv or was answered, and the next request is, too.
    GoesOn,
}

/// First bytes for which nothing is started.
pub fn refused(name: &'static str, bytes: impl Into<Vec<u8>>, word: &'static str) -> Attack {
    Attack { name, bytes: bytes.into(), is_first: true, then: Then::Told(word), starts_dlv: false }
}

/// First bytes that are enough for a session.
pub fn first(name: &'static str, bytes: impl Into<Vec<u8>>, then: Then) -> Attack {
    Attack { name, bytes: bytes.into(), is_first: true, then, starts_dlv: true }
}

/// In mid-session.
pub fn later(name: &'static str, bytes: impl Into<Vec<u8>>, then: Then) -> Attack {
    Attack { name, bytes: bytes.into(), is_first: false, then, starts_dlv: true }
}

/// A request with these fields besides, or in place of, the usual ones.
pub fn request(fields: &Value) -> Vec<u8> {
    let mut request = json!({"seq": 77, "type": "request", "command": "threads"});
    for (key, value) in fields.as_object().expect("an object") {
        request[key] = value.clone();
    }
    frame(&request.to_string())
}

/// What a terminal would obey, and what ends a line of a log.
pub const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{8}\u{7f}\u{9b}31m\u{85}\u{202e}\u{0}";
