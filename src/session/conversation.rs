//! The state of the conversation: what has been asked and not answered, and how far it has come.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use dlvgate_protocol::conversation::{Key, Message};
use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_protocol::{jsonrpc, message};

use super::end_reason::{EMPTY_BODY, body_too_large, cannot_be_forced};
use super::filter::{FilterEvent, MessageFilter};
use super::half_duplex::{DirectionRecorder, HalfDuplex};
use super::message_rewrites::MessageRewrites;
use super::news::SessionNews;
use super::open_sessions::OpenSession;
use dlvgate_recording::Tap;

/// Requests whose answers are watched for. A client has a handful under way; what goes beyond is
/// forwarded all the same, and only not answered by us should dlv die.
const MAX_PENDING: usize = 4096;

/// The first `seq` of messages that dlvgate makes. dlv's own are 0 or count from 1: these cannot
/// meet them.
const FIRST_OWN_SEQ: i64 = 1_000_000_000;

/// `id` of the error in our responses (DAP: unique within one adapter; dlv's are 2000 to 9999).
const ERROR_ID: i64 = 10_000;

/// JSON-RPC's request to let the program go (Delve, `service/rpc2/server.go`).
const DETACH: &str = "RPCServer.Detach";

/// The state of the conversation; it outlives the relay, for the last words.
pub(super) struct Conversation {
    pub(super) up: HalfDuplex,
    pub(super) down: HalfDuplex,
    pub(super) requests: PendingRequests,
    /// Messages of ours that wait for a place between two of dlv's.
    pub(super) to_say: VecDeque<Bytes>,
    /// Gets what the messages say that the session's user wants to know.
    open: Option<Arc<OpenSession>>,
}

impl Conversation {
    pub(super) fn new(protocol: Protocol, rewrites: &MessageRewrites, tap: Tap) -> Conversation {
        let up =
            HalfDuplex::new(MessageFilter::up(protocol, rewrites), DirectionRecorder::of_client(tap.clone()));
        let down = HalfDuplex::new(MessageFilter::down(protocol, rewrites), DirectionRecorder::of_dlv(tap));
        let requests = PendingRequests::new(protocol);
        Conversation { up, down, requests, to_say: VecDeque::new(), open: None }
    }

    /// The same, with its messages read for the session's user.
    pub(super) fn listed_as(mut self, open: Option<Arc<OpenSession>>) -> Conversation {
        if open.is_some() {
            self.up.read_news();
            self.down.read_news();
        }
        Conversation { open, ..self }
    }

    /// Takes into account what was found in the client's last bytes, and answers what does not go
    /// on.
    pub(super) fn client_spoke(&mut self) {
        self.up.drain_events(|event| self.to_say.extend(self.requests.client_said(event)));
        if let Some(open) = &self.open {
            for news in self.up.take_news() {
                match news {
                    SessionNews::AskedForStack { seq, thread } => self.down.expect_stack(seq, thread),
                    news => open.take_news(news),
                }
            }
        }
    }

    /// Takes into account what was found in dlv's last bytes.
    pub(super) fn dlv_spoke(&mut self) {
        self.down.drain_events(|event| self.requests.dlv_said(event));
        if let Some(open) = &self.open {
            self.down.take_news().into_iter().for_each(|news| open.take_news(news));
        }
    }
}

/// The requests under way, and how far the conversation has come.
pub(super) struct PendingRequests {
    protocol: Protocol,
    /// In the order in which they were asked, in which most are answered.
    pending: VecDeque<(Key, Name)>,
    next_seq: i64,
    /// The client has said a message.
    pub(super) spoke: bool,
    /// dlv answered `initialize` with success.
    pub(super) began: bool,
    /// dlv answered `disconnect`, or JSON-RPC's `Detach` with success.
    pub(super) disconnected: bool,
    /// The reason of its end is in the console.
    explained: bool,
    /// A `terminated` event has passed.
    pub(super) terminated: bool,
    /// dlv got something that is not a message of the protocol.
    pub(super) malformed: bool,
    /// Something has happened that the relay acts on: the client said its first message,
    /// `disconnect` or `Detach` was answered, a program was started.
    pub(super) milestone: bool,
}

impl PendingRequests {
    pub(super) fn new(protocol: Protocol) -> PendingRequests {
        PendingRequests {
            protocol,
            pending: VecDeque::new(),
            next_seq: FIRST_OWN_SEQ,
            spoke: false,
            began: false,
            disconnected: false,
            explained: false,
            terminated: false,
            malformed: false,
            milestone: false,
        }
    }

