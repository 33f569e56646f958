//! Maps the numbers that dlv assigns per run from recorded to live ones, so that a recorded request
//! asks for the same thing.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::normalize;

const HEX: &str = "0x";

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum IdKind {
    Frame,
    Variables,
    /// DAP's threads are goroutines.
    Thread,
    Goroutine,
    SystemThread,
    Process,
    Breakpoint,
    Address,
    /// A data breakpoint's, which is dlv's own text.
    Data,
}

/// Which recorded number is which live one.
#[derive(Debug, Default)]
pub(super) struct IdMap {
    known: HashMap<(IdKind, String), Value>,
    /// Addresses as they stand in texts.
    addresses: HashMap<String, String>,
}

impl IdMap {
    /// Learns from a recorded and a live message that say the same.
    pub(super) fn learn(&mut self, recorded: &Value, live: &Value) {
        self.walk(recorded, live, "");
    }

    fn walk(&mut self, recorded: &Value, live: &Value, parent: &str) {
        match (recorded, live) {
            (Value::Object(recorded), Value::Object(live)) => {
                for (key, value) in recorded {
                    let Some(other) = live.get(key) else { continue };
                    match said_kind(key, parent, recorded) {
                        Some(kind) => self.same(kind, value, other),
                        _ => self.walk(value, other, key),
                    }
                }
            }
            (Value::Array(recorded), Value::Array(live)) => {
                for (place, value) in recorded.iter().enumerate() {
                    if let Some(other) = counterpart(recorded, place, live) {
                        self.walk(value, other, parent);
                    }
                }
            }
            (Value::String(recorded), Value::String(live)) => self.same_text(recorded, live),
            _ => {}
        }
    }

    /// Two texts that say the same have the same addresses in them:
    /// `(*(*"main.T")(0xc000012345)).A`.
    fn same_text(&mut self, recorded: &str, live: &str) {
        if !recorded.contains(HEX) {
            return;
        }
        let ((one, addresses), (other, now)) =
            (normalize::with_addresses(recorded), normalize::with_addresses(live));
        if normalize::alike(&one, &other) {
            let pairs = addresses.into_iter().zip(now).filter_map(|(recorded, live)| recorded.zip(live));
            self.addresses.extend(pairs.map(|(recorded, live)| (recorded.to_owned(), live.to_owned())));
        }
    }

    /// These are the same; each of a list is.
    fn same(&mut self, kind: IdKind, recorded: &Value, live: &Value) {
        match (recorded, live) {
            (Value::Array(recorded), Value::Array(live)) => {
                recorded.iter().zip(live).for_each(|(recorded, live)| self.same(kind, recorded, live));
            }
            _ => {
                if kind == IdKind::Address {
                    if let (Some(recorded), Some(live)) = (in_texts(recorded), in_texts(live)) {
                        self.addresses.insert(recorded, live);
                    }
                }
                self.known.insert((kind, recorded.to_string()), live.clone());
            }
        }
    }

    fn put(&self, kind: IdKind, value: &mut Value) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| self.put(kind, value)),
            _ => {
                if let Some(live) = self.known.get(&(kind, value.to_string())) {
                    *value = live.clone();
                }
            }
        }
    }

    /// Puts the live numbers into a recorded request.
    pub(super) fn to_live(&self, name: &str, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    match asked_kind(key, name) {
                        Some(kind) if !value.is_string() => self.put(kind, value),
                        Some(kind) if self.known.contains_key(&(kind, value.to_string())) => {
                            self.put(kind, value);
                        }
                        _ => self.to_live(name, value),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.to_live(name, value)),
            Value::String(text) => self.addresses_to_live(text),
            _ => {}
        }
    }

    fn addresses_to_live(&self, text: &mut String) {
        let mut live = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find(HEX) {
            let digits = rest[at + HEX.len()..].find(|char: char| !char.is_ascii_hexdigit());
            let end = digits.map_or(rest.len(), |digits| at + HEX.len() + digits);
            let address = &rest[at..end];
            live.push_str(&rest[..at]);
            live.push_str(self.addresses.get(address).map_or(address, String::as_str));
            rest = &rest[end..];
        }
        live.push_str(rest);
        *text = live;
    }
}

/// An address as it stands in a text. JSON-RPC has it as a number.
fn in_texts(address: &Value) -> Option<String> {
    match address {
        Value::String(text) => text.starts_with(HEX).then(|| text.clone()),
        number => number.as_u64().filter(|number| *number != 0).map(|number| format!("{number:#x}")),
    }
}

/// The live element that is a recorded one: of the same name where they have names, since their
/// order may differ, else at the same place.
fn counterpart<'a>(recorded: &[Value], place: usize, live: &'a [Value]) -> Option<&'a Value> {
    let label = |value: &Value| value["name"].as_str().map(normalize::text);
    let Some(name) = label(&recorded[place]) else { return live.get(place) };
    let before = recorded[..place].iter().filter(|other| label(other).as_ref() == Some(&name)).count();
    live.iter().filter(|other| label(other).as_ref() == Some(&name)).nth(before)
}

