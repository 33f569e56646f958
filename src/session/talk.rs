//! What is known of the conversation, and how the two directions keep it up to date.

use std::sync::{Mutex, MutexGuard, PoisonError};

use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::frame::DELVE_MAX_BODY;
use dlvgate_protocol::sniff::Protocol;
use tokio::sync::Notify;

use super::amendments::Amendments;
use super::carrier::Carrier;
use super::cause::{EMPTY_BODY, body_too_large};
use super::ear::Ear;
use super::lane::{Lane, Watcher};
use super::ledger::Ledger;
use crate::recording::Tap;

/// The state of the conversation; it outlives the relay, for the last words.
pub(super) struct Talk {
    pub(super) up: Carrier,
    pub(super) down: Carrier,
    pub(super) ledger: Ledger,
}

impl Talk {
    pub(super) fn new(protocol: Protocol, amendments: &Amendments, tap: Tap) -> Talk {
        let up = Carrier::new(Lane::up(protocol, amendments), Ear::of_client(tap.clone()));
        let down = Carrier::new(Lane::down(protocol, amendments), Ear::of_dlv(tap));
        Talk { up, down, ledger: Ledger::new(protocol) }
    }
}

/// What both directions look at. They run on one task and never hold the ledger across a wait.
pub(super) struct Shared<'a> {
    ledger: Mutex<&'a mut Ledger>,
    /// There is a message of ours to say.
    pub(super) say: Notify,
    /// Messages of ours were said.
    pub(super) said: Notify,
    /// Something happened that the relay acts on: the client said its first
    /// message, `disconnect` or `Detach` was answered, a program was started.
    pub(super) milestone: Notify,
}

impl<'a> Shared<'a> {
    pub(super) fn new(ledger: &'a mut Ledger) -> Shared<'a> {
        Shared {
            ledger: Mutex::new(ledger),
            say: Notify::new(),
            said: Notify::new(),
            milestone: Notify::new(),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, &'a mut Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watches what the client asks.
pub(super) struct Requests<'a, 'b> {
    shared: &'a Shared<'b>,
    /// The length of the present body in bytes.
    body_len: u64,
}

impl<'a, 'b> Requests<'a, 'b> {
    pub(super) fn new(shared: &'a Shared<'b>) -> Requests<'a, 'b> {
        Requests { shared, body_len: 0 }
    }
}

impl Watcher for Requests<'_, '_> {
    fn begins(&mut self, len: u64) -> bool {
        self.body_len = len;
        if len == 0 {
            let mut ledger = self.shared.ledger();
            let remark = ledger.remark(EMPTY_BODY);
            ledger.to_say.extend(remark);
            self.shared.say.notify_one();
        }
        len <= DELVE_MAX_BODY
    }

    fn message(&mut self, message: Message, passed: bool) {
        tracing::trace!(target: "dlvgate::message", passed, "client: {message}");
        let mut ledger = self.shared.ledger();
        if !ledger.spoke {
            ledger.spoke = true;
            self.shared.milestone.notify_one();
        }
        match message {
            Message::Request { key: Some(key), name } if passed => ledger.asked(key, name),
            Message::Request { key: Some(key), name } => {
                let text = body_too_large(self.body_len);
                let answer = ledger.refuse(key, name.as_str(), &text);
                ledger.to_say.push_back(answer);
                self.shared.say.notify_one();
            }
            Message::Unknown => ledger.malformed = true,
            _ => {}
        }
    }
}

/// Watches what dlv answers.
pub(super) struct Replies<'a, 'b> {
    pub(super) shared: &'a Shared<'b>,
}

impl Watcher for Replies<'_, '_> {
    fn begins(&mut self, _: u64) -> bool {
        true
    }

    fn message(&mut self, message: Message, _: bool) {
        tracing::trace!(target: "dlvgate::message", "dlv: {message}");
        let mut ledger = self.shared.ledger();
        match message {
            Message::Reply { key, name, success } => {
                ledger.answered(key, name, success);
                if ledger.disconnected {
                    self.shared.milestone.notify_one();
                }
            }
            // dlv has built and started the program.
            Message::Event { name } if &name == "initialized" => self.shared.milestone.notify_one(),
            Message::Event { name } if &name == "terminated" => ledger.terminated = true,
            _ => {}
        }
    }
}