    /// What the client said; returns what it is told by us.
    fn client_said(&mut self, event: &FilterEvent) -> Option<Bytes> {
        match event {
            FilterEvent::EmptyBody => self.remark(EMPTY_BODY),
            FilterEvent::Forwarded(message) => {
                tracing::trace!(target: "dlvgate::message", passed = true, "client: {message}");
                self.client_said_a_message();
                match message {
                    Message::Request { key: Some(key), name } => self.asked(*key, *name),
                    Message::Unknown => self.malformed = true,
                    Message::Request { key: None, .. } | Message::Reply { .. } | Message::Event { .. } => {}
                }
                None
            }
            FilterEvent::TooLarge { message, body_len } => {
                tracing::trace!(target: "dlvgate::message", passed = false, "client: {message}");
                self.client_said_a_message();
                self.malformed |= *message == Message::Unknown;
                let (key, name) = event.request()?;
                Some(self.refuse(key, name.as_str(), &body_too_large(*body_len)))
            }
            FilterEvent::NotForced { message, reason } => {
                tracing::warn!(target: "dlvgate::session", "not passed on: {message}: {reason}");
                self.client_said_a_message();
                let (key, name) = event.request()?;
                Some(self.refuse(key, name.as_str(), &cannot_be_forced(reason)))
            }
        }
    }

    fn client_said_a_message(&mut self) {
        self.milestone |= !self.spoke;
        self.spoke = true;
    }

    /// What dlv said. All of it goes on.
    fn dlv_said(&mut self, event: &FilterEvent) {
        let FilterEvent::Forwarded(message) = event else { return };
        tracing::trace!(target: "dlvgate::message", "dlv: {message}");
        match *message {
            Message::Reply { key, name, success } => {
                self.answered(key, name, success);
                self.milestone |= self.disconnected;
            }
            // dlv has built and started the program.
            Message::Event { name } if &name == "initialized" => self.milestone = true,
            Message::Event { name } if &name == "terminated" => self.terminated = true,
            Message::Event { .. } | Message::Request { .. } | Message::Unknown => {}
        }
    }

    /// A request goes to dlv.
    pub(super) fn asked(&mut self, key: Key, name: Name) {
        if self.pending.len() < MAX_PENDING {
            self.pending.push_back((key, name));
        }
    }

    /// dlv answers; JSON-RPC's answers do not say what. Unknown requests are no matter: dlv answers
    /// what it cannot read with a `request_seq` of 0.
    pub(super) fn answered(&mut self, key: Option<Key>, name: Option<Name>, success: bool) {
        let asked = key.and_then(|key| self.take(key));
        let Some(name) = name.or(asked) else { return };
        match self.protocol {
            Protocol::Dap => {
                self.began |= &name == "initialize" && success;
                self.disconnected |= &name == "disconnect";
            }
            Protocol::JsonRpc => self.disconnected |= name == DETACH && success,
        }
    }

    /// Removes the pending request with this key, and returns its name.
    fn take(&mut self, key: Key) -> Option<Name> {
        let place = self.pending.iter().position(|(asked, _)| *asked == key)?;
        self.pending.remove(place).map(|(_, name)| name)
    }

    fn seq(&mut self) -> i64 {
        self.next_seq += 1;
        self.next_seq - 1
    }

    /// An answer of ours that says why not.
    pub(super) fn refuse(&mut self, key: Key, name: &str, text: &str) -> Bytes {
        match key {
            Key::Seq(seq) => message::error_response(self.seq(), seq, name, ERROR_ID, text),
            Key::Id(id) => jsonrpc::error_reply(id.as_str(), &format!("dlvgate: {text}")),
        }
    }

    /// The answer to a request that comes too late: DAP's `disconnect` is agreed to, all else
    /// refused.
    pub(super) fn last_answer(&mut self, key: Key, name: &Name, text: &str) -> Bytes {
        match key {
            Key::Seq(seq) if name == "disconnect" => {
                self.disconnected = true;
                message::success_response(self.seq(), seq, name.as_str())
            }
            _ => self.refuse(key, name.as_str(), text),
        }
    }

    /// The next of all that a client has to hear when the conversation ends against its will: an
    /// answer to every request under way, and, where a session had begun, the reason in the console
    /// and `terminated`. One at a time, since each may have the reason at length, and there may be
    /// thousands.
    pub(super) fn last_word(&mut self, text: &str) -> Option<Bytes> {
        if let Some((key, name)) = self.pending.pop_front() {
            return Some(self.last_answer(key, &name, text));
        }
        if !self.began || self.terminated {
            return None;
        }
        if !std::mem::replace(&mut self.explained, true) {
            return Some(message::output_event(self.seq(), "stderr", &format!("dlvgate: {text}\n")));
        }
        self.terminated = true;
        Some(message::terminated_event(self.seq()))
    }

    /// The reason as a console message, for a client that asked nothing which could be answered.
    /// JSON-RPC knows none.
    pub(super) fn remark(&mut self, text: &str) -> Option<Bytes> {
        match self.protocol {
            Protocol::Dap => Some(message::output_event(self.seq(), "stderr", &format!("dlvgate: {text}\n"))),
            Protocol::JsonRpc => None,
        }
    }
}

#[cfg(test)]
mod tests;
