//! What a client is still owed.

use std::collections::VecDeque;

use bytes::Bytes;
use dlvgate_protocol::conversation::Key;
use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_protocol::{jsonrpc, message};

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

/// The requests under way, and how far the conversation has come.
pub(super) struct Ledger {
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
    /// dlv got something that is no message of the protocol.
    pub(super) malformed: bool,
    /// Something has happened that the relay acts on: the client said its first message,
    /// `disconnect` or `Detach` was answered, a program was started.
    pub(super) milestone: bool,
}

impl Ledger {
    pub(super) fn new(protocol: Protocol) -> Ledger {
        Ledger {
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
mod tests {
    use super::*;

    fn name(command: &str) -> Name {
        Name::from(command)
    }

    fn last_words(ledger: &mut Ledger, text: &str) -> Vec<Bytes> {
        std::iter::from_fn(|| ledger.last_word(text)).collect()
    }

    fn words(ledger: &mut Ledger) -> Vec<serde_json::Value> {
        let bodies = last_words(ledger, "dlv ended").into_iter().map(|framed| {
            let text = String::from_utf8(framed.to_vec()).unwrap();
            serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
        });
        bodies.collect()
    }

    #[test]
    fn every_request_under_way_is_answered_once() {
        let mut ledger = Ledger::new(Protocol::Dap);
        ledger.asked(Key::Seq(4), name("threads"));
        ledger.asked(Key::Seq(5), name("continue"));
        ledger.answered(Some(Key::Seq(4)), Some(name("threads")), true);
        let words = words(&mut ledger);
        assert_eq!(words.len(), 1);
        assert_eq!(words[0]["request_seq"], 5);
        assert_eq!(words[0]["success"], false);
        assert!(ledger.last_word("again").is_none());
    }

    #[test]
    fn a_session_that_had_begun_ends_with_terminated() {
        let mut ledger = Ledger::new(Protocol::Dap);
        ledger.asked(Key::Seq(1), name("initialize"));
        ledger.answered(Some(Key::Seq(1)), Some(name("initialize")), true);
        let events: Vec<_> = words(&mut ledger).iter().map(|word| word["event"].clone()).collect();
        assert_eq!(events, ["output", "terminated"]);
    }

    #[test]
    fn an_initialize_that_failed_has_begun_nothing() {
        let mut ledger = Ledger::new(Protocol::Dap);
        for (seq, command, success) in [(1, "initialize", false), (2, "threads", true)] {
            ledger.asked(Key::Seq(seq), name(command));
            ledger.answered(Some(Key::Seq(seq)), Some(name(command)), success);
        }
        assert!(!ledger.began && !ledger.disconnected && words(&mut ledger).is_empty());
    }

    #[test]
    fn what_is_ours_has_numbers_that_dlv_does_not_reach() {
        let mut ledger = Ledger::new(Protocol::Dap);
        ledger.began = true;
        ledger.asked(Key::Seq(4), name("threads"));
        let remark = String::from_utf8(ledger.remark("psst").unwrap().to_vec()).unwrap();
        assert!(remark.contains(r#""seq":1000000000"#) && remark.contains("dlvgate: psst"), "{remark}");
        let numbers: Vec<_> = words(&mut ledger).iter().map(|word| word["seq"].as_i64().unwrap()).collect();
        assert_eq!(numbers, [1_000_000_001, 1_000_000_002, 1_000_000_003]);
    }

    #[test]
    fn nameless_answer_matches_by_seq() {
        let mut ledger = Ledger::new(Protocol::Dap);
        ledger.asked(Key::Seq(3), name("threads"));
        ledger.asked(Key::Seq(9), name("disconnect"));
        ledger.answered(Some(Key::Seq(8)), None, true);
        assert!(!ledger.disconnected);
        ledger.answered(Some(Key::Seq(9)), None, false);
        assert!(ledger.disconnected, "dlv answers `disconnect` with failure, too, and closes");
        assert_eq!(words(&mut ledger).len(), 1);
    }

    #[test]
    fn terminated_is_not_said_twice() {
        let mut ledger = Ledger::new(Protocol::Dap);
        ledger.began = true;
        ledger.terminated = true;
        assert!(words(&mut ledger).is_empty());
    }

    #[test]
    fn a_disconnect_that_dlv_cannot_answer_is_agreed_to() {
        let mut ledger = Ledger::new(Protocol::Dap);
        ledger.asked(Key::Seq(9), name("disconnect"));
        let words = words(&mut ledger);
        assert_eq!(words[0]["success"], true);
        assert!(ledger.disconnected);
    }

    #[test]
    fn a_flood_of_requests_does_not_grow_the_ledger() {
        let mut ledger = Ledger::new(Protocol::Dap);
        for seq in 0..10_000 {
            ledger.asked(Key::Seq(seq), name("threads"));
        }
        assert_eq!(ledger.pending.len(), MAX_PENDING);
    }

    #[test]
    fn json_rpc_matches_by_id_and_ends_after_detach() {
        let id = |text: &str| {
            let object = format!(r#"{{"id":{text},"error":null}}"#);
            let step = jsonrpc::Scanner::new().step(object.as_bytes()).unwrap();
            Some(Key::Id(step.envelope.unwrap().id.unwrap()))
        };
        let mut ledger = Ledger::new(Protocol::JsonRpc);
        ledger.asked(id("1").unwrap(), name("RPCServer.Command"));
        ledger.asked(id("\"d\"").unwrap(), name("RPCServer.Detach"));
        ledger.asked(id("3").unwrap(), name("RPCServer.Detach"));
        ledger.answered(id("3"), None, false);
        assert!(!ledger.disconnected);
        ledger.answered(id("\"d\""), None, true);
        assert!(ledger.disconnected);
        assert_eq!(
            last_words(&mut ledger, "over"),
            [r#"{"id":1,"result":null,"error":"dlvgate: over"}"#.to_owned() + "\n"]
        );
        assert!(ledger.remark("x").is_none());
    }
}
