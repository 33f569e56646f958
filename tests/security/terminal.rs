//! What others have written never reaches a terminal as it is: each command that shows it, with
//! text that would change the terminal's title, clear it, write backwards or over what stands
//! there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dlvgate_test_support::fake_dlv::FakeDlv;
use dlvgate_test_support::{PATIENCE, poll, script};
use serde_json::{Value, json};

use crate::place::{Place, Ran, quoted};

/// C0 with BEL, backspace and carriage return; ESC's sequences; DEL; C1's CSI; what turns the
/// direction; what ends a line.
const HOSTILE: &str =
    "MARK\x1b]0;t\x07\x1b[2J\r\x08\x0b\u{7f}\u{9b}31m\u{85}\u{202e}\u{2067}\u{200f}\u{2028}\u{e0041}END";

/// The same with the one character that no name can have.
fn hostile() -> String {
    format!("{HOSTILE}\0")
}

/// Nothing in it does anything, and what was tried is there.
fn assert_harmless(what: &str, said: &str) {
    let obeyed = |char: char| {
        let is_line = matches!(char, '\n' | '\t');
        let turns = matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let is_unseen = matches!(char, '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}');
        (char.is_control() && !is_line) || turns || is_unseen
    };
    let found: Vec<char> = said.chars().filter(|char| obeyed(*char)).collect();
    assert!(found.is_empty(), "{what}: {found:?} in {said:?}");
    assert!(said.contains("MARK"), "{what} does not show it: {said:?}");
}

fn assert_all_harmless(what: &str, ran: &Ran) {
    assert_harmless(what, &format!("{}{}", ran.stdout, ran.stderr));
}

#[test]
fn what_a_project_has_written_is_shown_without_effect() {
    let place = Place::called(HOSTILE);
    let text: String = HOSTILE.chars().map(|char| format!("\\U{:08X}", u32::from(char))).collect();
    let text = format!("\"{text}\"");
    for (file, words) in [
        (format!("dlv-cwd = {text}"), &["config"][..]),
        (format!("dlv-cwd = {text}"), &["config", "--json"]),
        (format!("{text} = 1"), &["config"]),
        (format!("log = {text}"), &["serve"]),
        (format!("dlv = {text}"), &["serve"]),
        (format!("dlv = {text}"), &["dlv", "dap"]),
        (format!("launch-default = {{ {text} = 1 }}"), &["config"]),
        (format!("dlv = {text}"), &["trust"]),
        (format!("dlv = {text}"), &["trust", "--yes"]),
        (format!("dlv = {text}"), &["trust", "--list"]),
        (format!("launch-default = {{ {text} = {text} }}"), &["trust", "--yes"]),
        (format!("{text} = 1"), &["doctor"]),
        (format!("{text} = 1"), &["doctor", "--json"]),
    ] {
        place.asks(&file);
        let ran = place.run(words);
        assert!(!ran.stderr.contains("control character"), "it is TOML: {ran:?}");
        assert_all_harmless(&format!("{words:?} with {file:?}"), &ran);
    }
}

/// Not even TOML.
#[test]
fn what_cannot_be_read_is_told_without_effect() {
    let place = Place::called(HOSTILE);
    for words in [&["config"][..], &["trust"], &["serve"]] {
        for file in [format!("dlv = {HOSTILE}"), format!("{HOSTILE} = 1"), format!("# {HOSTILE}\n[")] {
            place.asks(&file);
            assert_all_harmless(&format!("{words:?} with {file:?}"), &place.run(words));
        }
    }
}

/// A recording in which everything that can be a text is hostile.
fn recording(place: &Place, name: &str, answer: &str) -> PathBuf {
    let text = hostile();
    let request = |seq: i64, command: &str| json!({"seq": seq, "type": "request", "command": command, "arguments": {"clientID": text, "program": text, &text: text}});
    let from = |t: u64, who: &str, message: Value| json!({"t": t, "from": who, "message": message});
    let lines = [
        json!({"recording": 1, "tool": text, "protocol": "dap", "start": "2026-11-24T09:12:44.041873Z", "session": 1, "client": text,
            "dlv": text, "go": text, "os": text, "redacted": false, "settings": {"firewall": text, "folder": text, "dlv": [text],
            "substitute_path": [text], "launch_default": [text], "launch_override": [text]}}),
        from(10, "client", request(1, "initialize")),
        from(
            20,
            "dlv",
            json!({"seq": 1, "type": "response", "request_seq": 1, "success": false, "command": text,
            "message": answer, "body": {"error": {"id": 1, "format": answer}}}),
        ),
        from(
            30,
            "dlv",
            json!({"seq": 2, "type": "event", "event": "output", "body": {"category": text, "output": text}}),
        ),
        from(40, "dlv", json!({"seq": 3, "type": "event", "event": text, "body": {"output": {&text: text}}})),
        from(50, "client", request(2, &format!("{answer} asked"))),
        from(60, "dlv", json!({"seq": 4, "type": text, "command": text})),
        json!({"t": 70, "from": "client", "text": text}),
        json!({"t": 80, "from": "dlv", "text": text, "unframed": true}),
        json!({"t": 90, "event": text, "detail": text, "cause": text, "firewall": text}),
        json!({"t": 100, "event": "ending", "detail": text, "cause": text}),
    ];
    let text: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = place.project().join(name);
    std::fs::write(&path, text.concat() + "{ damaged \u{9b}\n").unwrap();
    path
}

