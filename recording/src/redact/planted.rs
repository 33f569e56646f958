//! A planted word is in no redacted byte, whichever field, key, stream or error of either protocol
//! it enters through.
//!
//! The places are made from the tables of `shapes.rs`: each member of each type in each message, as
//! its kind and as another, each key that no schema fixes, each field of the header, each kind of
//! bytes. Words come in several forms at each place.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use dlvgate_protocol::frame::frame;
use dlvgate_protocol::jsonrpc::error_reply;
use dlvgate_protocol::message::{error_response, output_event};
use serde_json::json;

use super::*;
use crate::recorder::{About, Recorder, Versions};
use crate::show::{EntryFilter, EntryPrinter, Style};
use crate::{Reader, format, html};

/// What each planted word begins with, and nothing else.
const MARK: &str = "Zqx7";

/// The forms that a word comes in. Each is what some list or grammar may be inclined to keep.
const FORMS: [&str; 14] = [
    "§",
    "it is § and more",
    "\"§\"",
    "/home/me/app/§.go",
    "/home/me/app/x.§",
    "a.§ == 1 // §",
    "a /* § */",
    "f(`§`, '§', \"§\\\"§\")",
    "[Go 1] main.§ (Thread 5)",
    "map[string]§",
    "{§} %+v {§",
    "127.0.0.1:§",
    "go1.§ 0x§",
    "Ünd § \u{1f511}\u{1}",
];

/// Forms of which nothing stays where names do: no name, type or file of the project.
const NO_NAMES: [&str; 6] =
    ["it is § and more", "\"§\"", "a // §", "a /* § */", "/home/you/§/x.go", "user == '§'"];

/// How long a recording's end may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Plants words into values and says where.
struct Planter {
    /// A place in [`FORMS`].
    form: &'static str,
    words: usize,
    places: BTreeSet<String>,
    /// Puts a text where the schema has a number, and an object where it has a text.
    is_misfit: bool,
    /// Has each type once in a message, and not wherever it can be.
    is_brief: bool,
}

impl Planter {
    fn new(form: &'static str, is_misfit: bool) -> Planter {
        Planter { form, words: 0, places: BTreeSet::new(), is_misfit, is_brief: form != FORMS[0] }
    }

    fn word(&mut self, way: &str) -> String {
        self.words += 1;
        self.places.insert(way.to_owned());
        self.form.replace('§', &format!("{MARK}{:08}Wj", self.words))
    }

    /// A value of this kind, planted wherever it can be.
    fn value(&mut self, kind: &'static str, way: &str, above: &mut Vec<&'static str>) -> Value {
        if let Some(kind) = kind.strip_prefix("[] ") {
            return json!([self.value(kind, &format!("{way}[]"), above)]);
        }
        if let Some(kind) = shapes::map_value(kind) {
            let key = self.word(&format!("{way} (key)"));
            return json!({key: self.value(kind, &format!("{way}{{}}"), above)});
        }
        match kind {
            "string" if self.is_misfit => {
                let (key, word) = (self.word(&format!("{way} (no text)")), self.word(way));
                json!({key: word, "type": self.word(way), "name": [self.word(way)]})
            }
            "number" | "bool" if self.is_misfit => json!(self.word(&format!("{way} (no {kind})"))),
            "string" => json!(self.word(way)),
            "number" => json!(1),
            "bool" => json!(true),
            ANY => self.foreign(way),
            kind if above.contains(&kind) => Value::Null,
            kind => {
                above.push(kind);
                let mut members: Vec<_> = Shapes::all().members(kind).unwrap().iter().collect();
                members.sort();
                let mut object = Map::new();
                for (key, kind) in members {
                    object.insert((*key).to_owned(), self.value(kind, &format!("{way}.{key}"), above));
                }
                object.insert(self.word(&format!("{way} (key)")), self.foreign(way));
                if !self.is_brief {
                    above.pop();
                }
                Value::Object(object)
            }
        }
    }

