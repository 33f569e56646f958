//! Recordings that are cut off, damaged, or none at all.

use std::process::{Command, Output};

use dlvgate_recording::{Entry, Fault, OpenError, Reader};
use dlvgate_test_support::paths::repository;

fn session(name: &str) -> Vec<u8> {
    std::fs::read(repository().join("fixtures/sessions").join(name)).unwrap()
}

fn entries(bytes: &[u8]) -> (Vec<Entry>, Vec<Fault>) {
    let mut reader = Reader::new(bytes).unwrap();
    let entries = reader.by_ref().map(Result::unwrap).collect();
    (entries, reader.notices().into_iter().map(|notice| notice.fault).collect())
}

#[test]
fn cut_recording_reads_to_its_last_whole_line() {
    for name in ["dlv-1.20/exit-code.jsonl", "dlv-1.27/goland-halt.jsonl"] {
        let whole = session(name);
        let (all, faults) = entries(&whole);
        assert!(all.len() > 15 && faults.is_empty());
        let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for cut in 0..whole.len() {
            let part = &whole[..cut];
            if cut <= header {
                assert!(matches!(Reader::new(part), Err(OpenError::NotARecording(_))), "cut at {cut}");
                continue;
            }
            let lines = part.iter().filter(|byte| **byte == b'\n').count();
            let (read, faults) = entries(part);
            assert_eq!(read, all[..lines - 1], "cut at {cut}");
            let expected = if part.ends_with(b"\n") { Fault::NoEnd } else { Fault::Cut };
            assert_eq!(faults, [expected], "cut at {cut}");
        }
    }
}

#[test]
fn a_line_that_is_damaged_costs_that_line() {
    let mut lines: Vec<String> =
        String::from_utf8(session("dlv-1.20/exit-code.jsonl")).unwrap().lines().map(str::to_owned).collect();
    let (all, _) = entries((lines.join("\n") + "\n").as_bytes());
    lines[10] = lines[10].replace('{', "[");
    lines.insert(12, r#"{"t":99999999,"something":"of a later version"}"#.to_owned());
    let (read, faults) = entries((lines.join("\n") + "\n").as_bytes());
    assert_eq!(read.len(), all.len() - 1);
    assert!(matches!(&faults[..], [Fault::Damaged(_)]), "{faults:?}");
}

fn show(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dlvgate")).arg("show").args(words).output().unwrap()
}

#[test]
fn check_fails_where_something_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("x.jsonl"), folder.path().join("copy.jsonl"));
    let (file, to) = (path.to_str().unwrap(), copy.to_str().unwrap());
    let whole = String::from_utf8(session("dlv-1.20/exit-code.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let (header, end) = (lines[0], lines.len() - 1);
    let without =
        |lost: &str| whole.lines().filter(|line| !line.contains(lost)).collect::<Vec<_>>().join("\n");
    let damaged: Vec<&str> =
        lines.iter().map(|line| if line.contains("exited") { "[" } else { line }).collect();
    for (text, code, said) in [
        (whole.clone(), 0, ""),
        (lines[..end].join("\n"), 0, "the file ends in the middle"),
        (lines[..end].join("\n") + "\n", 0, "the recording has no end"),
        (damaged.join("\n") + "\n", 1, "passed over"),
        (without("exited") + "\n", 1, "were recorded, and"),
        (whole.clone() + lines[5] + "\n", 1, "behind the recording's last line"),
        (format!("{header}\n"), 1, "no message"),
        (format!("{header}\n{}\n", lines[end].replace("\"messages\":", "\"x\":")), 1, "no message"),
    ] {
        std::fs::write(&path, &text).unwrap();
        let output = show(&["--check", file]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told} {}", String::from_utf8_lossy(&output.stdout));
        assert!(told.contains(said), "{said}: {told}");
        for words in [["--redact", to, "--yes", "--force", file], ["--html", "-o", to, "--force", file]] {
            let output = show(&words);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(said == "no message" || told.contains(said), "{words:?}: {told}");
        }
    }
}

#[test]
fn copy_of_a_damaged_recording_is_not_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let whole = String::from_utf8(session("dlv-1.20/exit-code.jsonl")).unwrap();
    let damaged: Vec<&str> =
        whole.lines().map(|line| if line.contains("exited") { "[" } else { line }).collect();
    std::fs::write(&path, damaged.join("\n") + "\n").unwrap();
    let mut file = path;
    for copy in ["copy.jsonl", "copy-of-the-copy.jsonl"] {
        let copy = folder.path().join(copy);
        let done = show(&["--redact", copy.to_str().unwrap(), "--yes", file.to_str().unwrap()]);
        assert!(done.status.success(), "{done:?}");
        let text = std::fs::read_to_string(&copy).unwrap();
        assert!(text.lines().last().unwrap().contains("a copy of was damaged"), "{text}");
        assert_eq!(show(&["--check", copy.to_str().unwrap()]).status.code(), Some(1));
        file = copy;
    }
}

#[test]
fn line_without_an_end_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("x.jsonl"), folder.path().join("out"));
    let (file, out) = (path.to_str().unwrap(), out.to_str().unwrap());
    let header = session("dlv-1.20/exit-code.jsonl").split(|byte| *byte == b'\n').next().unwrap().to_vec();
    for (begin, said) in [(header, "line 2 has no end"), (Vec::new(), "no complete line")] {
        let line = if begin.is_empty() { begin } else { [&begin[..], b"\n"].concat() };
        std::fs::write(&path, line).unwrap();
        // A file with a hole: it has no such bytes on the disk.
        std::fs::File::options().append(true).open(&path).unwrap().set_len(8 << 30).unwrap();
        for words in
            [&[file][..], &["--check", file], &["--html", "-o", out, file], &["--redact", out, "--yes", file]]
        {
            let output = show(words);
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
            assert!(told.contains(said) && told.contains(file), "{words:?}: {told}");
        }
    }
}