#[test]
fn what_a_recording_has_is_shown_without_effect() {
    let place = Place::called(HOSTILE);
    let one = recording(&place, "one.jsonl", &hostile());
    let other = recording(&place, &format!("{HOSTILE}.jsonl"), &format!("another {HOSTILE}"));
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    let missing = format!("{HOSTILE}.missing");
    for words in [
        &["show", other][..],
        &["show", "--json", other],
        &["show", "--check", other],
        &["show", one, other],
        &["show", "--redact", &format!("{HOSTILE}.copy"), "--yes", other],
        &["show", "--html", "-o", &format!("{HOSTILE}.html"), other],
        &["show", &missing],
        &["replay", "--as", "dlv", &missing],
    ] {
        assert_all_harmless(&words.join(" "), &place.run(words));
    }
}

/// The first line of its standard output.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

#[test]
fn replay_reports_terminal_escapes_harmlessly() {
    let place = Place::new();
    let (one, other) = (
        recording(&place, "one.jsonl", &hostile()),
        recording(&place, "other.jsonl", &format!("another {HOSTILE}")),
    );
    let mut as_dlv = place.command(&["replay", "--as", "dlv", one.to_str().unwrap()]);
    let mut as_dlv = as_dlv.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let line = first_line(&mut as_dlv);
    let address = line.trim_end().rsplit(' ').next().unwrap();
    let words = ["replay", "--as", "client", "--timeout", "5", "--connect", address, other.to_str().unwrap()];
    assert_all_harmless("as client", &place.run(&words));
    assert_all_harmless("as dlv", &Ran::from(as_dlv.wait_with_output().unwrap()));
}

/// A server that is ended when this is dropped.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Its log, as far as it has come when something in it says `until`, after a client has said this.
fn log_of(mut command: Command, client: &[u8], until: &str) -> String {
    let mut serving = Serving(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let (said, told) = std::sync::mpsc::channel();
    let mut stderr = serving.0.stderr.take().unwrap();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = stderr.read(&mut chunk) {
            let _ = said.send(chunk[..read].to_vec());
        }
    });
    let line = first_line(&mut serving.0);
    let address: SocketAddr = line.trim_end().rsplit(' ').next().unwrap().parse().expect("the ready line");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(client).unwrap();
    let mut log = Vec::new();
    poll(PATIENCE, || {
        log.extend(told.try_iter().flatten());
        String::from_utf8_lossy(&log).contains(until).then_some(())
    })
    .unwrap_or_else(|| panic!("no {until:?} in {:?}", String::from_utf8_lossy(&log)));
    String::from_utf8(log).unwrap()
}

#[test]
fn what_a_client_has_sent_is_logged_without_effect() {
    let place = Place::new();
    let header = format!("Content-Length: {HOSTILE}\r\nforged\n\r\n");
    for form in ["text", "json"] {
        let serve = place.command(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--firewall",
            "off",
            "-vv",
            "--log-format",
            form,
        ]);
        assert_harmless(form, &log_of(serve, header.as_bytes(), "MARK"));
    }
}

/// dlv's reason is several lines of another program's.
#[test]
fn dlv_output_is_logged_escaped_as_one_entry() {
    let place = Place::new();
    let words = place.path("words");
    std::fs::write(&words, format!("{HOSTILE}\n2026-11-28T00:00:00Z  INFO forged: an entry\n")).unwrap();
    // Where dlv listens has to be known; what it says there is no address.
    let dlv = FakeDlv::new(&format!("cat {} >&2; exit 3", quoted(&words)));
    let listen =
        ["serve", "--listen", "127.0.0.1:0", "--firewall", "off", "--dlv", dlv.path.to_str().unwrap()];
    let request = b"Content-Length: 46\r\n\r\n{\"seq\":1,\"type\":\"request\",\"command\":\"threads\"}";
    let log = log_of(place.command(&listen), request, "closed");
    // What dlv prints is passed on as it prints it, as if it were started here; the entry is
    // dlvgate's.
    let entry = log.lines().find(|line| line.contains("\"ending\"")).expect("the end is logged");
    assert_harmless("the end", entry);
    assert!(entry.contains("forged"), "it is one entry: {entry:?}");
    let mut json = listen.to_vec();
    json.extend(["--log-format", "json"]);
    let log = log_of(place.command(&json), request, "\"closed\"");
    let entry = log.lines().find(|line| line.contains("\"ending\"")).expect("the end is logged");
    assert_harmless("the end as JSON", entry);
}