    /// What no schema knows: keys that are known elsewhere have no meaning in it.
    fn foreign(&mut self, way: &str) -> Value {
        let way = format!("{way}.*");
        let key = self.word(&format!("{way} (key)"));
        json!({key: self.word(&way), "type": self.word(&way), "command": [{"reason": self.word(&way)}], "": self.word(&way)})
    }

    /// Every message of both protocols.
    fn messages(&mut self, protocol: Protocol) -> Vec<(Sender, Value)> {
        let mut all: Vec<_> = Shapes::all().messages().collect();
        all.sort_unstable();
        let mut messages = Vec::new();
        for (number, (what, name, kind)) in all.into_iter().enumerate() {
            let is_rpc = matches!(what, "params" | "result");
            if is_rpc != (protocol == Protocol::JsonRpc) {
                continue;
            }
            let way = format!("{what} {name}");
            let mut content = self.value(kind, &way, &mut Vec::new());
            let stray = (self.word(&format!("{way} (top key)")), self.word(&format!("{way} (top)")));
            let mut message = match what {
                "request" => json!({"seq": number, "type": "request", "command": name, "arguments": content}),
                "event" => json!({"seq": number, "type": "event", "event": name, "body": content}),
                "response" if name == "*" => {
                    json!({"seq": number, "type": "response", "request_seq": 1, "success": false,
                    "command": "evaluate", "message": self.word(&format!("{way} message")), "body": content})
                }
                "response" => {
                    json!({"seq": number, "type": "response", "request_seq": 1, "success": true, "command": name, "body": content})
                }
                "params" => json!({"method": name, "params": [content], "id": number}),
                _ => {
                    messages.push((Sender::Client, json!({"method": name, "params": [{}], "id": number})));
                    json!({"id": number, "result": content.take(), "error": null})
                }
            };
            message[stray.0] = json!(stray.1);
            let is_asked = matches!(what, "request" | "params");
            messages.push((if is_asked { Sender::Client } else { Sender::Dlv }, message));
            if what == "result" {
                let error = self.word(&format!("{way} error"));
                messages.push((Sender::Client, json!({"method": name, "params": [{}], "id": -1})));
                messages.push((Sender::Dlv, json!({"id": -1, "result": null, "error": error})));
            }
        }
        messages.extend(self.envelopes());
        messages
    }

    /// Words in the envelope's own fields, one at a time, of messages that are known otherwise.
    fn envelopes(&mut self) -> Vec<(Sender, Value)> {
        let known = [
            json!({"seq": 1, "type": "request", "command": "evaluate", "arguments": {"expression": "x"}}),
            json!({"seq": 1, "type": "response", "request_seq": 1, "success": true, "command": "evaluate", "message": "", "body": {}}),
            json!({"seq": 1, "type": "event", "event": "stopped", "body": {"reason": "step"}}),
            json!({"method": "RPCServer.Eval", "params": [{"Expr": "x"}], "id": 1, "jsonrpc": "2.0"}),
            json!({"id": 1, "result": {"Variable": {}}, "error": null}),
        ];
        let mut messages = Vec::new();
        for one in known {
            for key in one.as_object().unwrap().keys() {
                for from in [Sender::Client, Sender::Dlv] {
                    let mut message = one.clone();
                    message[key] = json!(self.word(&format!("envelope {one} {key}")));
                    messages.push((from, message.clone()));
                    message[key] = self.foreign(&format!("envelope {one} {key}"));
                    messages.push((from, message));
                }
            }
        }
        messages
    }

    /// A header with a word in each text, from its own fields.
    fn header(&mut self, protocol: Protocol) -> RecordingHeader {
        let settings = format::RecordedSettings {
            firewall: Some(String::new()),
            folder: Some(String::new()),
            dlv: vec![String::new(), "--listen=".to_owned(), "--".to_owned(), String::new()],
            substitute_path: vec![String::new(), "/a=".to_owned()],
            launch_default: vec![String::new(), "env=".to_owned()],
            launch_override: vec![String::new(), "program=".to_owned()],
        };
        let header = RecordingHeader {
            recording: 1,
            protocol,
            tool: String::new(),
            start: String::new(),
            session: 1,
            client: String::new(),
            dlv: Some(String::new()),
            go: Some(String::new()),
            os: String::new(),
            settings,
            redacted: false,
            names: false,
        };
        let mut value = serde_json::to_value(&header).unwrap();
        let named = value["protocol"].clone();
        self.texts(&mut value, "header");
        value["protocol"] = named;
        serde_json::from_value(value).unwrap()
    }

