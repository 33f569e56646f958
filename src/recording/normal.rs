//! What of a message may differ from one run to the next: process ids, addresses, temporary names, folders, numbers that are
//! given anew. Two messages that are alike here say the same.

use serde_json::{Map, Value};

/// Keys whose numbers are given anew in each run.
const GIVEN_ANEW: [&str; 32] = [
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

/// Go's `reflect.Map`.
const MAP: u64 = 21;

/// What an address becomes.
const ADDRESS: &str = "0x…";

/// Shortest hexadecimal number that is an address.
const ADDRESS_DIGITS: usize = 5;

/// A request's arguments as they are matched. The numbers that a client has from dlv stay: it was given the recorded ones.
pub(in crate::recording) fn request(arguments: &Value) -> Value {
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
pub(in crate::recording) fn answer(message: &Value) -> Value {
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
                let changes = GIVEN_ANEW.contains(&name.as_str()) || is_id(name, members) || is_function;
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

/// The children of a map come in any order, and nobody can tell a map's from others.
fn by_name(values: &[Value], key: Option<&str>) -> Value {
    let mut normal: Vec<Value> = values.iter().map(|one| value(one, key)).collect();
    normal.sort_by_key(|one| one["name"].to_string());
    Value::Array(normal)
}

/// JSON-RPC lists breakpoints in any order.
fn by_id(values: &[Value], key: Option<&str>) -> Value {
    let mut normal: Vec<Value> = values.iter().map(|one| value(one, key)).collect();
    normal.sort_by_key(|one| one["id"].as_i64());
    Value::Array(normal)
}

/// JSON-RPC's maps have keys and values by turns.
fn pairs_by_key(map: &mut Map<String, Value>) {
    if let Some(Value::Array(children)) = map.get_mut("children") {
        let mut pairs: Vec<Vec<Value>> = children.chunks(2).map(<[Value]>::to_vec).collect();
        pairs.sort_by_key(|pair| pair[0]["value"].to_string());
        *children = pairs.concat();
    }
}

fn is_list_of_goroutines(key: Option<&str>) -> bool {
    matches!(key, Some("threads" | "Goroutines" | "Threads"))
}

/// Goroutines in an order of their own, without the runtime's, which come and go. Threads of the system likewise.
fn goroutines(values: &[Value], key: Option<&str>) -> Value {
    if key == Some("Threads") {
        return Value::from("(threads)");
    }
    let all = values.iter().map(|one| value(one, key));
    let mut users: Vec<Value> = all.filter(|one| !is_the_runtimes(one)).collect();
    users.sort_by_key(Value::to_string);
    Value::Array(users)
}

/// A goroutine that the runtime has for itself, by where it stands. One that has not begun, or waits, is in the runtime as well:
/// those the name alone cannot tell, so that they are left out too.
fn is_the_runtimes(goroutine: &Value) -> bool {
    let by_name = goroutine["name"].as_str().map(|name| name.trim_start_matches("* ").to_owned());
    let name = by_name.unwrap_or_else(|| goroutine["userCurrentLoc"]["function"]["name"].to_string());
    name.contains("] runtime.") || name.trim_matches('"').starts_with("runtime.")
}

/// A text without what differs from run to run.
pub(in crate::recording) fn text(given: &str) -> String {
    let mut normal = String::with_capacity(given.len());
    let mut rest = given;
    while let Some(first) = rest.chars().next() {
        let before = normal.chars().next_back();
        let taken = match first {
            '/' if before
                .is_none_or(|before| !before.is_alphanumeric() && before != '.' && before != '/') =>
            {
                path(rest, &mut normal)
            }
            '1'..='9' if is_time(rest) => time(rest, &mut normal),
            '0' if rest.starts_with("0x") => address(rest, &mut normal),
            '0'..='9' if is_counted(&normal) => number(rest, &mut normal),
            '[' if is_map(&normal) => entries(rest, &mut normal),
            ' ' if rest.starts_with(ON_THREAD) => on_thread(rest),
            _ => None,
        };
        let taken = taken.unwrap_or_else(|| {
            normal.push(first);
            first.len_utf8()
        });
        rest = &rest[taken..];
    }
    without_cut_end(normal)
}

/// Where dlv cuts a long text depends on how long the addresses in it are.
fn without_cut_end(mut normal: String) -> String {
    if normal.trim_end_matches('"').ends_with("...") {
        if let Some(last) = normal.rfind(ADDRESS) {
            normal.truncate(last + ADDRESS.len());
        }
    }
    normal
}

/// The last name of a path of at least two.
fn path(text: &str, normal: &mut String) -> Option<usize> {
    let is_part = |char: char| char.is_alphanumeric() || "/._-+@~%!$".contains(char);
    let end = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let (folder, name) = text[..end].rsplit_once('/')?;
    if folder.is_empty() || text.starts_with("//") {
        return None;
    }
    normal.push_str("…/");
    // dlv's built binaries have a random number in their name.
    normal.push_str(if name.starts_with("__debug_bin") { "__debug_bin" } else { name });
    Some(end)
}

/// What comes next are the entries of a map, after its type and their number.
fn is_map(before: &str) -> bool {
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    before.ends_with(' ')
        && line.rsplit_once("map[").is_some_and(|(_, kind)| !kind.contains([':', '"', '{', ',']))
}

/// The entries of a map come in any order, and where there are many, some of them.
fn entries(text: &str, normal: &mut String) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            normal.push_str("[…]");
            return Some(at + 1);
        }
    }
    // dlv has cut the text.
    normal.push_str("[…]");
    Some(text.len())
}