#[test]
fn message_too_long_in_its_parts_is_passed_over() {
    use base64::Engine;
    let part = base64::engine::general_purpose::STANDARD.encode(vec![b'x'; 8 << 20]);
    let mut text = String::from(r#"{"recording":1,"tool":"t","protocol":"dap","start":"s"}"#) + "\n";
    for more in (0..=32).map(|number| number < 32) {
        text += &format!("{{\"t\":1,\"from\":\"dlv\",\"part\":\"{part}\",\"more\":{more}}}\n");
    }
    text += "{\"t\":2,\"from\":\"dlv\",\"part\":\"e30=\"}\n";
    let (read, faults) = entries(text.as_bytes());
    assert_eq!(read.len(), 1, "what comes behind it is read");
    assert!(
        matches!(&faults[..], [Fault::Damaged(why), Fault::NoEnd] if why.contains("256 MiB")),
        "{faults:?}"
    );
}

#[test]
fn pipe_is_not_read_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, out) = (folder.path().join("pipe"), folder.path().join("out"));
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (pipe, out) = (pipe.to_str().unwrap(), out.to_str().unwrap());
    for words in [["--html", "-o", out, pipe].as_slice(), &["--redact", out, "--yes", pipe]] {
        // Nothing writes into the pipe: who opens it waits.
        let mut command = Command::new("timeout");
        let output =
            command.args(["30", env!("CARGO_BIN_EXE_dlvgate"), "show"]).args(words).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("is not a regular file"), "{told}");
    }
}

#[test]
fn what_is_no_recording_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let file = path.to_str().unwrap();
    for (text, said) in [
        ("", "no complete line"),
        ("{\"a\":1}\n", "not a header"),
        ("{\"recording\":2,\"new\":true}\n", "use a newer one"),
        ("#!/bin/sh\n", "not a header"),
    ] {
        std::fs::write(&path, text).unwrap();
        for words in [vec![file], vec!["--check", file], vec!["--html", "-o", "/tmp/never.html", file]] {
            let output = show(&words);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{words:?} {text:?}");
            assert!(stderr.contains(said) && stderr.contains(file), "{stderr}");
        }
    }
    assert_eq!(show(&["/nowhere.jsonl"]).status.code(), Some(1));
}

#[test]
fn filters_leave_what_was_asked_for() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.27/stepping.jsonl");
    let lines = |words: &[&str]| {
        let output = show(&[words, &["--json", file]].concat());
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let all = lines(&[]);
    let next = lines(&["--command", "next"]);
    assert!(next.len() >= 6 && next.iter().all(|line| line["name"] == "next"));
    let stopped = lines(&["--event", "stopped", "--event", "gate_open"]);
    assert!(
        stopped.iter().all(|line| line["name"] == "stopped" || line["name"] == "gate_open")
            && stopped.len() > 5
    );
    let slow = lines(&["--slower-than", "1ms"]);
    assert!(!slow.is_empty() && slow.iter().all(|line| line["latency_us"].as_u64().unwrap() > 1000));
    let middle = all[all.len() / 2]["t"].as_u64().unwrap();
    let since = lines(&["--since", &format!("{middle}us")]);
    assert_eq!(since.len(), all.iter().filter(|line| line["t"].as_u64().unwrap() >= middle).count());
    let found = lines(&["--grep", "main.total"]);
    assert!(!found.is_empty() && found.len() < all.len());
}

#[test]
fn two_sessions_are_shown_where_they_part() {
    let file = |name: &str| format!("{}/fixtures/sessions/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let same = show(&[&file("dlv-1.27/debug"), &file("dlv-1.27/debug")]);
    assert_eq!(same.status.code(), Some(0));
    let other = show(&[&file("dlv-1.27/change"), &file("dlv-1.27/stepping")]);
    assert_eq!(other.status.code(), Some(1));
    let text = String::from_utf8(other.stdout).unwrap();
    assert!(text.contains("request stackTrace") || text.contains("request stepIn"), "{text}");
}

#[test]
fn foreign_recording_does_not_affect_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let text = String::from_utf8(session("dlv-1.27/exit-code.jsonl")).unwrap();
    // A title, a colour, and a line over the one before; in a command, an argument, a step and the
    // header.
    let evil = "\\u001b]0;owned\\u0007\\u001b[31m\\r";
    let text = text.replace("initialize\"", &format!("{evil}initialize\"")).replace("e2e", evil);
    let text = text
        .replace("\"go1.", &format!("\"{evil}go1."))
        .replace("dlv_starting", &format!("{evil}dlv_starting"));
    std::fs::write(&path, text).unwrap();
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.27/exit-code.jsonl");
    let file = path.to_str().unwrap();
    for words in [vec![file], vec!["--check", file], vec!["--json", file], vec![file, other]] {
        let output = show(&words);
        let said = [output.stdout, output.stderr].concat();
        assert!(said.len() > 100, "{words:?}");
        let is_harmful = |byte: &u8| *byte < b' ' && *byte != b'\n';
        assert!(!said.iter().any(is_harmful), "{words:?}: {}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn a_pager_that_is_left_is_no_failure() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sessions/dlv-1.27/output-flood.jsonl");
    for flags in ["", "--json", "--check"] {
        let script =
            format!("set -o pipefail; '{}' show {flags} {file} | head -n 1", env!("CARGO_BIN_EXE_dlvgate"));
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
        assert_eq!(output.status.code(), Some(0), "{flags}: {output:?}");
    }
}