    fn texts(&mut self, value: &mut Value, way: &str) {
        match value {
            Value::String(text) => text.push_str(&self.word(way)),
            Value::Array(values) => {
                for (place, value) in values.iter_mut().enumerate() {
                    self.texts(value, &format!("{way}[{place}]"));
                }
            }
            Value::Object(members) => {
                for (key, value) in members {
                    self.texts(value, &format!("{way}.{key}"));
                }
            }
            _ => {}
        }
    }

    /// Bytes that are no usual message, whole or cut, framed as the protocol has it. The last of
    /// them ends the stream's sense.
    fn bytes(&mut self, protocol: Protocol) -> Vec<Vec<u8>> {
        let mut word = |way: &str| self.word(&format!("bytes: {way}"));
        let deep = format!("{}\"{}\"{}", "[".repeat(200), word("deep"), "]".repeat(200));
        let twice = word("a key twice").replace('"', "'").replace('\\', "/").replace('\u{1}', "");
        let mut bodies = vec![
            format!(
                "{{\"{twice}\":1,\"command\":\"{twice}\",\"command\":\"launch\",\"Command\":\"{twice}\"}}"
            )
            .into_bytes(),
            format!("{{\"type\":\"request\",\n\"command\":\"{twice}\"}}").into_bytes(),
            format!("{{\"a\":{deep}}}").into_bytes(),
            [b"{\"a\":\"\xff", word("invalid UTF-8").as_bytes(), b"\"}"].concat(),
        ];
        match protocol {
            Protocol::JsonRpc => {
                bodies.push(format!("no JSON: {}", word("stray")).into_bytes());
                bodies
            }
            Protocol::Dap => {
                bodies.push(word("no JSON").into_bytes());
                bodies.push(json!([word("a list"), {word("a list's key"): 1}]).to_string().into_bytes());
                let mut wire: Vec<Vec<u8>> = bodies.iter().map(|body| frame(body).to_vec()).collect();
                let name = word("header line").replace(['\n', ' '], "-");
                wire.push(format!("X-{name}: {name}\r\nContent-Length: 2\r\n\r\n{{}}").into_bytes());
                wire.push(format!("{} GET / HTTP/1.1\r\n\r\n", word("stray")).into_bytes());
                wire
            }
        }
    }
}

/// The wire's form of a message.
fn wire(protocol: Protocol, message: &Value) -> Vec<u8> {
    match protocol {
        Protocol::Dap => frame(message.to_string().as_bytes()).to_vec(),
        Protocol::JsonRpc => format!("{message}\n").into_bytes(),
    }
}

/// Gives where a part of a word is in a text, in any encoding. Placeholders have no digit behind
/// these letters, and no capital.
fn left(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let in_lower = ["zqx7", "700000", "5a7178"].into_iter().find_map(|part| lower.find(part));
    // The last three are base64 of "Zqx7", "qx7000" and "x70000".
    in_lower.or_else(|| ["Zq", "Wj", "WnF4N", "cXg3M", "eDcwM"].into_iter().find_map(|part| text.find(part)))
}

fn assert_clean(redacted: &[u8], what: &str) {
    for line in String::from_utf8_lossy(redacted).lines() {
        let value: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{what}: {error}: {line}"));
        // Without escapes first, then as it is.
        let mut texts = Vec::new();
        all_texts(&value, &mut texts);
        let is_base64 =
            |text: &&String| !text.is_empty() && text.len() % 4 == 0 && !text.contains(['#', ' ']);
        let decoded = texts.iter().filter(is_base64).filter_map(|text| BASE64.decode(text).ok());
        let decoded: Vec<String> =
            decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
        for text in [texts.join("\n"), decoded.join("\n"), line.to_owned()] {
            if let Some(at) = left(&text) {
                let around = &text.as_bytes()[at.saturating_sub(300)..text.len().min(at + 100)];
                panic!("{what}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

/// Keys and texts, without their escapes.
fn all_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| all_texts(value, texts)),
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            texts.push(key.clone());
            all_texts(value, texts);
        }),
        _ => {}
    }
}

