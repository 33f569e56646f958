//! The state of the conversation, and how the two directions update it.

use std::collections::VecDeque;

use bytes::Bytes;
use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::frame::DELVE_MAX_BODY;
use dlvgate_protocol::message::MergeError;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_recording::Tap;

use super::amendments::Amendments;
use super::carrier::Carrier;
use super::cause::{EMPTY_BODY, body_too_large, cannot_be_forced};
use super::ear::Ear;
use super::lane::{Lane, Watcher};
use super::ledger::Ledger;

/// The state of the conversation; it outlives the relay, for the last words.
pub(super) struct Talk {
    pub(super) up: Carrier,
    pub(super) down: Carrier,
    pub(super) ledger: Ledger,
    /// Messages of ours that wait for a place between two of dlv's.
    pub(super) to_say: VecDeque<Bytes>,
    /// The length of the client's present body in bytes.
    pub(super) asked_len: u64,
}

impl Talk {
    pub(super) fn new(protocol: Protocol, amendments: &Amendments, tap: Tap) -> Talk {
        let up = Carrier::new(Lane::up(protocol, amendments), Ear::of_client(tap.clone()));
        let down = Carrier::new(Lane::down(protocol, amendments), Ear::of_dlv(tap));
        Talk { up, down, ledger: Ledger::new(protocol), to_say: VecDeque::new(), asked_len: 0 }
    }
}

/// Watches what the client asks.
pub(super) struct Requests<'a> {
    pub(super) ledger: &'a mut Ledger,
    /// See [`Talk::to_say`].
    pub(super) to_say: &'a mut VecDeque<Bytes>,
    /// See [`Talk::asked_len`].
    pub(super) body_len: &'a mut u64,
}

impl Watcher for Requests<'_> {
    fn begins(&mut self, len: u64) -> bool {
        *self.body_len = len;
        if len == 0 {
            let remark = self.ledger.remark(EMPTY_BODY);
            self.to_say.extend(remark);
        }
        len <= DELVE_MAX_BODY
    }

    fn message(&mut self, message: Message, passed: bool) {
        tracing::trace!(target: "dlvgate::message", passed, "client: {message}");
        let ledger = &mut *self.ledger;
        ledger.milestone |= !ledger.spoke;
        ledger.spoke = true;
        match message {
            Message::Request { key: Some(key), name } if passed => ledger.asked(key, name),
            Message::Request { key: Some(key), name } => {
                let text = body_too_large(*self.body_len);
                let answer = ledger.refuse(key, name.as_str(), &text);
                self.to_say.push_back(answer);
            }
            Message::Unknown => ledger.malformed = true,
            _ => {}
        }
    }

    fn refused(&mut self, message: Message, reason: &MergeError) {
        tracing::warn!(target: "dlvgate::session", "not passed on: {message}: {reason}");
        let ledger = &mut *self.ledger;
        ledger.milestone |= !ledger.spoke;
        ledger.spoke = true;
        if let Message::Request { key: Some(key), name } = message {
            let answer = ledger.refuse(key, name.as_str(), &cannot_be_forced(reason));
            self.to_say.push_back(answer);
        }
    }
}

/// Watches what dlv answers.
pub(super) struct Replies<'a> {
    pub(super) ledger: &'a mut Ledger,
}

impl Watcher for Replies<'_> {
    fn begins(&mut self, _: u64) -> bool {
        true
    }

    fn message(&mut self, message: Message, _: bool) {
        tracing::trace!(target: "dlvgate::message", "dlv: {message}");
        let ledger = &mut *self.ledger;
        match message {
            Message::Reply { key, name, success } => {
                ledger.answered(key, name, success);
                ledger.milestone |= ledger.disconnected;
            }
            // dlv has built and started the program.
            Message::Event { name } if &name == "initialized" => ledger.milestone = true,
            Message::Event { name } if &name == "terminated" => ledger.terminated = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
