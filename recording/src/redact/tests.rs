//! Fifty secrets in a conversation, wherever a program or a user may have put one; none may be
//! left.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Reader;

/// A conversation's text in which each `§` is to be a secret of its own.
const DAP: &str = r#"{"recording":1,"tool":"t","protocol":"dap","start":"s","client":"§:5","settings":{"folder":"/home/me/app","dlv":["exec","--headless","--init=§","/opt/§/server","--","§","--§","--key-§=§"],"launch_default":["env=\"§\""],"launch_override":["buildFlags=\"-X §\""],"substitute_path":["/home/§=/go/§"]}}
{"t":1,"from":"client","message":{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"go"}}}
{"t":2,"from":"client","message":{"seq":2,"type":"request","command":"launch","arguments":{"name":"§","mode":"exec","program":"/home/me/app/server","args":["--password","§"],"env":{"TOKEN":"§","type":"§","LONG":"§ and more"},"buildFlags":"-ldflags=§","envFile":"/home/me/§","unknown":{"deep":["§",{"mode":"§"}]},"output":"/tmp/§","stopOnEntry":true,"pin":424242}}}
{"t":3,"from":"dlv","message":{"seq":1,"type":"response","request_seq":2,"success":false,"command":"launch","message":"cannot §","body":{"error":{"id":3000,"format":"open §: no such file","variables":{"mode":"§"}}}}}
{"t":4,"from":"dlv","message":{"seq":2,"type":"event","event":"output","body":{"category":"stdout","output":"token is §\n","source":{"name":"§.go","path":"/home/you/§.go"}}}}
{"t":5,"from":"dlv","message":{"seq":3,"type":"event","event":"stopped","body":{"reason":"exception","description":"§","text":"panic: §","threadId":1}}}
{"t":6,"from":"client","message":{"seq":3,"type":"request","command":"setBreakpoints","arguments":{"source":{"path":"/home/me/app/main.go"},"breakpoints":[{"line":5,"condition":"user == \"§\"","logMessage":"§ {x}","hitCondition":"> 5"}]}}}
{"t":7,"from":"client","message":{"seq":4,"type":"request","command":"evaluate","arguments":{"expression":"users[\"§\"].check('§', `§`)","context":"repl"}}}
{"t":8,"from":"dlv","message":{"seq":4,"type":"response","request_seq":4,"success":true,"command":"evaluate","body":{"result":"\"§\"","type":"string","variablesReference":0}}}
{"t":9,"from":"dlv","message":{"seq":5,"type":"response","request_seq":5,"success":true,"command":"variables","body":{"variables":[{"name":"order","value":"main.Order {Card: \"§\"}","type":"main.Order","evaluateName":"order","variablesReference":3},{"name":"\"§\"","value":"\"§\"","evaluateName":"m[\"§\"]"},{"name":"§ key","value":"1"}]}}}
{"t":10,"from":"dlv","message":{"seq":6,"type":"response","request_seq":6,"success":true,"command":"exceptionInfo","body":{"exceptionId":"panic","description":"§","details":{"stackTrace":"§","message":"§"}}}}
{"t":11,"from":"dlv","message":{"seq":7,"type":"response","request_seq":7,"success":true,"command":"stackTrace","body":{"stackFrames":[{"id":1,"name":"main.main","line":5,"source":{"name":"main.go","path":"/home/me/app/main.go"}},{"id":2,"name":"lib.F","line":6,"source":{"name":"§.go","path":"/home/me/go/pkg/mod/§/§.go"}}]}}}
{"t":12,"from":"client","message":{"seq":8,"type":"request","command":"ourOwn","arguments":{"reason":"§","mode":"§","name":"§"}}}
{"t":13,"from":"client","message":{"seq":9,"type":"request","command":"setVariable","arguments":{"variablesReference":3,"name":"Card","value":"\"§\""}}}
{"t":13,"from":"dlv","message":{"seq":9,"type":"event","event":"output","body":{"output":"x","source":{"name":"§"},"data":{"type":"§","reason":"§","n":424242}}}}
{"t":13,"from":"dlv","message":{"seq":10,"type":"response","request_seq":10,"success":true,"command":"threads","body":{"threads":[{"id":1,"name":"[Go 1] main.main","labels":{"method":"GET §","type":"§"}}]}}}
{"t":13,"from":"dlv","message":{"seq":11,"type":"response","request_seq":11,"success":true,"command":"variables","body":{"variables":[{"name":"4242429","evaluateName":"cards[4242429]","value":"1"}]}}}
{"t":13,"from":"client","message":{"seq":10,"type":"request","command":"ourOwn","arguments":{"":{"type":"§","command":"§","id":"§"},"source":{"name":"§"}}}}
{"t":13,"from":"client","message":{"seq":11,"type":"request","command":"attach","arguments":{"x":{"y":{"z":{"type":"§"}}},"body":{"type":"§","n":424242},"source":{"name":"§"},"error":{"kind":"§"}}}}
{"t":13,"from":"client","message":{"seq":12,"type":"request","command":"evaluate","arguments":{"expression":"dlv config substitutePath /§ /other/§","context":"repl"}}}
{"t":13,"from":"client","message":{"seq":13,"type":"request","command":"evaluate","arguments":{"expression":"open(x, /home/you/§/y)"}}}
{"t":13,"from":"dlv","message":{"seq":12,"type":"response","request_seq":14,"success":true,"command":"completions","body":{"targets":[{"label":"§","text":"§"}]}}}
{"t":13,"from":"dlv","message":{"seq":13,"type":"event","event":"output","body":{"output":"x","source":{"name":"§","path":"/home/me/app/main.go"}}}}
{"t":14,"event":"dlv_stopped","detail":"said \"§\""}
{"t":14,"event":"something","detail":"§"}
{"t":14,"from":"client","text":"not JSON: §"}
{"t":15,"from":"client","text":"§","unframed":true}
{"t":15,"event":"first_byte","detail":"DAP from §"}
{"t":16,"event":"ending","detail":"dlv ended and said: §","cause":"dlv_gone"}
{"t":17,"event":"recording_ended","detail":"complete","messages":23}
"#;