/// Whether a goroutine is on a thread of the system just then.
const ON_THREAD: &str = " (Thread ";

fn on_thread(text: &str) -> Option<usize> {
    let number = text[ON_THREAD.len()..].find(')')?;
    Some(ON_THREAD.len() + number + 1)
}

/// RFC 3339, as Go writes it: `2026-11-24T11:42:34.867866855Z`.
fn is_time(text: &str) -> bool {
    let shape = b"0000-00-00T00:00:00";
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    text.len() >= shape.len() && text.as_bytes().iter().zip(shape).all(fits)
}

fn time(text: &str, normal: &mut String) -> Option<usize> {
    normal.push_str("(time)");
    let is_part = |char: char| char.is_ascii_digit() || "-:.+TZ".contains(char);
    Some(text.find(|char| !is_part(char)).unwrap_or(text.len()))
}

fn address(text: &str, normal: &mut String) -> Option<usize> {
    let digits = text[2..].find(|char: char| !char.is_ascii_hexdigit()).unwrap_or(text.len() - 2);
    // dlv cuts long texts, also in the middle of an address.
    (digits >= ADDRESS_DIGITS || text[2 + digits..].starts_with("...")).then(|| {
        normal.push_str(ADDRESS);
        digits + 2
    })
}

/// What a number follows that is given anew: a process, a thread of the system, a goroutine.
fn is_counted(before: &str) -> bool {
    [
        "Process ",
        "Thread ",
        "thread ",
        "pid ",
        "process ",
        "[Go ",
        "oroutine ",
        "__debug_bin",
        "Detaching from process ",
    ]
    .iter()
    .any(|word| before.ends_with(word))
}

fn number(text: &str, normal: &mut String) -> Option<usize> {
    normal.push('N');
    Some(text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_lose_what_is_of_one_run() {
        for (given, normal) in [
            ("Process 4711 has exited with status 0\n", "Process N has exited with status 0\n"),
            ("* [Go 17] main.worker (Thread 4713)", "* [Go N] main.worker"),
            ("Building /home/me/app", "Building …/app"),
            ("open /tmp/x-1/__debug_bin4711: no such file", "open …/__debug_bin: no such file"),
            ("(*main.Order)(0xc000012345)", "(*main.Order)(0x…)"),
            ("*(*main.Order)(0xc0...", "*(*main.Order)(0x…"),
            ("Notes: map[string]string [\"a\": \"x]\", ...], N: 3}", "Notes: map[string]string […], N: 3}"),
            ("map[string][]int [\"k\": []int len: 1, cap: 1, [7], ]", "map[string][]int […]"),
            ("[]int len: 2, cap: 2, [1,2]", "[]int len: 2, cap: 2, [1,2]"),
            ("at 2026-11-24T11:42:34.867866855Z it was", "at (time) it was"),
            ("a/b and 1/2 and // and 0x1f", "a/b and 1/2 and // and 0x1f"),
            ("http://example.org/a/b", "http://example.org/a/b"),
            ("could not find file /a/b/main.go:12", "could not find file …/main.go:12"),
        ] {
            assert_eq!(text(given), normal);
        }
    }

    #[test]
    fn numbers_that_are_given_anew_are_alike_and_others_are_not() {
        let frame = |id: i64, line: i64| json!({"id": id, "line": line, "source": {"path": "/a/main.go"}});
        assert_eq!(answer(&frame(1000, 5)), answer(&frame(7, 5)));
        assert_ne!(answer(&frame(1000, 5)), answer(&frame(1000, 6)));
        let breakpoint = |id: i64| json!({"breakpoints": [{"id": id, "verified": true}]});
        assert_ne!(answer(&breakpoint(1)), answer(&breakpoint(2)));
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
    fn a_request_that_says_nothing_more_is_the_same_request() {
        let one = json!({"source": {"path": "/a/main.go", "name": ""}, "breakpoints": [{"line": 5, "condition": null}]});
        let other = json!({"source": {"path": "/b/c/main.go"}, "breakpoints": [{"line": 5}], "sourceModified": false});
        assert_eq!(request(&one), request(&other));
    }
}
