//! What the stand-in upstream answers, made of what a real dlv said in fixtures/sessions.

use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Requests have numbers of seven digits, so that an answer's length does not depend on them.
pub const DIGITS: usize = 7;
const NUMBER: &str = "1000000";

/// A variable or event above this many bytes is not taken: large messages consist of many small
/// ones.
const SMALL: usize = 300;
/// Of how many bytes a streamed body's repeated block is.
const BLOCK: usize = 64 * 1024;

/// A framed response in which only the number of its request changes.
#[derive(Clone)]
pub struct Reply {
    bytes: Vec<u8>,
    body_at: usize,
    number_at: usize,
}

impl Reply {
    /// `body`: a response to request [`NUMBER`].
    fn new(body: &str) -> anyhow::Result<Reply> {
        let (header, number_at) = header(body, body.len())?;
        Ok(Reply { body_at: header.len(), number_at, bytes: [header.as_bytes(), body.as_bytes()].concat() })
    }

    /// `text`: a response of Delve's JSON-RPC to request [`NUMBER`], which a new line ends.
    fn rpc(text: &str) -> anyhow::Result<Reply> {
        let number_at = text.find(NUMBER).context("a response without a number")?;
        Ok(Reply { body_at: 0, number_at, bytes: format!("{text}\n").into_bytes() })
    }

    /// The bytes that answer this request.
    pub fn to(&mut self, number: [u8; DIGITS]) -> &[u8] {
        self.bytes[self.number_at..self.number_at + DIGITS].copy_from_slice(&number);
        &self.bytes
    }

    /// The same, as header and body.
    pub fn parts_to(&mut self, number: [u8; DIGITS]) -> (&[u8], &[u8]) {
        let at = self.body_at;
        self.to(number).split_at(at)
    }
}

/// The header for a body of this length, and where in the frame the number is, which `start` has.
fn header(start: &str, length: usize) -> anyhow::Result<(String, usize)> {
    let header = format!("Content-Length: {length}\r\n\r\n");
    let number_at = start.find(NUMBER).context("a response without a number")? + header.len();
    Ok((header, number_at))
}

/// A response too large to be kept: its parts, written one after the other.
pub struct Streamed {
    pub start: Reply,
    pub block: Vec<u8>,
    pub times: usize,
    pub end: Vec<u8>,
}

/// All of the recordings that answers are made of.
pub struct Replies {
    pub initialize: Reply,
    pub evaluate: Reply,
    pub continued: Reply,
    pub disconnect: Reply,
    /// Of JSON-RPC: the value of an expression.
    pub eval: Reply,
    variables: Vec<String>,
    outputs: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    from: Option<String>,
    message: Option<Box<RawValue>>,
}

impl Replies {
    /// From the sessions recorded with the newest dlv.
    pub fn recorded() -> anyhow::Result<Replies> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/sessions/dlv-1.27");
        let (mut responses, mut variables, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        for session in ["stepping", "change", "large-data", "deep-data", "output-flood"] {
            for text in messages(&folder.join(format!("{session}.jsonl")))? {
                let message: Value = serde_json::from_str(&text)?;
                if let Some(some) = message["body"]["variables"].as_array() {
                    variables.extend(some.iter().map(Value::to_string).filter(|one| one.len() <= SMALL));
                }
                if message["event"] == "output" && text.len() <= SMALL {
                    outputs.push(framed(&text));
                }
                if message["success"] == true {
                    responses.push((message["command"].to_string(), numbered(&text, r#""request_seq":"#)?));
                }
            }
        }
        anyhow::ensure!(
            !variables.is_empty() && !outputs.is_empty(),
            "the recordings have no variables or output"
        );
        let first = |command: &str| {
            let found = responses.iter().find(|(of, _)| of.trim_matches('"') == command);
            Reply::new(&found.with_context(|| format!("no recording has an answer to {command}"))?.1)
        };
        Ok(Replies {
            initialize: first("initialize")?,
            evaluate: first("evaluate")?,
            continued: first("continue")?,
            disconnect: first("disconnect")?,
            eval: Reply::rpc(&eval(&folder.join("goland.jsonl"))?)?,
            variables,
            outputs,
        })
    }

    /// A response to `variables` of about so many bytes.
    pub fn variables(&self, bytes: usize) -> anyhow::Result<Reply> {
        let (start, end) = Self::around_variables();
        let room = bytes.saturating_sub(start.len() + end.len());
        Reply::new(&format!("{start}{}{end}", self.list(room)))
    }

    /// The same, for one that is too large to be kept.
    pub fn streamed(&self, bytes: usize) -> anyhow::Result<Streamed> {
        let (start, end) = Self::around_variables();
        let block = self.list(BLOCK) + ",";
        let end = self.variables[0].clone() + end;
        let times = bytes.saturating_sub(start.len() + end.len()) / block.len();
        let (header, number_at) = header(start, start.len() + times * block.len() + end.len())?;
        let start = Reply { body_at: header.len(), bytes: (header + start).into_bytes(), number_at };
        Ok(Streamed { start, block: block.into_bytes(), times, end: end.into_bytes() })
    }

    /// So many framed output events.
    pub fn flood(&self, events: usize) -> Vec<u8> {
        self.outputs.iter().cycle().take(events).flat_map(|one| one.bytes()).collect()
    }

    fn around_variables() -> (&'static str, &'static str) {
        let start = concat!(
            r#"{"seq":0,"type":"response","request_seq":1000000,"success":true,"#,
            r#""command":"variables","body":{"variables":["#
        );
        (start, "]}}")
    }

    /// Variables with commas between them, at least one, up to so many bytes.
    fn list(&self, bytes: usize) -> String {
        let mut text = self.variables[0].clone();
        for one in self.variables.iter().cycle().skip(1) {
            if text.len() + 1 + one.len() > bytes {
                break;
            }
            text.push(',');
            text.push_str(one);
        }
        text
    }
}

/// What dlv said in a recording, as it said it.
fn messages(path: &Path) -> anyhow::Result<Vec<String>> {
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut messages = Vec::new();
    for line in BufReader::new(file).lines() {
        let line: Line = serde_json::from_str(&line?)?;
        if let (Some("dlv"), Some(message)) = (line.from.as_deref(), line.message) {
            messages.push(message.get().to_owned());
        }
    }
    Ok(messages)
}

fn framed(body: &str) -> String {
    format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// What dlv answered to GoLand's first `RPCServer.Eval`.
fn eval(recording: &Path) -> anyhow::Result<String> {
    let messages = messages(recording)?;
    let is_value = |text: &&String| text.contains(r#""result":{"Variable":"#);
    numbered(messages.iter().find(is_value).context("the recording has no value")?, r#""id":"#)
}

/// The response with [`NUMBER`] as the number of its request, which follows `key`.
fn numbered(response: &str, key: &str) -> anyhow::Result<String> {
    let (before, after) = response.split_once(key).with_context(|| format!("a response without {key}"))?;
    let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    Ok(format!("{before}{key}{NUMBER}{rest}"))
}