const RPC: &str = r#"{"recording":1,"tool":"t","protocol":"json-rpc","start":"s","settings":{"folder":"/home/me/app"}}
{"t":1,"from":"client","message":{"method":"RPCServer.CreateBreakpoint","params":[{"Breakpoint":{"file":"/home/me/app/main.go","line":5,"Cond":"x == \"§\"","UserData":"§"},"LocExpr":"§"}],"id":1}}
{"t":2,"from":"dlv","message":{"id":1,"result":null,"error":"could not §"}}
{"t":3,"from":"client","message":{"method":"RPCServer.Eval","params":[{"Expr":"m[\"§\"]","Scope":{"GoroutineID":-1}}],"id":2}}
{"t":4,"from":"dlv","message":{"id":2,"result":{"Variable":{"name":"m","value":"§","type":"string","realType":"string","kind":24,"len":9,"StringValueBytes":"§","unreadable":"§","children":[{"name":"","value":"§"}]}},"error":null}}
{"t":5,"from":"client","message":{"method":"RPCServer.Set","params":[{"Symbol":"x","Value":"\"§\""}],"id":3}}
{"t":6,"from":"dlv","message":{"id":3,"result":{"State":{"TargetCommandLine":"/bin/app §","Err":"§","currentThread":{"file":"/home/me/other/§.go","function":{"name":"main.main"}},"Threads":[{"Registers":[{"Name":"Rip","Value":"§"}]}]}},"error":null}}
{"t":7,"from":"client","message":{"method":"RPCServer.Restart","params":[{"NewArgs":["§"],"ResetArgs":true}],"id":"§"}}
{"t":8,"from":"dlv","message":{"id":3,"result":{"Goroutines":[{"id":1,"labels":{"method":"§","type":"§"}}],"Breakpoint":{"UserData":{"reason":"§"}}},"error":null}}
"#;

/// The text with its secrets put in, and the secrets.
fn planted(text: &str, first: usize) -> (String, Vec<String>) {
    let (mut planted, mut secrets) = (String::new(), Vec::new());
    for (place, part) in text.split('§').enumerate() {
        if place > 0 {
            let secret = format!("s3cret-{}-Ünd", first + place);
            planted.push_str(&secret);
            secrets.push(secret);
        }
        planted.push_str(part);
    }
    (planted, secrets)
}

fn redacted(text: &str) -> (String, Redactor) {
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    let mut redactor = Redactor::with_names(reader.header(), None);
    let mut out = Vec::new();
    copy(&mut reader, &mut redactor, &mut out).unwrap();
    let damaged = reader.notices().into_iter().filter(|notice| notice.fault != crate::Fault::NoEnd);
    assert_eq!(damaged.count(), 0, "{text}");
    (String::from_utf8(out).unwrap(), redactor)
}