/// A program that says such things and fails, in nft's place.
fn refusing_nft(place: &Place) -> String {
    let program = place.path("refuses");
    script::write(&program, &format!("#!/bin/sh\nprintf '%s' '{HOSTILE}' >&2; exit 1\n"));
    program.to_str().unwrap().to_owned()
}

/// In a terminal the log has colours: those are all.
#[test]
fn terminal_log_has_only_its_own_colours() {
    let place = Place::new();
    let status = place.command(&["firewall", "status"]);
    let words = format!(
        "{} firewall status --journals {} --nft {}",
        quoted(Path::new(status.get_program())),
        quoted(&place.path("journals")),
        refusing_nft(&place)
    );
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-f", "-c", &words, "/dev/null"]).env_clear();
    script.envs(status.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("TERM", "xterm");
    let output = script.current_dir(place.project()).stdin(Stdio::null()).output().expect("script runs");
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("\x1b[2m") && shown.contains("WARN"), "a log with colours: {shown:?}");
    assert_harmless("the log", &without_colours(&shown.replace("\r\n", "\n")));
}

/// Without `ESC [ digits ; … m`.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|char: char| char.is_ascii_digit() || char == ';');
        match rest.strip_prefix('m') {
            Some(rest) => plain += rest,
            None => plain += &format!("\x1b[{part}"),
        }
    }
    plain
}

#[test]
fn machine_names_are_shown_escaped() {
    let place = Place::called(HOSTILE);
    let path = format!("{}:/usr/bin:/bin", place.project().display());
    // A dlv and a Go in a folder of that name, which say such things.
    for name in ["dlv", "go"] {
        let script = format!(
            "#!/bin/sh\nprintf '%s\\n' 'Version: {HOSTILE}' >&2; printf '%s\\n' 'Version: {HOSTILE}'; exit 1\n"
        );
        script::write(&place.project().join(name), &script);
    }
    // What a dlv prints itself is passed on as it is: this one is silent.
    let quiet = place.project().join("quiet-dlv");
    assert!(Command::new("cp").args([Path::new("/bin/false"), &quiet]).status().unwrap().success());
    let demo = ["demo", "--firewall", "off", "--dlv", quiet.to_str().unwrap()];
    for words in [&["doctor"][..], &["doctor", "--json"], &demo] {
        let mut command = place.command(words);
        command.env("PATH", &path).env("GOPATH", HOSTILE).env("GOFLAGS", HOSTILE).env("GOROOT", HOSTILE);
        assert_all_harmless(&words.join(" "), &Ran::from(command.output().unwrap()));
    }
}

#[test]
fn filter_and_journal_texts_are_shown_escaped() {
    let place = Place::new();
    let text = hostile();
    let ruleset = json!({"nftables": [
        {"metainfo": {"version": "1.0.9", "json_schema_version": 1}},
        {"table": {"family": "inet", "name": text, "handle": 1}},
        {"chain": {"family": "inet", "table": text, "name": text, "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
        {"rule": {"family": "inet", "table": text, "chain": text, "handle": 2, "comment": text, "expr": [{&text: text}, {"drop": null}]}},
    ]});
    let rules = place.path("ruleset.json");
    std::fs::write(&rules, ruleset.to_string()).unwrap();
    let nft = FakeDlv::new("");
    let fake = nft.file("nft");
    script::write(&fake, &format!("#!/bin/sh\ncat {}\n", quoted(&rules)));
    let fake = fake.to_str().unwrap();
    let explain = ["firewall", "explain", "--port", "2345", "--from", "192.0.2.5", "--nft", fake];
    assert_all_harmless("explain", &place.run(&explain));
    assert_all_harmless("explain --json", &place.run(&[&explain[..], &["--json"]].concat()));
    let refuses = refusing_nft(&place);
    let explain = ["firewall", "explain", "--port", "2345", "--from", "192.0.2.5", "--nft", &refuses];
    assert_all_harmless("explain without rules", &place.run(&explain));

    let journals = place.path("journals");
    std::fs::create_dir(&journals).unwrap();
    std::fs::set_permissions(&journals, PermissionsExt::from_mode(0o755)).unwrap();
    for name in [format!("{HOSTILE}.json"), "4711.json".to_owned()] {
        std::fs::write(journals.join(name), json!({"guard": text, &text: text}).to_string()).unwrap();
    }
    let journals = journals.to_str().unwrap();
    for words in [&["firewall", "status"][..], &["firewall", "status", "--json"], &["firewall", "sweep"]] {
        let words = [words, &["--journals", journals, "--nft", fake]].concat();
        assert_all_harmless(&words.join(" "), &place.run(&words));
    }
    for form in ["text", "json"] {
        let status = ["firewall", "status", "--nft", &refuses, "--log-format", form];
        assert_all_harmless(form, &place.run(&status)); // in the log
    }
}
