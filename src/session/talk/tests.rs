use dlvgate_protocol::conversation::Key;
use dlvgate_protocol::envelope::Name;

use super::*;

/// A conversation in DAP, as far as the watchers know it.
struct Watched {
    ledger: Ledger,
    to_say: VecDeque<Bytes>,
    body_len: u64,
}

impl Watched {
    fn new() -> Watched {
        Watched { ledger: Ledger::new(Protocol::Dap), to_say: VecDeque::new(), body_len: 0 }
    }

    fn requests(&mut self) -> Requests<'_> {
        Requests { ledger: &mut self.ledger, to_say: &mut self.to_say, body_len: &mut self.body_len }
    }

    fn replies(&mut self) -> Replies<'_> {
        Replies { ledger: &mut self.ledger }
    }

    fn milestone(&mut self) -> bool {
        std::mem::take(&mut self.ledger.milestone)
    }

    fn said(&mut self) -> Vec<String> {
        self.to_say.drain(..).map(|said| String::from_utf8_lossy(&said).into_owned()).collect()
    }
}

fn request(seq: i64, name: &str) -> Message {
    Message::Request { key: Some(Key::Seq(seq)), name: Name::from(name) }
}

fn reply(seq: i64, name: &str) -> Message {
    Message::Reply { key: Some(Key::Seq(seq)), name: Some(Name::from(name)), success: true }
}

fn event(name: &str) -> Message {
    Message::Event { name: Name::from(name) }
}

#[test]
fn only_the_first_client_message_counts() {
    let mut watched = Watched::new();
    assert!(!watched.ledger.spoke);
    watched.requests().message(request(1, "initialize"), true);
    assert!(watched.ledger.spoke && watched.milestone());
    watched.requests().message(request(2, "launch"), true);
    assert!(!watched.milestone());
    assert!(
        watched.ledger.last_word("over").is_some() && watched.ledger.last_word("over").is_some(),
        "both are still owed an answer"
    );
    assert!(watched.ledger.last_word("over").is_none());
    assert!(watched.said().is_empty());
}

#[test]
fn what_dlv_would_close_on_is_kept_back_and_said() {
    let mut watched = Watched::new();
    assert!(watched.requests().begins(DELVE_MAX_BODY) && watched.said().is_empty());
    assert!(!watched.requests().begins(DELVE_MAX_BODY + 1));
    watched.requests().message(request(7, "evaluate"), false);
    let said = watched.said().concat();
    assert!(said.contains("4194305 bytes") && said.contains(r#""request_seq":7"#), "{said}");
    assert!(watched.ledger.last_word("over").is_none(), "it has its answer");
    watched.requests().begins(0);
    let said = watched.said().concat();
    assert!(said.contains("a message of length 0"), "{said}");
}

#[test]
fn malformed_message_is_remembered() {
    let mut watched = Watched::new();
    for message in [request(1, "next"), reply(1, "runInTerminal"), event("x")] {
        watched.requests().message(message, true);
    }
    watched.requests().message(Message::Request { key: None, name: Name::from("next") }, false);
    assert!(!watched.ledger.malformed && watched.said().is_empty());
    watched.requests().message(Message::Unknown, true);
    assert!(watched.ledger.malformed);
}

#[test]
fn program_start_and_termination_events_are_noticed() {
    let mut watched = Watched::new();
    watched.requests().message(request(1, "disconnect"), true);
    watched.milestone();
    assert!(watched.replies().begins(u64::MAX), "nothing of dlv's is kept back");
    for message in [event("output"), reply(9, "threads"), Message::Unknown] {
        watched.replies().message(message, true);
        assert!(!watched.milestone());
    }
    watched.replies().message(event("initialized"), true);
    assert!(watched.milestone() && !watched.ledger.terminated);
    watched.replies().message(event("terminated"), true);
    assert!(watched.ledger.terminated && !watched.milestone());
    watched.replies().message(reply(1, "disconnect"), true);
    assert!(watched.ledger.disconnected && watched.milestone());
    assert!(watched.ledger.last_word("over").is_none());
}

#[test]
fn refused_request_is_answered_with_the_reason() {
    let mut watched = Watched::new();
    watched.requests().refused(request(3, "launch"), &MergeError::NoObject);
    assert!(watched.milestone() && watched.ledger.spoke);
    let said = watched.said();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].contains(r#""request_seq":3,"success":false,"command":"launch""#)
            && said[0].contains(&MergeError::NoObject.to_string()),
        "{said:?}"
    );
    assert!(watched.ledger.last_word("over").is_none(), "nothing else is owed");
}
