//! A session with the stand-in for dlv, of which every answer is known beforehand.

use dlvgate_test_support::client::{Arrival, Client, End, error_text};
use dlvgate_test_support::debug::initialize_arguments;
use dlvgate_test_support::random::Random;
use serde_json::{Value, json};

use crate::place::Place;

/// A session that is under way.
pub struct Played {
    pub client: Client,
    token: String,
    asked: u64,
    /// The debugged program, and dlv.
    pub program: i32,
    pub dlv: i32,
}

impl Played {
    /// Up to the launch; nothing where the place is rough and says so.
    pub fn begin(place: &Place, random: &mut Random) -> Option<Self> {
        let mut client = place.client();
        let answer = client.ask("initialize", initialize_arguments());
        if answer["success"] != true {
            assert!(place.is_rough, "{}: refused: {answer}", place.name);
            let text = error_text(&answer);
            assert!(text.contains("gate could not be opened"), "{}: {text}", place.name);
            client.eof();
            return None;
        }
        let token = format!("{:08x}-{:08x}", random.below(1 << 32), random.below(1 << 32));
        client.ok("launch", json!({"token": token, "mode": "exec", "program": "sleep"}));
        let process = client.event("process");
        assert_eq!(process["name"], token, "another session's program");
        client.event("initialized");
        client.ok("configurationDone", Value::Null);
        let pid = |key: &str| i32::try_from(process[key].as_i64().expect("a pid")).unwrap();
        let (program, dlv) = (pid("systemProcessId"), pid("delve"));
        Some(Self { client, token, asked: 0, program, dlv })
    }

    /// Sends so many questions at once.
    pub fn send(&mut self, count: u64) -> Vec<(i64, String)> {
        let question = |_| {
            let expression =
                format!("order.Lines[{}] → “{}”", self.asked, "y".repeat(self.asked as usize % 300));
            let seq = self.client.send("evaluate", json!({"expression": expression, "frameId": 1}));
            self.asked += 1;
            (seq, value(&self.token, &expression, self.asked - 1))
        };
        (0..count).map(question).collect()
    }

    /// Asks them, and gets this session's own answers in their order.
    pub fn ask(&mut self, count: u64) {
        let asked = self.send(count);
        self.answered(&asked);
    }

    /// The answers to what was sent have come, and are right.
    pub fn answered(&self, asked: &[(i64, String)]) {
        for (seq, value) in asked {
            let response = self.client.response(*seq);
            assert_eq!(response["body"]["result"], **value, "{response}");
        }
    }

    /// Has dlv say so many lines, each as it was said.
    pub fn flood(&mut self, events: u64) {
        self.client.ok("flood", json!({"events": events}));
        for count in 0..events {
            let output = self.client.event("output");
            let begin = format!("{} {count} x", self.token);
            assert!(output["output"].as_str().is_some_and(|text| text.starts_with(&begin)), "{output}");
        }
    }

    /// To a stop and back.
    pub fn go_on(&mut self) {
        self.client.ok("continue", json!({"threadId": 1}));
        assert_eq!(self.client.event("stopped")["text"], *self.token);
    }

    /// Ends as an IDE does; nothing that came was another session's.
    pub fn finish(mut self) {
        self.client.ok("disconnect", json!({}));
        self.client.event("terminated");
        self.client.eof();
        self.all_ours();
    }

    /// dlv is gone: what was asked is answered in some way, and the client is told the end.
    pub fn told_of_the_end(&self, pending: &[(i64, String)]) {
        self.client.event("terminated");
        let (end, _) = self.client.end();
        assert_eq!(end, End::Eof, "{}", self.client.transcript());
        for (seq, value) in pending {
            let response = self.client.response(*seq);
            let right = response["body"]["result"] == **value || response["success"] == false;
            assert!(right, "{response}");
        }
        self.all_ours();
    }

    /// Answers in the order of their questions, each once; events of this session alone.
    pub fn all_ours(&self) {
        let mut last = 0;
        for Arrival { message, .. } in self.client.arrivals() {
            if message["type"] == "response" {
                let seq = message["request_seq"].as_i64().expect("a number");
                assert!(seq > last, "{seq} is answered after {last}: {message}");
                last = seq;
                continue;
            }
            let ours = match message["event"].as_str() {
                Some("output") => {
                    let text = message["body"]["output"].as_str().expect("a text");
                    text.starts_with(&self.token) || text.contains("dlv")
                }
                Some("stopped") => message["body"]["text"] == self.token,
                Some("process") => message["body"]["name"] == self.token,
                Some("initialized" | "terminated") => true,
                _ => false,
            };
            assert!(ours, "not of session {}: {message}", self.token);
        }
    }
}

/// A whole session without a fault.
pub fn whole(place: &Place, random: &mut Random) -> bool {
    let Some(mut session) = Played::begin(place, random) else { return false };
    for _ in 0..=random.below(4) {
        match random.below(4) {
            0 => session.go_on(),
            1 => session.flood(random.below(400)),
            _ => session.ask(1 + random.below(60)),
        }
    }
    session.finish();
    true
}

/// What the stand-in answers: FNV-1a of all that an answer depends on.
fn value(token: &str, expression: &str, count: u64) -> String {
    let text = format!("{token}/{expression}/{count}");
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}