/// A recorder's file, recorded through tap, assembler and writer.
struct Recorded {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Recorded {
    fn new() -> Recorded {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Recorded { folder: tempfile::tempdir().unwrap(), runtime }
    }

    /// Records the messages with these settings, and returns the file.
    fn file(
        &self,
        header: &RecordingHeader,
        redact: bool,
        said: &[(Sender, Vec<u8>)],
        details: &[(&'static str, String)],
    ) -> Vec<u8> {
        let records = self.folder.path().join("records");
        let _ = std::fs::remove_dir_all(&records);
        let about = About { tool: header.tool.clone(), settings: header.settings.clone(), redact };
        let versions = Versions { dlv: header.dlv.clone(), go: header.go.clone() };
        let recorder = Recorder::new(&records, about, move || versions.clone()).unwrap();
        self.runtime.block_on(async {
            let tap = recorder.begin(header.protocol, 1, &header.client);
            for (event, detail) in details {
                tap.step(event, detail, Some("nftables"), Some("dlv_gone"));
            }
            for (from, bytes) in said {
                tap.room().await;
                // In two pieces: a word may be cut.
                let (one, other) = bytes.split_at(bytes.len() / 2);
                tap.heard(*from, one);
                tap.heard(*from, other);
            }
            tap.end().await;
        });
        // A session's end waits for a slow disk for some time only; the file's end is the thing.
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let file = std::fs::read_dir(&records).unwrap().next().unwrap().unwrap().path();
            let written = std::fs::read(file).unwrap();
            let text = String::from_utf8_lossy(&written);
            if text.lines().last().is_some_and(|line| line.contains("recording_ended")) {
                return written;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the recording has no end");
    }
}

fn redacted_copy(recording: &[u8], keeps_names: bool) -> (Vec<u8>, String) {
    let mut reader = Reader::new(recording).unwrap();
    let mut redactor = match keeps_names {
        true => Redactor::with_names(reader.header(), Some(Path::new("/home/me/app"))),
        false => Redactor::new(reader.header()),
    };
    let mut out = Vec::new();
    copy(&mut reader, &mut redactor, &mut out).unwrap();
    (out, redactor.visible().to_string())
}

/// The page of a recording.
fn page(recording: &[u8]) -> String {
    let mut out = Vec::new();
    html::page("a copy", recording, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What `dlvgate show` prints of a recording.
fn timeline(recording: &[u8], style: Style) -> String {
    let mut reader = Reader::new(recording).unwrap();
    let mut timeline = EntryPrinter::new(reader.header(), EntryFilter::default(), style);
    let mut out = Vec::new();
    while let Some(entry) = reader.entry().unwrap() {
        timeline.entry(&entry, &mut out).unwrap();
    }
    String::from_utf8_lossy(&out).into_owned() + &timeline.summary().to_string()
}

/// Steps of every name, with a word in each.
fn steps(planter: &mut Planter) -> Vec<(&'static str, String)> {
    header::events().map(|event| (event, planter.word(&format!("step {event}")))).collect()
}

/// What dlvgate says itself of a program's last words.
fn own_words(planter: &mut Planter, protocol: Protocol) -> Vec<(Sender, Vec<u8>)> {
    let text = planter.word("dlvgate's own error");
    let said = match protocol {
        Protocol::Dap => vec![error_response(1, 1, "launch", 9, &text), output_event(2, "stderr", &text)],
        Protocol::JsonRpc => vec![error_reply("1", &text)],
    };
    said.into_iter().map(|said| (Sender::Dlvgate, said.to_vec())).collect()
}

/// Plants everywhere in one recording, and looks at what was recorded redacted and at a redacted
/// copy.
fn plant(recorded: &Recorded, planter: &mut Planter, protocol: Protocol, keeps_names: bool) {
    let header = planter.header(protocol);
    let details = steps(planter);
    let mut said: Vec<(Sender, Vec<u8>)> = planter
        .messages(protocol)
        .into_iter()
        .map(|(from, message)| (from, wire(protocol, &message)))
        .collect();
    said.extend(own_words(planter, protocol));
    for from in [Sender::Client, Sender::Dlv] {
        said.extend(planter.bytes(protocol).into_iter().map(|bytes| (from, bytes)));
    }
    let what = format!("{protocol:?}, {}", planter.form);
    let whole = recorded.file(&header, false, &said, &details);
    assert!(String::from_utf8_lossy(&whole).matches(MARK).count() >= planter.words * 9 / 10);
    if !keeps_names {
        let live = recorded.file(&header, true, &said, &details);
        assert_clean(&live, &format!("recorded, {what}"));
        assert_eq!(
            live.iter().filter(|byte| **byte == b'\n').count(),
            whole.iter().filter(|byte| **byte == b'\n').count()
        );
    }
    let (copied, listed) = redacted_copy(&whole, keeps_names);
    assert_clean(&copied, &format!("copied, {what}"));
    assert!(left(&listed).is_none(), "{listed}");
    for (shown, how) in [
        (page(&copied), "page"),
        (timeline(&copied, Style::Json), "json"),
        (timeline(&copied, Style::Plain), "timeline"),
    ] {
        assert!(!shown.contains(MARK) && !shown.contains("700000"), "{how}, {what}");
    }
    // The header and the steps as another tool may have written them.
    let mut lines = vec![serde_json::to_value(&header).unwrap()];
    let step = |planter: &mut Planter| {
        let [event, detail, firewall, cause] = ["event", "detail", "firewall", "cause"]
            .map(|field| planter.word(&format!("a file's step, {field}")));
        json!({"t": 1, "event": event, "detail": detail, "firewall": firewall, "cause": cause})
    };
    lines.push(step(planter));
    lines.push(json!({"t": 1, "event": "recording_ended", "detail": planter.word("a file's end"), "x": planter.word("a file's field")}));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    assert_clean(&redacted_copy(text.as_bytes(), keeps_names).0, &format!("copied file, {what}"));
}

#[test]
fn planted_word_is_in_no_redacted_byte() {
    let recorded = Recorded::new();
    let mut places = BTreeSet::new();
    for (is_misfit, forms) in [(false, &FORMS[..]), (true, &FORMS[..3])] {
        for form in forms {
            for protocol in [Protocol::Dap, Protocol::JsonRpc] {
                let mut planter = Planter::new(form, is_misfit);
                plant(&recorded, &mut planter, protocol, false);
                places.append(&mut planter.places);
            }
        }
    }
    assert!(places.len() >= 300, "{} places", places.len());
    println!("{} places, {} forms", places.len(), FORMS.len());
}

#[test]
fn names_kept_are_names_alone() {
    let recorded = Recorded::new();
    for form in NO_NAMES {
        for protocol in [Protocol::Dap, Protocol::JsonRpc] {
            plant(&recorded, &mut Planter::new(form, false), protocol, true);
        }
    }
}

#[test]
fn long_message_is_redacted_as_a_short_one() {
    let recorded = Recorded::new();
    let mut planter = Planter::new("it is §", false);
    let header = planter.header(Protocol::Dap);
    let padding = "x".repeat(format::PART + 1000);
    let (key, word) = (planter.word("long"), planter.word("long"));
    let message =
        json!({"seq": 1, "type": "event", "event": "output", "body": {"output": padding, key: word}});
    let said = [(Sender::Dlv, wire(Protocol::Dap, &message))];
    assert_clean(&recorded.file(&header, true, &said, &[]), "recorded");
    assert_clean(&redacted_copy(&recorded.file(&header, false, &said, &[]), false).0, "copied");
}
