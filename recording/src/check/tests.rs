//! A healthy conversation, and each rule broken in it once.

use super::*;
use crate::Reader;

const DAP: &str = r#"{"recording":1,"tool":"t","protocol":"dap","start":"2026-01-01T00:00:00Z"}
{"t":1,"from":"client","message":{"seq":1,"type":"request","command":"initialize","arguments":{"adapterID":"go"}}}
{"t":2,"from":"dlv","message":{"seq":1,"type":"response","request_seq":1,"success":true,"command":"initialize","body":{"supportsConfigurationDoneRequest":true,"exceptionBreakpointFilters":[{"filter":"panic"}]}}}
{"t":3,"from":"client","message":{"seq":2,"type":"request","command":"launch","arguments":{"mode":"exec"}}}
{"t":4,"from":"dlv","message":{"seq":2,"type":"event","event":"initialized"}}
{"t":5,"from":"dlv","message":{"seq":3,"type":"response","request_seq":2,"success":true,"command":"launch"}}
{"t":6,"from":"client","message":{"seq":3,"type":"request","command":"setBreakpoints","arguments":{"source":{"path":"/a.go"},"breakpoints":[{"line":5}]}}}
{"t":7,"from":"dlv","message":{"seq":4,"type":"response","request_seq":3,"success":true,"command":"setBreakpoints","body":{"breakpoints":[{"id":1,"verified":true}]}}}
{"t":8,"from":"client","message":{"seq":4,"type":"request","command":"configurationDone"}}
{"t":9,"from":"dlv","message":{"seq":5,"type":"response","request_seq":4,"success":true,"command":"configurationDone"}}
{"t":10,"from":"dlv","message":{"seq":6,"type":"event","event":"stopped","body":{"reason":"breakpoint","threadId":1}}}
{"t":11,"from":"client","message":{"seq":5,"type":"request","command":"stackTrace","arguments":{"threadId":1}}}
{"t":12,"from":"dlv","message":{"seq":7,"type":"response","request_seq":5,"success":true,"command":"stackTrace","body":{"stackFrames":[{"id":1000,"name":"main.main"}]}}}
{"t":13,"from":"client","message":{"seq":6,"type":"request","command":"scopes","arguments":{"frameId":1000}}}
{"t":14,"from":"dlv","message":{"seq":8,"type":"response","request_seq":6,"success":true,"command":"scopes","body":{"scopes":[{"name":"Locals","variablesReference":1000}]}}}
{"t":15,"from":"client","message":{"seq":7,"type":"request","command":"variables","arguments":{"variablesReference":1000}}}
{"t":16,"from":"dlv","message":{"seq":9,"type":"response","request_seq":7,"success":true,"command":"variables","body":{"variables":[]}}}
{"t":17,"from":"client","message":{"seq":8,"type":"request","command":"continue","arguments":{"threadId":1}}}
{"t":18,"from":"dlv","message":{"seq":10,"type":"response","request_seq":8,"success":true,"command":"continue","body":{}}}
{"t":19,"from":"dlv","message":{"seq":11,"type":"event","event":"terminated","body":{}}}
{"t":20,"from":"client","message":{"seq":9,"type":"request","command":"disconnect"}}
{"t":21,"from":"dlv","message":{"seq":12,"type":"response","request_seq":9,"success":true,"command":"disconnect"}}
{"t":22,"event":"ending","cause":"disconnected"}
{"t":23,"event":"recording_ended","detail":"complete"}
"#;

