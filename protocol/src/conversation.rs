//! What passes between a client and Delve, in either protocol: who asks, who answers, and what ties
//! the two.

use std::borrow::Cow;
use std::fmt;

use crate::envelope::{self, Name};
use crate::json::members;
use crate::jsonrpc::{self, Id};
use crate::scan;
use crate::sniff::Protocol;

/// What ties an answer to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// DAP's `seq`, which `request_seq` repeats.
    Seq(i64),
    /// JSON-RPC's `id`, which the answer repeats.
    Id(Id),
}

/// What a message says about itself. It owns no memory.
///
/// ```
/// use dlvgate_protocol::conversation::{Key, Message};
/// use dlvgate_protocol::sniff::Protocol;
///
/// let body = br#"{"seq":4,"type":"request","command":"next"}"#;
/// let asked = Message::of_client(Protocol::Dap, body);
/// let Message::Request { key, name } = asked else { panic!("{asked}") };
/// assert_eq!((key, name.as_str()), (Some(Key::Seq(4)), "next"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something is asked; without a key nothing is to be answered.
    Request {
        /// What its answer will repeat.
        key: Option<Key>,
        /// DAP's command, JSON-RPC's method.
        name: Name,
    },
    /// An answer.
    Reply {
        /// The request's.
        key: Option<Key>,
        /// The request's name, which JSON-RPC does not repeat.
        name: Option<Name>,
        /// Whether it could be done.
        success: bool,
    },
    /// Something happened.
    Event {
        /// What.
        name: Name,
    },
    /// No message of the protocol.
    Unknown,
}

impl Message {
    /// Reads the envelope of a whole message of a client's as dlv does: DAP's body without its
    /// header, or JSON-RPC's object.
    pub fn of_client(protocol: Protocol, body: &[u8]) -> Message {
        match protocol {
            Protocol::Dap => scan::client_envelope(body).map_or(Message::Unknown, Message::from),
            Protocol::JsonRpc if body.is_empty() => Message::Unknown,
            Protocol::JsonRpc => {
                let step = jsonrpc::RpcScanner::of_client().step(body);
                step.ok().and_then(|step| step.envelope).map_or(Message::Unknown, Message::from)
            }
        }
    }

    /// Reads the envelope of a whole message of dlv's: DAP's body without its header, or JSON-RPC's
    /// object.
    pub fn of(protocol: Protocol, body: &[u8]) -> Message {
        match protocol {
            Protocol::Dap => scan::envelope(body).map_or(Message::Unknown, Message::from),
            Protocol::JsonRpc if body.is_empty() => Message::Unknown,
            Protocol::JsonRpc => {
                let step = jsonrpc::RpcScanner::new().step(body);
                step.ok().and_then(|step| step.envelope).map_or(Message::Unknown, Message::from)
            }
        }
    }
}

/// What dlv reads of a client's message.
const FIELDS: [&str; 7] = ["seq", "type", "command", "arguments", "method", "params", "id"];

/// Gives the members of a client's message as Go takes them, in their order: a field under its own
/// name in whatever case it came, other keys decoded, values as they were written. `None` where Go
/// takes no object.
pub fn client_members(body: &[u8]) -> Option<Vec<(Cow<'static, str>, &[u8])>> {
    let named = |member: &members::Member<'_>| match FIELDS.into_iter().find(|field| member.is(field)) {
        Some(field) => Cow::Borrowed(field),
        None => Cow::Owned(member.key()),
    };
    let members = members::of(body)?;
    Some(members.iter().map(|member| (named(member), member.value)).collect())
}

impl From<envelope::Envelope> for Message {
    fn from(envelope: envelope::Envelope) -> Message {
        // dlv answers a request without a number as number 0.
        let seq = Key::Seq(envelope.seq.unwrap_or_default());
        match envelope.kind {
            envelope::MessageKind::Request { command } => Message::Request { key: Some(seq), name: command },
            envelope::MessageKind::Response { request_seq, success, command } => {
                Message::Reply { key: Some(Key::Seq(request_seq)), name: Some(command), success }
            }
            envelope::MessageKind::Event { event } => Message::Event { name: event },
            envelope::MessageKind::Unknown => Message::Unknown,
        }
    }
}

