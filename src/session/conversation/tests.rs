use dlvgate_protocol::frame::DELVE_MAX_BODY;
use dlvgate_protocol::message::MergeError;

use super::*;

/// A conversation in DAP, as its events show it.
struct Watched {
    requests: PendingRequests,
    to_say: Vec<Bytes>,
}

impl Watched {
    fn new() -> Watched {
        Watched { requests: PendingRequests::new(Protocol::Dap), to_say: Vec::new() }
    }

    fn client(&mut self, event: FilterEvent) {
        self.to_say.extend(self.requests.client_said(&event));
    }

    fn client_sends(&mut self, message: Message) {
        self.client(FilterEvent::Forwarded(message));
    }

    fn dlv_sends(&mut self, message: Message) {
        self.requests.dlv_said(&FilterEvent::Forwarded(message));
    }

    fn milestone(&mut self) -> bool {
        std::mem::take(&mut self.requests.milestone)
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
    assert!(!watched.requests.spoke);
    watched.client_sends(request(1, "initialize"));
    assert!(watched.requests.spoke && watched.milestone());
    watched.client_sends(request(2, "launch"));
    assert!(!watched.milestone());
    assert!(
        watched.requests.last_word("over").is_some() && watched.requests.last_word("over").is_some(),
        "both are still owed an answer"
    );
    assert!(watched.requests.last_word("over").is_none());
    assert!(watched.said().is_empty());
}

#[test]
fn what_dlv_would_close_on_is_kept_back_and_said() {
    let mut watched = Watched::new();
    let message = request(7, "evaluate");
    watched.client(FilterEvent::TooLarge { message, body_len: DELVE_MAX_BODY + 1 });
    assert!(watched.milestone() && watched.requests.spoke);
    let said = watched.said().concat();
    assert!(said.contains("4194305 bytes") && said.contains(r#""request_seq":7"#), "{said}");
    assert!(watched.requests.last_word("over").is_none(), "it has its answer");
    watched.client(FilterEvent::EmptyBody);
    let said = watched.said().concat();
    assert!(said.contains("a message of length 0"), "{said}");
}

#[test]
fn malformed_message_is_remembered() {
    let mut watched = Watched::new();
    for message in [request(1, "next"), reply(1, "runInTerminal"), event("x")] {
        watched.client_sends(message);
    }
    let message = Message::Request { key: None, name: Name::from("next") };
    watched.client(FilterEvent::TooLarge { message, body_len: DELVE_MAX_BODY + 1 });
    assert!(!watched.requests.malformed && watched.said().is_empty());
    watched.client_sends(Message::Unknown);
    assert!(watched.requests.malformed);
}

#[test]
fn program_start_and_termination_events_are_noticed() {
    let mut watched = Watched::new();
    watched.client_sends(request(1, "disconnect"));
    watched.milestone();
    for message in [event("output"), reply(9, "threads"), Message::Unknown] {
        watched.dlv_sends(message);
        assert!(!watched.milestone());
    }
    watched.dlv_sends(event("initialized"));
    assert!(watched.milestone() && !watched.requests.terminated);
    watched.dlv_sends(event("terminated"));
    assert!(watched.requests.terminated && !watched.milestone());
    watched.dlv_sends(reply(1, "disconnect"));
    assert!(watched.requests.disconnected && watched.milestone());
    assert!(watched.requests.last_word("over").is_none());
}

#[test]
fn refused_request_is_answered_with_the_reason() {
    let mut watched = Watched::new();
    let (message, reason) = (request(3, "launch"), MergeError::NoObject);
    watched.client(FilterEvent::NotForced { message, reason });
    assert!(watched.milestone() && watched.requests.spoke);
    let said = watched.said();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].contains(r#""request_seq":3,"success":false,"command":"launch""#)
            && said[0].contains(&MergeError::NoObject.to_string()),
        "{said:?}"
    );
    assert!(watched.requests.last_word("over").is_none(), "nothing else is owed");
}

fn name(command: &str) -> Name {
    Name::from(command)
}

fn last_words(requests: &mut PendingRequests, text: &str) -> Vec<Bytes> {
    std::iter::from_fn(|| requests.last_word(text)).collect()
}

fn words(requests: &mut PendingRequests) -> Vec<serde_json::Value> {
    let bodies = last_words(requests, "dlv ended").into_iter().map(|framed| {
        let text = String::from_utf8(framed.to_vec()).unwrap();
        serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
    });
    bodies.collect()
}

#[test]
fn every_request_under_way_is_answered_once() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    requests.asked(Key::Seq(4), name("threads"));
    requests.asked(Key::Seq(5), name("continue"));
    requests.answered(Some(Key::Seq(4)), Some(name("threads")), true);
    let words = words(&mut requests);
    assert_eq!(words.len(), 1);
    assert_eq!(words[0]["request_seq"], 5);
    assert_eq!(words[0]["success"], false);
    assert!(requests.last_word("again").is_none());
}

#[test]
fn a_session_that_had_begun_ends_with_terminated() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    requests.asked(Key::Seq(1), name("initialize"));
    requests.answered(Some(Key::Seq(1)), Some(name("initialize")), true);
    let events: Vec<_> = words(&mut requests).iter().map(|word| word["event"].clone()).collect();
    assert_eq!(events, ["output", "terminated"]);
}