#[test]
fn none_of_fifty_secrets_is_left() {
    let mut count = 0;
    for text in [DAP, RPC] {
        let (text, secrets) = planted(text, count);
        let (redacted, redactor) = redacted(&text);
        for secret in &secrets {
            assert!(text.contains(secret));
            assert!(!redacted.contains(secret.as_str()), "{secret} is left in {redacted}");
            let number = secret.trim_end_matches("-Ünd");
            assert!(!redacted.contains(&format!("{number}-")), "a part of {secret} is left");
            assert!(!redactor.visible().to_string().contains(number), "{secret} is listed");
        }
        assert!(!redacted.contains("424242"), "a number of the user's is left");
        count += secrets.len();
    }
    assert!(count >= 50, "{count} secrets");
}

/// The same kinds of values in the same order, texts and keys as long.
fn assert_same_shape(one: &Value, other: &Value, way: &str) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            assert_eq!(one.len(), other.len(), "{way}: {:?} {:?}", one.keys(), other.keys());
            for ((key, one), (other_key, other)) in one.iter().zip(other) {
                // What would be there twice is longer.
                assert!(key.len() <= other_key.len(), "{way}: {key} {other_key}");
                assert_same_shape(one, other, &format!("{way}.{key}"));
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            assert_eq!(one.len(), other.len(), "{way}");
            one.iter().zip(other).for_each(|(one, other)| assert_same_shape(one, other, way));
        }
        (Value::String(one), Value::String(other)) => {
            assert_eq!(one.len(), other.len(), "{way}: {one} {other}")
        }
        (Value::Number(_), Value::Number(_)) => {}
        _ => assert_eq!(one, other, "{way}"),
    }
}

#[test]
fn redaction_keeps_structure_sizes_and_safe_values() {
    let (text, _) = planted(DAP, 0);
    let (redacted, _) = redacted(&text);
    assert_eq!(text.lines().count(), redacted.lines().count());
    for (one, other) in text.lines().zip(redacted.lines()).skip(1) {
        let parsed = |line: &str| serde_json::from_str::<Value>(line).unwrap();
        assert_same_shape(&parsed(one), &parsed(other), "");
    }
    for kept in [
        "/home/me/app/main.go",
        "\"main.go\"",
        "main.main",
        "\"order\"",
        "main.Order",
        "\"reason\":\"exception\"",
        "\"stopOnEntry\":true",
        "> ",
    ] {
        assert!(redacted.contains(kept), "{kept} is gone: {redacted}");
    }
}

#[test]
fn the_same_text_has_the_same_placeholder() {
    let header = Reader::new(RPC.as_bytes()).unwrap().header().clone();
    let mut redactor = Redactor::with_names(&header, None);
    let mut of = |text: &str| {
        let body = json!({"id": 9, "result": null, "error": text}).to_string();
        let redacted: Value =
            serde_json::from_slice(&redactor.message(Sender::Dlv, body.as_bytes())).unwrap();
        redacted["error"].as_str().unwrap().to_owned()
    };
    let first = of("a text that is long");
    assert_ne!(of("b text that is long"), first);
    assert_eq!(of("a text that is long"), first);
}

#[test]
fn what_is_redacted_once_more_keeps_its_shape() {
    let (text, _) = planted(DAP, 0);
    let (once, _) = redacted(&text);
    let (twice, _) = redacted(&once);
    for (one, other) in once.lines().zip(twice.lines()).skip(1) {
        assert_same_shape(&serde_json::from_str(one).unwrap(), &serde_json::from_str(other).unwrap(), "");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z \"/ü.]{6,20}".prop_map(|text| Value::from(format!("§{text}"))),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Keys of every list, and keys of none.
fn any_key() -> impl Strategy<Value = String> {
    let known = [
        "",
        "type",
        "reason",
        "kind",
        "mode",
        "name",
        "path",
        "file",
        "source",
        "labels",
        "body",
        "result",
        "error",
        "arguments",
        "variables",
        "env",
        "args",
        "data",
        "UserData",
        "evaluateName",
        "label",
        "id",
        "value",
        "children",
        "command",
        "method",
    ];
    prop_oneof![prop::sample::select(known.to_vec()).prop_map(str::to_owned), "[a-zA-Z]{1,12}"]
}

/// Where a text may stay at all: below nothing but keys that are known to have harmless ones.
fn may_stay(way: &[String]) -> bool {
    let known = ["body", "variables", "source", "children", "result", "arguments"];
    let [above @ .., _] = way else { return false };
    above.iter().all(|key| known.contains(&key.as_str()))
}

fn kept(value: &Value, way: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            way.push(key.clone());
            kept(value, way, found);
            way.pop();
        }),
        Value::Array(values) => values.iter().for_each(|value| kept(value, way, found)),
        Value::String(text) if text.contains('§') => found.push(way.clone()),
        _ => {}
    }
}