const RPC: &str = r#"{"recording":1,"tool":"t","protocol":"json-rpc","start":"2026-01-01T00:00:00Z"}
{"t":1,"from":"client","message":{"method":"RPCServer.SetApiVersion","params":[{"APIVersion":2}],"id":0}}
{"t":2,"from":"dlv","message":{"id":0,"result":{},"error":null}}
{"t":3,"from":"client","message":{"method":"RPCServer.Command","params":[{"name":"continue"}],"id":1}}
{"t":4,"from":"client","message":{"method":"RPCServer.State","params":[{"NonBlocking":true}],"id":2}}
{"t":5,"from":"dlv","message":{"id":2,"result":{"State":{}},"error":null}}
{"t":6,"from":"client","message":{"method":"RPCServer.Command","params":[{"name":"halt"}],"id":3}}
{"t":7,"from":"dlv","message":{"id":1,"result":{"State":{}},"error":null}}
{"t":8,"from":"dlv","message":{"id":3,"result":{"State":{}},"error":null}}
{"t":9,"from":"client","message":{"method":"RPCServer.Eval","params":[{"Expr":"x"}],"id":4}}
{"t":10,"from":"dlv","message":{"id":4,"result":null,"error":"no x"}}
{"t":11,"from":"client","message":{"method":"RPCServer.Detach","params":[{"Kill":true}],"id":5}}
{"t":12,"from":"dlv","message":{"id":5,"result":{},"error":null}}
{"t":13,"event":"ending","cause":"disconnected"}
{"t":14,"event":"recording_ended","detail":"complete"}
"#;

fn findings(text: &str) -> Vec<(u64, &'static str, bool)> {
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    let mut checker = Checker::new(reader.header());
    while let Some(entry) = reader.entry().unwrap() {
        checker.take(&entry);
    }
    let damaged = reader.notices().into_iter().filter(|notice| notice.fault != crate::Fault::NoEnd);
    assert_eq!(damaged.count(), 0, "{text}");
    let found = checker.finish(reader.is_ended());
    found.into_iter().map(|one| (one.line, one.rule, one.explained.is_some())).collect()
}

#[test]
fn nothing_is_found_in_healthy_conversations() {
    assert_eq!(findings(DAP), []);
    assert_eq!(findings(RPC), []);
}

