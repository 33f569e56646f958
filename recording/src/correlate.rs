//! Which answer belongs to which request, while a recording is read.

use std::collections::HashMap;
use std::time::Duration;

use dlvgate_protocol::conversation::{self, Key};
use dlvgate_protocol::sniff::Protocol;

use super::{Entry, EntryContent, Sender};

/// What a message is in its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MessageRole {
    Request,
    /// Of a request, after this time; none where there was no request.
    Answer {
        success: bool,
        after: Option<Duration>,
    },
    Event,
    Unknown,
}

/// A message with its place in the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) role: MessageRole,
    /// Command, method or event; of an answer what was asked.
    pub(super) name: String,
    pub(super) key: Option<Key>,
    /// Requests that are under way after it.
    pub(super) pending: usize,
}

struct Pending {
    name: String,
    at: Duration,
    line: u64,
}

/// The requests under way: the client's, and what an adapter asks of the client.
pub(super) struct Exchanges {
    protocol: Protocol,
    pending: HashMap<(bool, Key), Pending>,
}

impl Exchanges {
    pub(super) fn new(protocol: Protocol) -> Exchanges {
        Exchanges { protocol, pending: HashMap::new() }
    }

    /// Places an entry; `None` for one that is not a message.
    pub(super) fn place(&mut self, entry: &Entry) -> Option<Placed> {
        let EntryContent::Message(message) = &entry.what else { return None };
        let by_client = message.from == Sender::Client;
        let (role, name, key) = match message.envelope(self.protocol) {
            conversation::Message::Request { key, name } => {
                let name = name.to_string();
                if let Some(key) = key {
                    let pending = Pending { name: name.clone(), at: entry.at, line: entry.line };
                    self.pending.insert((by_client, key), pending);
                }
                (MessageRole::Request, name, key)
            }
            conversation::Message::Reply { key, name, success } => {
                let asked = key.and_then(|key| self.pending.remove(&(!by_client, key)));
                let after = asked.as_ref().map(|asked| entry.at.saturating_sub(asked.at));
                let said = name.map(|name| name.to_string()).unwrap_or_default();
                let name = asked.map_or(said, |asked| asked.name);
                (MessageRole::Answer { success, after }, name, key)
            }
            conversation::Message::Event { name } => (MessageRole::Event, name.to_string(), None),
            conversation::Message::Unknown => (MessageRole::Unknown, String::new(), None),
        };
        Some(Placed { role, name, key, pending: self.pending.len() })
    }

    /// Returns the requests without an answer: line and name, in the order of asking.
    pub(super) fn unanswered(&self) -> Vec<(u64, &str)> {
        let mut all: Vec<_> = self.pending.values().map(|one| (one.line, one.name.as_str())).collect();
        all.sort_unstable();
        all
    }
}
