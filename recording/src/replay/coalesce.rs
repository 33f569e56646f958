//! Joins pieces that differ per run, to compare them: output, and the events that a JSON-RPC client
//! polls.

use serde_json::{Map, Value};

use super::script::RecordedReply;
use crate::normalize;

/// Answers with the events since the last call, or waits for one (Delve 1.27,
/// `service/rpc2/server.go`).
const POLL: &str = "RPCServer.GetEvents";

/// A kind of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Coalesced {
    Output,
    Polled,
}

impl Coalesced {
    pub(super) const ALL: [Coalesced; 2] = [Coalesced::Output, Coalesced::Polled];

    /// Which kind this message is a piece of, if of any.
    pub(super) fn of(said: &RecordedReply) -> Option<Coalesced> {
        match said.answers {
            None => Coalesced::named(&said.name),
            Some(_) => Coalesced::named(&said.name).filter(|_| events(&said.message).is_some()),
        }
    }

    /// The same of one that nothing was recorded for.
    pub(super) fn named(name: &str) -> Option<Coalesced> {
        match name {
            "output" => Some(Coalesced::Output),
            POLL => Some(Coalesced::Polled),
            _ => None,
        }
    }

    /// The way to them in a difference.
    pub(super) fn path(self) -> &'static str {
        match self {
            Coalesced::Output => "output",
            Coalesced::Polled => "RPCServer.GetEvents.result.Events",
        }
    }

    /// The whole, as it is compared.
    pub(super) fn whole<'a>(self, messages: impl Iterator<Item = &'a Value>) -> Value {
        match self {
            Coalesced::Output => output(messages),
            Coalesced::Polled => {
                Value::Array(messages.filter_map(events).flatten().map(normalize::answer).collect())
            }
        }
    }
}

fn events(answer: &Value) -> Option<&Vec<Value>> {
    answer["result"]["Events"].as_array()
}

/// All output by its category.
fn output<'a>(events: impl Iterator<Item = &'a Value>) -> Value {
    let mut all = Map::new();
    for event in events {
        let body = &event["body"];
        let category = body["category"].as_str().unwrap_or("console").to_owned();
        let text = all.entry(category).or_insert_with(|| Value::String(String::new()));
        if let Value::String(text) = text {
            text.push_str(&normalize::text(body["output"].as_str().unwrap_or_default()));
        }
    }
    Value::Object(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn batch_polling_equals_polling_one_by_one() {
        let answer = |events: Value| json!({"id": 1, "result": {"Events": events}, "error": null});
        let one_by_one = [answer(json!([{"Kind": 0}])), answer(json!([{"Kind": 1}]))];
        let at_once = [answer(json!([{"Kind": 0}, {"Kind": 1}]))];
        let whole = |messages: &[Value]| Coalesced::Polled.whole(messages.iter());
        assert_eq!(whole(&one_by_one), whole(&at_once));
        assert_ne!(whole(&one_by_one), whole(&one_by_one[..1]));
    }
}