/// A line in another's place, or after it.
enum Plant {
    Instead(usize, &'static str),
    After(usize, &'static str),
    Without(usize),
    /// A text of a line replaced.
    Change(usize, &'static str, &'static str),
}

fn planted(healthy: &str, plant: &Plant) -> String {
    let mut lines: Vec<String> = healthy.lines().map(str::to_owned).collect();
    match plant {
        Plant::Instead(line, text) => lines[line - 1] = (*text).to_owned(),
        Plant::After(line, text) => lines.insert(*line, (*text).to_owned()),
        Plant::Without(line) => drop(lines.remove(line - 1)),
        Plant::Change(line, from, to) => {
            assert!(lines[line - 1].contains(from), "{from} is not in line {line}");
            lines[line - 1] = lines[line - 1].replace(from, to);
        }
    }
    lines.join("\n") + "\n"
}

fn is_found(healthy: &str, plant: &Plant, line: u64, rule: &'static str, is_known: bool) {
    assert!(RULES.iter().any(|(name, _)| *name == rule), "{rule} is no rule");
    assert_eq!(findings(&planted(healthy, plant)), [(line, rule, is_known)], "{rule}");
}

#[test]
fn what_breaks_a_rule_of_dap_is_found() {
    use Plant::{After, Change, Without};
    let cases = [
        (After(17, r#"{"t":16,"from":"dlv","message":{"seq":10,"type":"gossip"}}"#), 18, "no-message"),
        (After(17, r#"{"t":16,"from":"dlv","message":{"type":"event","event":"module"}}"#), 18, "no-message"),
        (After(17, r#"{"t":16,"from":"dlv","text":"x\n","unframed":true}"#), 18, "stray-bytes"),
        (Change(12, "\"t\":11", "\"t\":9"), 12, "time-falls"),
        (Change(13, "\"request_seq\":5", "\"request_seq\":55"), 13, "answer-without-request"),
        (
            After(
                13,
                r#"{"t":12,"from":"dlv","message":{"seq":7.5,"type":"response","request_seq":5,"success":true,"command":"stackTrace"}}"#,
            ),
            14,
            "answered-twice",
        ),
        (Without(17), 16, "unanswered"),
        (Change(13, "\"command\":\"stackTrace\"", "\"command\":\"threads\""), 13, "wrong-command"),
        (Change(12, "\"seq\":5", "\"seq\":4"), 12, "seq-not-rising"),
        (
            Change(7, "\"from\":\"client\"", "\"from\":\"client\",\"header\":\"content-length:9\""),
            7,
            "strict-header",
        ),
        (Change(17, "\"success\":true", "\"success\":false"), 17, "error-without-text"),
        (
            After(1, r#"{"t":0,"from":"client","message":{"seq":0,"type":"request","command":"threads"}}"#),
            2,
            "before-initialize",
        ),
        (
            After(2, r#"{"t":1,"from":"dlv","message":{"seq":0,"type":"event","event":"module"}}"#),
            3,
            "before-initialize",
        ),
        (
            Change(16, "variables\",\"arguments\":{\"variablesReference\":1000}", "initialize\""),
            16,
            "initialize-twice",
        ),
        (Change(16, "\"variables\"", "\"launch\""), 16, "launch-twice"),
        (Without(5), 6, "before-initialized"),
        (Change(7, "setBreakpoints", "configurationDone"), 9, "configuration-done-twice"),
        (Change(16, "variables\"", "stepBack\""), 16, "not-supported"),
        (Change(7, "\"line\":5", "\"line\":5,\"condition\":\"x > 1\""), 7, "not-supported"),
        (Change(7, "\"line\":5", "\"line\":5,\"logMessage\":\"x\""), 7, "not-supported"),
        (
            Change(14, "scopes\",\"arguments\":{", "evaluate\",\"arguments\":{\"context\":\"hover\","),
            14,
            "not-supported",
        ),
        (
            After(
                17,
                r#"{"t":16,"from":"dlv","message":{"seq":9.5,"type":"request","command":"runInTerminal"}}"#,
            ),
            18,
            "not-supported-by-client",
        ),
        (
            Change(
                7,
                "setBreakpoints\",\"arguments\":{",
                "setExceptionBreakpoints\",\"arguments\":{\"filters\":[\"all\"],",
            ),
            7,
            "unknown-filter",
        ),
        (Change(14, "1000", "1001"), 14, "unknown-frame"),
        (Change(16, "1000", "1001"), 16, "unknown-variables"),
        (Change(12, "\"threadId\":1", "\"threadId\":9"), 12, "unknown-thread"),
        (Without(11), 11, "while-running"),
        (Change(11, "\"reason\":\"breakpoint\",", ""), 11, "event-without-body"),
        (Change(21, "disconnect", "threads"), 21, "after-terminated"),
        (
            After(
                21,
                r#"{"t":20,"from":"client","message":{"seq":10,"type":"request","command":"threads"}}"#,
            ),
            22,
            "after-disconnect",
        ),
        (
            After(22, r#"{"t":21,"from":"dlv","message":{"seq":13,"type":"event","event":"module"}}"#),
            23,
            "after-the-end",
        ),
        (
            After(20, r#"{"t":19,"from":"dlv","message":{"seq":11.5,"type":"event","event":"terminated"}}"#),
            21,
            "terminated-twice",
        ),
        (
            After(17, r#"{"t":16,"from":"client","message":{"seq":75,"type":"event","event":"module"}}"#),
            18,
            "event-by-client",
        ),
    ];
    let mut count = 0;
    for (plant, line, rule) in &cases {
        let found = findings(&planted(DAP, plant));
        let is_there = found.iter().any(|(at, name, _)| (at, name) == (line, rule));
        assert!(is_there, "{rule} in line {line} is not found: {found:?}");
        count += 1;
    }
    assert!(count >= 30, "{count}");
}

#[test]
fn only_json_rpc_violations_are_found() {
    use Plant::{After, Change, Instead};
    is_found(RPC, &After(3, r#"{"t":2,"from":"dlv","message":{"x":1}}"#), 4, "no-object", false);
    is_found(
        RPC,
        &After(3, r#"{"t":2,"from":"client","message":{"method":"RPCServer.State","params":[{}]}}"#),
        4,
        "no-id",
        false,
    );
    is_found(
        RPC,
        &After(3, r#"{"t":2,"from":"dlv","message":{"id":0,"result":{},"error":null}}"#),
        4,
        "answered-twice",
        false,
    );
    is_found(
        RPC,
        &After(3, r#"{"t":2,"from":"dlv","message":{"id":77,"result":{},"error":null}}"#),
        4,
        "answer-without-request",
        false,
    );
    is_found(RPC, &Change(3, "null", "\"bad\""), 3, "result-and-error", false);
    is_found(RPC, &Change(11, "\"no x\"", "{\"a\":1}"), 11, "error-without-text", false);
    is_found(RPC, &Change(10, "[{\"Expr\":\"x\"}]", "{\"Expr\":\"x\"}"), 10, "one-parameter", false);
    is_found(RPC, &Change(10, "RPCServer.Eval", "Eval"), 10, "unknown-service", false);
    is_found(RPC, &Change(7, "halt", "next"), 7, "command-while-running", false);
    is_found(RPC, &Plant::Without(11), 10, "unanswered", false);
    let late = r#"{"t":12,"from":"client","message":{"method":"RPCServer.State","params":[{}],"id":9}}"#;
    assert_eq!(findings(&planted(RPC, &After(13, late)))[0], (14, "after-detach", false));
    let twice =
        Instead(5, r#"{"t":4,"from":"client","message":{"method":"RPCServer.State","params":[{}],"id":1}}"#);
    assert!(findings(&planted(RPC, &twice)).contains(&(5, "id-in-use", false)));
}

#[test]
fn what_dlv_is_known_for_is_explained() {
    use Plant::{After, Change};
    is_found(DAP, &Change(13, "\"seq\":7", "\"seq\":0"), 13, "seq-not-rising", true);
    let again = r#"{"t":21,"from":"dlv","message":{"seq":13,"type":"event","event":"terminated","body":{}}}"#;
    let found = findings(&planted(DAP, &After(22, again)));
    assert_eq!(found, [(23, "after-the-end", true), (23, "terminated-twice", true)]);
}

/// A healthy recording with other lines in the place of those from `line` on, up to its end.
fn ending(healthy: &str, line: usize, lines: &[&str]) -> String {
    let kept = healthy.lines().take(line - 1);
    kept.chain(lines.iter().copied()).map(|line| format!("{line}\n")).collect()
}

const COMPLETE: &str = r#"{"t":90,"event":"recording_ended","detail":"complete"}"#;

#[test]
fn program_that_ends_after_disconnect_is_known() {
    let exited =
        r#"{"t":21,"from":"dlv","message":{"seq":13,"type":"event","event":"exited","body":{"exitCode":2}}}"#;
    is_found(DAP, &Plant::After(22, exited), 23, "after-the-end", true);
}

#[test]
fn failed_restart_is_answered_twice_and_known() {
    let restart = [
        r#"{"t":20,"from":"client","message":{"seq":9,"type":"request","command":"restart"}}"#,
        r#"{"t":21,"from":"dlv","message":{"seq":12,"type":"response","request_seq":9,"success":true,"command":"restart"}}"#,
        r#"{"t":22,"from":"dlv","message":{"seq":13,"type":"response","request_seq":9,"success":false,"command":"restart","message":"no"}}"#,
        r#"{"t":23,"event":"ending","cause":"client_left"}"#,
        COMPLETE,
    ];
    let mut offers = ending(DAP, 21, &restart);
    offers = offers.replace("Request\":true", "Request\":true,\"supportsRestartRequest\":true");
    assert_eq!(findings(&offers), [(23, "answered-twice", true)]);
    let twice = offers.replace("\"success\":false", "\"success\":true");
    assert_eq!(findings(&twice), [(23, "answered-twice", false)]);
}

#[test]
fn ended_program_that_is_told_to_run_is_known() {
    let lines = [
        r#"{"t":20,"from":"client","message":{"seq":9,"type":"request","command":"continue","arguments":{"threadId":1}}}"#,
        r#"{"t":21,"from":"dlv","message":{"seq":12,"type":"response","request_seq":9,"success":true,"command":"continue"}}"#,
        r#"{"t":22,"from":"dlv","message":{"seq":13,"type":"event","event":"terminated","body":{}}}"#,
        r#"{"t":23,"event":"ending","cause":"client_left"}"#,
        COMPLETE,
    ];
    let found = findings(&ending(DAP, 21, &lines));
    assert_eq!(found, [(21, "after-terminated", false), (23, "terminated-twice", true)]);
}

#[test]
fn client_that_left_is_owed_nothing() {
    let lines = |from: &str, cause: &str| {
        let stray = format!(
            r#"{{"t":20,"from":"{from}","text":"Content-Length: 90\r\n\r\n{{\"se","unframed":true}}"#
        );
        let ends = format!(r#"{{"t":21,"event":"ending","cause":"{cause}"}}"#);
        let lines = [
            r#"{"t":20,"from":"client","message":{"seq":9,"type":"request","command":"disconnect"}}"#,
            stray.as_str(),
            ends.as_str(),
            COMPLETE,
        ];
        findings(&ending(DAP, 21, &lines))
    };
    for (cause, is_known) in [("client_left", true), ("client_reset", true), ("dlv_gone", false)] {
        for from in ["client", "dlv"] {
            let expected = [(21, "unanswered", is_known), (22, "stray-bytes", is_known)];
            assert_eq!(lines(from, cause), expected, "{from}, {cause}");
        }
    }
    assert_eq!(lines("client", "disconnected")[1], (22, "stray-bytes", true));
    assert_eq!(lines("dlv", "disconnected")[1], (22, "stray-bytes", false));
    // Bytes with more after them were not cut off.
    let stray = r#"{"t":16,"from":"dlv","text":"x","unframed":true}"#;
    let left = DAP.replace("\"cause\":\"disconnected\"", "\"cause\":\"client_left\"");
    is_found(&left, &Plant::After(17, stray), 18, "stray-bytes", false);
}

#[test]
fn threads_crossing_disconnect_is_a_known_race() {
    let stopped = r#"{"t":20,"from":"dlv","message":{"seq":11.5,"type":"event","event":"stopped","body":{"reason":"pause"}}}"#;
    let threads = r#"{"t":20,"from":"client","message":{"seq":10,"type":"request","command":"threads"}}"#;
    let lines: Vec<&str> = DAP.lines().collect();
    let crossing = |between: &[&str]| ending(DAP, 22, &[between, &lines[21..]].concat());
    assert_eq!(
        findings(
            &crossing(&[&stopped.replace("11.5", "12"), threads])
                .replace("\"seq\":12,\"type\":\"response", "\"seq\":13,\"type\":\"response")
        ),
        [(23, "after-disconnect", true), (23, "unanswered", true)]
    );
    // Without such a stop there is no reason to ask.
    assert_eq!(findings(&crossing(&[threads])), [(22, "after-disconnect", false), (22, "unanswered", false)]);
}

#[test]
fn findings_that_say_the_same_are_counted() {
    let zeros = DAP.replace(
        "\"from\":\"dlv\",\"message\":{\"seq\":",
        "\"from\":\"dlv\",\"message\":{\"seq\":0,\"was\":",
    );
    let mut reader = Reader::new(zeros.as_bytes()).unwrap();
    let mut checker = Checker::new(reader.header());
    while let Some(entry) = reader.entry().unwrap() {
        checker.take(&entry);
    }
    let found = checker.finish(true);
    assert_eq!(found.len(), 11);
    let together: Vec<String> = together(&found).iter().map(ToString::to_string).collect();
    let [line] = &together[..] else { panic!("{together:?}") };
    assert!(line.starts_with("line 5: seq-not-rising: 0 after 0 (known: "), "{line}");
    assert!(line.ends_with("; 10 more like it, the last in line 22"), "{line}");
}

#[test]
fn a_recording_that_was_cut_misses_nothing() {
    let cut: String = DAP.lines().take(16).map(|line| format!("{line}\n")).collect();
    assert_eq!(findings(&cut), []);
}

/// Found by fuzzing.
#[test]
fn a_command_without_a_name_is_named_all_the_same() {
    let text = DAP.lines().take(1).chain([
        r#"{"t":1,"from":"client","message":{"seq":1,"type":"request","command":"","arguments":{}}}"#,
    ]);
    let text = text.collect::<Vec<_>>().join("\n") + "\n";
    let mut reader = Reader::new(text.as_bytes()).unwrap();
    let mut checker = Checker::new(reader.header());
    while let Some(entry) = reader.entry().unwrap() {
        checker.take(&entry);
    }
    let found = checker.finish(true);
    assert!(!found.is_empty() && found.iter().all(|one| !one.text.is_empty()), "{found:?}");
}
