//! Normalizes what may differ between two runs: process ids, addresses, temporary names, folders,
//! numbers that dlv assigns per run. Two messages with the same normal form say the same.

mod text;

use serde_json::{Map, Value};

pub(crate) use text::{alike, text, with_addresses};

/// Keys whose numbers dlv assigns per run.
const ASSIGNED_PER_RUN: [&str; 33] = [
    "seq",
    "request_seq",
    "frameId",
    "variablesReference",
    "threadId",
    "systemProcessId",
    "processId",
    "Pid",
    "pid",
    "PID",
    "goroutineID",
    "GoroutineID",
    "threadID",
    "ThreadID",
    "addr",
    "Addr",
    "pc",
    "PC",
    "startPC",
    "EndPC",
    "sourceReference",
    "LastModified",
    "base",
    "startLoc",
    "hitCount",
    "totalHitCount",
    "FrameOffset",
    "FramePointerOffset",
    "addrs",
    "addrpid",
    "pcs",
    "pcpids",
    "waitSince",
];

/// Keys whose texts are addresses, or differ each time.
const REFERENCES: [&str; 7] = [
    "instructionPointerReference",
    "memoryReference",
    "address",
    "__sessionId",
    "clientID",
    "clientName",
    "dataId",
];

/// The status of a waiting goroutine: `_Gwaiting` of Go's runtime.
const WAITING: u64 = 4;

/// Go's `reflect.Map`.
const MAP: u64 = 21;

