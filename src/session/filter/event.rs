//! What a filter has found in a chunk.

use dlvgate_protocol::conversation::{Key, Message};
use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::message::MergeError;

/// What was found in a chunk, for the caller to act on. JSON-RPC tells no length beforehand, and
/// keeps nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum FilterEvent {
    /// A message of length 0 was dropped: dlv would close the connection (go-dap).
    EmptyBody,
    /// A message goes on.
    Forwarded(Message),
    /// A message of this many bytes was not forwarded: dlv would close the connection.
    TooLarge { message: Message, body_len: u64 },
    /// A message was not forwarded: what the user forces on it cannot be.
    NotForced { message: Message, reason: MergeError },
}

impl FilterEvent {
    /// The request, where it is one that waits for an answer.
    pub(in crate::session) fn request(&self) -> Option<(Key, Name)> {
        let message = match self {
            FilterEvent::EmptyBody => return None,
            FilterEvent::Forwarded(message)
            | FilterEvent::TooLarge { message, .. }
            | FilterEvent::NotForced { message, .. } => message,
        };
        match *message {
            Message::Request { key: Some(key), name } => Some((key, name)),
            _ => None,
        }
    }
}