impl From<jsonrpc::RpcEnvelope> for Message {
    fn from(envelope: jsonrpc::RpcEnvelope) -> Message {
        let key = envelope.id.map(Key::Id);
        match envelope.kind {
            jsonrpc::RpcKind::Request { method } => Message::Request { key, name: method },
            jsonrpc::RpcKind::Reply { success } => Message::Reply { key, name: None, success },
            jsonrpc::RpcKind::Unknown => Message::Unknown,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Seq(seq) => seq.fmt(f),
            Key::Id(id) => id.fmt(f),
        }
    }
}

/// Names the message for the log: its kind and its request, without its content.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |key: &Option<Key>| key.map_or_else(String::new, |key| format!(" {key}"));
        match self {
            Message::Request { key, name } => write!(f, "request{} {name}", number(key)),
            Message::Reply { key, name, success } => {
                let name = name.map_or_else(String::new, |name| format!(" {name}"));
                let failed = if *success { "" } else { ", failed" };
                write!(f, "answer to{}{name}{failed}", number(key))
            }
            Message::Event { name } => write!(f, "event {name}"),
            Message::Unknown => f.write_str("no message of the protocol"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_message_is_read_in_either_protocol() {
        let dap = |text: &str| Message::of(Protocol::Dap, text.as_bytes()).to_string();
        assert_eq!(dap(r#"{"seq":4,"type":"request","command":"next"}"#), "request 4 next");
        assert_eq!(
            dap(r#"{"type":"response","request_seq":4,"command":"next"}"#),
            "answer to 4 next, failed"
        );
        assert_eq!(dap(r#"{"event":"stopped","type":"event"}"#), "event stopped");
        assert_eq!(dap("[1]"), "no message of the protocol");
        assert_eq!(dap(""), "no message of the protocol");
        let rpc = |text: &str| Message::of(Protocol::JsonRpc, text.as_bytes()).to_string();
        assert_eq!(rpc(r#"{"method":"RPCServer.State","id":7}"#), "request 7 RPCServer.State");
        assert_eq!(rpc(r#"{"id":7,"result":{},"error":null}"#), "answer to 7");
        assert_eq!(rpc(r#"{"result":{},"method":5,"id":7}"#), "no message of the protocol");
        assert_eq!(rpc("x"), "no message of the protocol");
        assert_eq!(rpc(""), "no message of the protocol");
    }

    #[test]
    fn client_message_is_read_as_go_reads_it() {
        let dap = |text: &str| Message::of_client(Protocol::Dap, text.as_bytes()).to_string();
        assert_eq!(
            dap(r#"{"SEQ":4,"type":"request","command":"next","Command":"stepIn"}"#),
            "request 4 stepIn"
        );
        assert_eq!(dap(""), "no message of the protocol");
        let rpc = |text: &str| Message::of_client(Protocol::JsonRpc, text.as_bytes()).to_string();
        assert_eq!(
            rpc(r#"{"method":"a","id":6,"ID":7,"Method":"RPCServer.State"}"#),
            "request 7 RPCServer.State"
        );
        assert_eq!(rpc("x"), "no message of the protocol");
        assert_eq!(rpc(""), "no message of the protocol");
    }

    #[test]
    fn members_have_the_names_that_go_reads() {
        let members = client_members(br#"{"Method":"a", "x\u0079":[1] ,"ID":7}"#).expect("an object");
        let members: Vec<_> = members.iter().map(|(name, value)| (name.as_ref(), *value)).collect();
        assert_eq!(members, [("method", &br#""a""#[..]), ("xy", b"[1]"), ("id", b"7")]);
        assert_eq!(client_members(b"[1]"), None);
    }
}