/// What a number in an answer or event stands for.
fn said_kind(key: &str, parent: &str, members: &Map<String, Value>) -> Option<IdKind> {
    Some(match key {
        "id" => match parent {
            "stackFrames" => IdKind::Frame,
            "threads" => IdKind::Thread,
            "breakpoints" | "breakpoint" | "Breakpoint" | "Breakpoints" => IdKind::Breakpoint,
            "currentGoroutine" | "Goroutines" | "SelectedGoroutine" => IdKind::Goroutine,
            "currentThread" | "Threads" => IdKind::SystemThread,
            _ if members.contains_key("verified") || members.contains_key("hitCount") => IdKind::Breakpoint,
            _ => return None,
        },
        other => common_kind(other)?,
    })
}

/// What a number in a request stands for.
fn asked_kind(key: &str, name: &str) -> Option<IdKind> {
    Some(match (key, name) {
        ("Id" | "id", "RPCServer.Stacktrace" | "RPCServer.Ancestors") => IdKind::Goroutine,
        (
            "Id" | "id",
            "RPCServer.ClearBreakpoint" | "RPCServer.GetBreakpoint" | "RPCServer.AmendBreakpoint",
        ) => IdKind::Breakpoint,
        ("Id" | "id", "RPCServer.GetThread") => IdKind::SystemThread,
        (other, _) => common_kind(other)?,
    })
}

fn common_kind(key: &str) -> Option<IdKind> {
    Some(match key {
        "frameId" => IdKind::Frame,
        "variablesReference" => IdKind::Variables,
        "threadId" => IdKind::Thread,
        "goroutineID" | "GoroutineID" => IdKind::Goroutine,
        "threadID" | "ThreadID" => IdKind::SystemThread,
        "dataId" => IdKind::Data,
        "Pid" | "pcpids" | "addrpid" => IdKind::Process,
        "addr"
        | "addrs"
        | "pcs"
        | "Addr"
        | "pc"
        | "PC"
        | "startPC"
        | "StartPC"
        | "EndPC"
        | "memoryReference"
        | "address"
        | "instructionPointerReference"
        | "instructionReference" => IdKind::Address,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn request_uses_live_frame_thread_and_variable() {
        let mut numbers = IdMap::default();
        numbers.learn(
            &json!({"body": {"stackFrames": [{"id": 1000, "name": "a"}, {"id": 1001, "name": "b"}]}}),
            &json!({"body": {"stackFrames": [{"id": 7, "name": "a"}, {"id": 8, "name": "b"}]}}),
        );
        numbers.learn(
            &json!({"body": {"threads": [{"id": 1, "name": "[Go 1] x"}, {"id": 18, "name": "[Go 18] y"}]}}),
            &json!({"body": {"threads": [{"id": 33, "name": "[Go 33] y"}, {"id": 1, "name": "[Go 1] x"}]}}),
        );
        let mut request = json!({"frameId": 1001, "threadId": 18, "variablesReference": 1001});
        numbers.to_live("x", &mut request);
        assert_eq!(request, json!({"frameId": 8, "threadId": 33, "variablesReference": 1001}));
    }

    #[test]
    fn addresses_in_expressions_are_the_live_ones() {
        let mut numbers = IdMap::default();
        let child = |address: &str| {
            json!({"variables": [{
                "name": "A", "value": format!("*main.B {{p: (*int)({address}1)}}"),
                "evaluateName": format!("(*(*\"main.T\")({address})).A"),
            }]})
        };
        numbers.learn(&child("0x2b0d6295a0d8"), &child("0xc000012340"));
        // Texts that say something else say nothing about addresses.
        numbers.learn(&json!({"value": "a 0x2b0d6295a0d8"}), &json!({"value": "b 0xc000099999"}));
        numbers.learn(&json!({"Variable": {"addr": 0x10_0000}}), &json!({"Variable": {"addr": 0x20_0000}}));
        let mut request = json!({
            "expression": "(*(*\"main.T\")(0x2b0d6295a0d8)).A + 0x2b0d6295a0d8f", "context": "watch",
            "value": "(*int)(0x2b0d6295a0d81)", "address": "0x2b0d6295a0d8",
            "Expr": "*(*int)(0x100000)", "other": "0x1f",
        });
        numbers.to_live("evaluate", &mut request);
        assert_eq!(
            request,
            json!({
                "expression": "(*(*\"main.T\")(0xc000012340)).A + 0x2b0d6295a0d8f", "context": "watch",
                "value": "(*int)(0xc0000123401)", "address": "0xc000012340",
                "Expr": "*(*int)(0x200000)", "other": "0x1f",
            })
        );
    }

    #[test]
    fn json_rpcs_ids_are_what_the_method_makes_of_them() {
        let mut numbers = IdMap::default();
        let state = |goroutine: i64, breakpoint: i64| json!({"State": {"currentGoroutine": {"id": goroutine}, "currentThread": {"breakPoint": {"id": breakpoint, "hitCount": {}}}}});
        numbers.learn(&state(1, 1), &state(5, 2));
        let mut request = json!([{"Id": 1}]);
        numbers.to_live("RPCServer.Stacktrace", &mut request);
        assert_eq!(request, json!([{"Id": 5}]));
        let mut request = json!([{"Id": 1}]);
        numbers.to_live("RPCServer.ClearBreakpoint", &mut request);
        assert_eq!(request, json!([{"Id": 2}]));
    }
}