proptest! {
    #[test]
    fn of_an_unknown_message_nothing_but_its_shape_stays(body in any_json(), command in "[a-z]{3,9}X") {
        let header = Reader::new(DAP.as_bytes()).unwrap().header().clone();
        let message = json!({"seq": 1, "type": "request", "command": command, "arguments": body});
        let redacted = Redactor::with_names(&header, None).message(Sender::Client, message.to_string().as_bytes());
        let redacted: Value = serde_json::from_slice(&redacted).unwrap();
        assert_same_shape(&message, &redacted, "");
        let mut text = String::new();
        write!(text, "{redacted}").unwrap();
        prop_assert!(!text.contains('§'), "{text}");
    }

    #[test]
    fn of_a_known_message_texts_stay_at_known_places_only(
        body in any_json(),
        command in prop::sample::select(vec!["variables", "launch", "evaluate", "stackTrace", "output"]),
    ) {
        let header = Reader::new(DAP.as_bytes()).unwrap().header().clone();
        for message in [
            json!({"seq": 1, "type": "request", "command": command, "arguments": body}),
            json!({"seq": 1, "type": "response", "request_seq": 1, "success": true, "command": command, "body": body}),
            json!({"seq": 1, "type": "event", "event": command, "body": body}),
        ] {
            let redacted = Redactor::with_names(&header, None).message(Sender::Dlv, message.to_string().as_bytes());
            let redacted: Value = serde_json::from_slice(&redacted).unwrap();
            assert_same_shape(&message, &redacted, "");
            let mut found = Vec::new();
            kept(&redacted, &mut Vec::new(), &mut found);
            prop_assert!(found.iter().all(|way| may_stay(way)), "{found:?} in {redacted}");
        }
    }
}

#[test]
fn end_and_process_keep_no_number_of_the_programs() {
    let recording = r#"{"recording":1,"tool":"t","protocol":"dap","start":"s","settings":{"folder":"/home/me/app"}}
{"t":1,"from":"client","message":{"seq":1,"type":"request","command":"launch","arguments":{"program":"/home/me/app/bin"}}}
{"t":2,"from":"dlv","message":{"seq":1,"type":"event","event":"process","body":{"name":"/home/me/app/bin \"4111111111111111\"","startMethod":"launch"}}}
{"t":3,"event":"ending","detail":"dlv ended. The last of its standard error:\ncard 4111111111111111 core dumped at 127.0.0.1:5555","cause":"dlv_gone"}
"#;
    let (out, _) = redacted(recording);
    for planted in ["4111", "core", "5555"] {
        assert!(!out.contains(planted), "{planted}: {out}");
    }
    assert!(out.contains("\"cause\":\"dlv_gone\""), "{out}");
}

#[test]
fn many_short_keys_take_no_time() {
    let letters = || ('a'..='z').chain('A'..='Z');
    let keys = letters()
        .flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("\"{a}{b}{c}\":1"))));
    let keys: Vec<String> = keys.collect();
    let header = r#"{"recording":1,"tool":"t","protocol":"dap","start":"s","settings":{}}"#;
    let message = format!(
        r#"{{"t":1,"from":"client","message":{{"seq":1,"type":"request","command":"launch","arguments":{{"x":{{{}}}}}}}}}"#,
        keys.join(",")
    );
    let began = std::time::Instant::now();
    let (out, _) = redacted(&format!("{header}\n{message}\n"));
    assert!(out.matches("\"#").count() >= keys.len(), "each key has a placeholder of its own");
    // A minute and more where each key is tried against all that came before it.
    assert!(began.elapsed() < std::time::Duration::from_secs(30), "{:?}", began.elapsed());
}