/// A request's arguments as they are matched. The numbers that a client has from dlv stay: it was
/// given the recorded ones.
pub(crate) fn request(arguments: &Value) -> Value {
    match arguments {
        Value::Object(members) => {
            let kept = members.iter().filter(|(key, _)| !key.starts_with("__"));
            let kept = kept.map(|(key, value)| (key.clone(), request(value)));
            Value::Object(kept.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(values) => values.iter().map(request).collect(),
        Value::String(text) => Value::String(self::text(text)),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(true) => false,
    }
}

/// An answer or event as it is compared.
pub(crate) fn answer(message: &Value) -> Value {
    let mut normal = value(message, None);
    if let Value::Object(members) = &mut normal {
        for key in ["seq", "request_seq", "id"] {
            members.remove(key);
        }
    }
    normal
}

fn value(given: &Value, key: Option<&str>) -> Value {
    match given {
        Value::Object(members) => {
            let keep = |(name, value): (&String, &Value)| {
                let is_function = name == "value" && members.contains_key("goType");
                let changes = ASSIGNED_PER_RUN.contains(&name.as_str())
                    || is_id(name, members)
                    || is_function
                    || is_past_wait(name, members);
                let new = match value {
                    Value::Number(_) | Value::Array(_) if changes => Value::from("(number)"),
                    Value::String(_) if REFERENCES.contains(&name.as_str()) => Value::from("(reference)"),
                    other => self::value(other, Some(name)),
                };
                (name.clone(), new)
            };
            let mut normal: Map<String, Value> = members.iter().map(keep).collect();
            if members.get("kind").and_then(Value::as_u64) == Some(MAP) {
                pairs_by_key(&mut normal);
            }
            Value::Object(normal)
        }
        Value::Array(values) if is_list_of_goroutines(key) => goroutines(values, key),
        Value::Array(values) if key == Some("variables") => by_name(values, key),
        Value::Array(values) if key == Some("Breakpoints") => by_id(values, key),
        Value::Array(values) => values.iter().map(|value| self::value(value, key)).collect(),
        Value::String(text) => Value::String(self::text(text)),
        other => other.clone(),
    }
}

/// An `id` of a frame, thread or goroutine; a breakpoint's is counted from 1, alike in every run.
fn is_id(name: &str, members: &Map<String, Value>) -> bool {
    let one_of = |keys: &[&str]| keys.iter().any(|key| members.contains_key(*key));
    name == "id" && !one_of(&["verified", "Cond", "hitCount"])
}

/// What a goroutine waited for last time, which depends on the scheduler; what one waits for now
/// does not.
fn is_past_wait(name: &str, goroutine: &Map<String, Value>) -> bool {
    name == "waitReason" && goroutine.get("status").is_some_and(|status| *status != WAITING)
}

/// The children of a map come in any order, and nothing tells a map's from others. Of a map with
/// more entries than dlv loads, it is some of them, others each time.
fn by_name(values: &[Value], key: Option<&str>) -> Value {
    let mut normal: Vec<Value> = values.iter().map(|one| value(one, key)).collect();
    let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
    let length = values.iter().find(|one| one["name"] == LENGTH);
    let length = length.and_then(|one| one["value"].as_str()?.parse().ok()).unwrap_or(0);
    // An entry whose key and value both have children is two.
    let is_entry = |one: &Value| name(one) != LENGTH && !name(one).starts_with("[val ");
    let loaded = values.iter().filter(|one| is_entry(one)).count();
    if loaded < length {
        normal.retain(|one| name(one) == LENGTH);
        normal.push(some_of(loaded, length));
    }
    normal.sort_by_key(|one| one["name"].to_string());
    Value::Array(normal)
}

/// What dlv says of a map besides its entries.
const LENGTH: &str = "len()";

fn some_of(loaded: usize, length: usize) -> Value {
    Value::from(format!("({loaded} of {length} entries)"))
}

/// JSON-RPC lists breakpoints in any order.
fn by_id(values: &[Value], key: Option<&str>) -> Value {
    let mut normal: Vec<Value> = values.iter().map(|one| value(one, key)).collect();
    normal.sort_by_key(|one| one["id"].as_i64());
    Value::Array(normal)
}

/// JSON-RPC's maps have keys and values by turns.
fn pairs_by_key(map: &mut Map<String, Value>) {
    let length = map.get("len").and_then(Value::as_u64).and_then(|len| usize::try_from(len).ok());
    if let Some(Value::Array(children)) = map.get_mut("children") {
        let loaded = children.len() / 2;
        if let Some(length) = length.filter(|length| loaded < *length) {
            *children = vec![some_of(loaded, length)];
            return;
        }
        let mut pairs: Vec<Vec<Value>> = children.chunks(2).map(<[Value]>::to_vec).collect();
        pairs.sort_by_key(|pair| pair[0]["value"].to_string());
        *children = pairs.concat();
    }
}

fn is_list_of_goroutines(key: Option<&str>) -> bool {
    matches!(key, Some("threads" | "Goroutines" | "Threads"))
}

/// Goroutines in an order of their own, without the runtime's, which come and go. Threads of the
/// system likewise.
fn goroutines(values: &[Value], key: Option<&str>) -> Value {
    if key == Some("Threads") {
        return Value::from("(threads)");
    }
    let all = values.iter().map(|one| value(one, key));
    let mut users: Vec<Value> = all.filter(|one| !is_the_runtimes(one)).collect();
    users.sort_by_key(Value::to_string);
    Value::Array(users)
}

/// A goroutine that the runtime has for itself, by where it stands. One that has not begun, or
/// waits, is in the runtime as well: those the name alone cannot tell, so that they are left out
/// too.
fn is_the_runtimes(goroutine: &Value) -> bool {
    let by_name = goroutine["name"].as_str().map(|name| name.trim_start_matches("* ").to_owned());
    let name = by_name.unwrap_or_else(|| goroutine["userCurrentLoc"]["function"]["name"].to_string());
    name.contains("] runtime.") || name.trim_matches('"').starts_with("runtime.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_per_run_numbers_are_normalized() {
        let frame = |id: i64, line: i64| json!({"id": id, "line": line, "source": {"path": "/a/main.go"}});
        assert_eq!(answer(&frame(1000, 5)), answer(&frame(7, 5)));
        assert_ne!(answer(&frame(1000, 5)), answer(&frame(1000, 6)));
        let breakpoint = |id: i64| json!({"breakpoints": [{"id": id, "verified": true}]});
        assert_ne!(answer(&breakpoint(1)), answer(&breakpoint(2)));
    }

    #[test]
    fn only_what_a_goroutine_waits_for_now_is_compared() {
        let goroutine = |status: u64, reason: u64| answer(&json!({"status": status, "waitReason": reason}));
        let running = 2;
        assert_eq!(goroutine(running, 0), goroutine(running, 14));
        assert_ne!(goroutine(WAITING, 2), goroutine(WAITING, 14));
    }

    #[test]
    fn maps_that_dlv_loads_in_part_are_alike() {
        let entry = |name: &str| json!({"name": name, "value": "1"});
        let dap = |length: &str, names: &[&str]| {
            let length = json!({"name": "len()", "value": length});
            let all: Vec<Value> =
                std::iter::once(length).chain(names.iter().map(|name| entry(name))).collect();
            answer(&json!({"body": {"variables": all}}))
        };
        assert_eq!(dap("3", &["a", "b"]), dap("3", &["c", "a"]));
        assert_ne!(dap("3", &["a", "b"]), dap("3", &["c"]));
        assert_ne!(dap("3", &["a", "b"]), dap("4", &["a", "b"]));
        assert_ne!(dap("2", &["a", "b"]), dap("2", &["c", "a"]), "of a whole map each entry is compared");
        assert_ne!(dap("1", &["[key 0]", "[val 0]"]), dap("1", &["[key 0]", "[val 1]"]));
        let rpc = |len: u64, values: &[&str]| {
            let children: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
            answer(&json!({"result": {"Variable": {"kind": 21, "len": len, "children": children}}}))
        };
        assert_eq!(rpc(3, &["a", "1", "b", "2"]), rpc(3, &["c", "3", "a", "1"]));
        assert_ne!(rpc(3, &["a", "1", "b", "2"]), rpc(3, &["c", "3"]));
        assert_eq!(rpc(2, &["a", "1", "b", "2"]), rpc(2, &["b", "2", "a", "1"]));
        assert_ne!(rpc(2, &["a", "1", "b", "2"]), rpc(2, &["b", "2", "c", "3"]));
    }

    #[test]
    fn goroutines_are_a_set_without_the_runtimes() {
        let threads = |names: &[&str]| {
            let each = names.iter().enumerate().map(|(at, name)| json!({"id": at, "name": name}));
            json!({"body": {"threads": each.collect::<Vec<_>>()}})
        };
        let one = threads(&["* [Go 1] main.main (Thread 7)", "[Go 2] runtime.gopark", "[Go 18] main.worker"]);
        let other = threads(&["[Go 5] main.worker", "* [Go 1] main.main (Thread 9)"]);
        assert_eq!(answer(&one), answer(&other));
        assert_ne!(answer(&one), answer(&threads(&["* [Go 1] main.main (Thread 9)"])));
    }

    #[test]
    fn empty_fields_do_not_change_a_request() {
        let one = json!({"source": {"path": "/a/main.go", "name": ""}, "breakpoints": [{"line": 5, "condition": null}]});
        let other = json!({"source": {"path": "/b/c/main.go"}, "breakpoints": [{"line": 5}], "sourceModified": false});
        assert_eq!(request(&one), request(&other));
    }
}