#[test]
fn an_initialize_that_failed_has_begun_nothing() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    for (seq, command, success) in [(1, "initialize", false), (2, "threads", true)] {
        requests.asked(Key::Seq(seq), name(command));
        requests.answered(Some(Key::Seq(seq)), Some(name(command)), success);
    }
    assert!(!requests.began && !requests.disconnected && words(&mut requests).is_empty());
}

#[test]
fn what_is_ours_has_numbers_that_dlv_does_not_reach() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    requests.began = true;
    requests.asked(Key::Seq(4), name("threads"));
    let remark = String::from_utf8(requests.remark("psst").unwrap().to_vec()).unwrap();
    assert!(remark.contains(r#""seq":1000000000"#) && remark.contains("dlvgate: psst"), "{remark}");
    let numbers: Vec<_> = words(&mut requests).iter().map(|word| word["seq"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [1_000_000_001, 1_000_000_002, 1_000_000_003]);
}

#[test]
fn nameless_answer_matches_by_seq() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    requests.asked(Key::Seq(3), name("threads"));
    requests.asked(Key::Seq(9), name("disconnect"));
    requests.answered(Some(Key::Seq(8)), None, true);
    assert!(!requests.disconnected);
    requests.answered(Some(Key::Seq(9)), None, false);
    assert!(requests.disconnected, "dlv answers `disconnect` with failure, too, and closes");
    assert_eq!(words(&mut requests).len(), 1);
}

#[test]
fn terminated_is_not_said_twice() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    requests.began = true;
    requests.terminated = true;
    assert!(words(&mut requests).is_empty());
}

#[test]
fn a_disconnect_that_dlv_cannot_answer_is_agreed_to() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    requests.asked(Key::Seq(9), name("disconnect"));
    let words = words(&mut requests);
    assert_eq!(words[0]["success"], true);
    assert!(requests.disconnected);
}

#[test]
fn a_flood_of_requests_does_not_grow_the_ledger() {
    let mut requests = PendingRequests::new(Protocol::Dap);
    for seq in 0..10_000 {
        requests.asked(Key::Seq(seq), name("threads"));
    }
    assert_eq!(requests.pending.len(), MAX_PENDING);
}

#[test]
fn json_rpc_matches_by_id_and_ends_after_detach() {
    let id = |text: &str| {
        let object = format!(r#"{{"id":{text},"error":null}}"#);
        let step = jsonrpc::RpcScanner::new().step(object.as_bytes()).unwrap();
        Some(Key::Id(step.envelope.unwrap().id.unwrap()))
    };
    let mut requests = PendingRequests::new(Protocol::JsonRpc);
    requests.asked(id("1").unwrap(), name("RPCServer.Command"));
    requests.asked(id("\"d\"").unwrap(), name("RPCServer.Detach"));
    requests.asked(id("3").unwrap(), name("RPCServer.Detach"));
    requests.answered(id("3"), None, false);
    assert!(!requests.disconnected);
    requests.answered(id("\"d\""), None, true);
    assert!(requests.disconnected);
    assert_eq!(
        last_words(&mut requests, "over"),
        [r#"{"id":1,"result":null,"error":"dlvgate: over"}"#.to_owned() + "\n"]
    );
    assert!(requests.remark("x").is_none());
}
