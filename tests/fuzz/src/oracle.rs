//! The program beside this crate, `oracle/`, which says what Go's own libraries read from a stream.

use std::io::{BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

/// Its builds, a path each, separated by `:`; one for each Go, since their decoders differ.
pub const VARIABLE: &str = "DLVGATE_FUZZ_ORACLES";

/// Which library reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// google/go-dap.
    Dap,
    /// net/rpc/jsonrpc.
    Rpc,
}

/// What it says of a stream.
#[derive(Debug, Deserialize)]
pub struct Seen {
    /// The messages that it read.
    pub messages: Vec<Message>,
    /// Why it read no more.
    pub end: End,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The stream's end.
    Eof,
    /// A header.
    Header,
    /// A body.
    Body,
}

/// A message as Go reads it; `oracle/main.go` tells the fields.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Message {
    pub kind: String,
    pub seq: i64,
    pub name: String,
    pub request_seq: i64,
    pub success: bool,
    pub unknown: bool,
    pub mistyped: bool,
    pub config: Option<Value>,
    pub id: String,
}

/// One of its builds, running.
#[derive(Debug)]
pub struct Oracle {
    /// Its path.
    pub name: String,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// It ends when its standard input does.
    _child: Child,
}

impl Oracle {
    /// Starts those that [`VARIABLE`] names. None is no failure here: `.ci/fuzz` says why it built
    /// none.
    pub fn all() -> Vec<Oracle> {
        let paths = std::env::var(VARIABLE).unwrap_or_default();
        paths.split(':').filter(|path| !path.is_empty()).map(Oracle::start).collect()
    }

    fn start(path: &str) -> Oracle {
        let mut child = Command::new(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Oracle { name: path.to_owned(), input, output, _child: child }
    }

    /// Asks about streams; the answers are to be heard before the next question. They must be few
    /// and short enough for a pipe.
    pub fn ask(&mut self, streams: &[(Reader, &[u8])]) {
        let mut question = Vec::new();
        for (reader, stream) in streams {
            question.push(if *reader == Reader::Dap { b'D' } else { b'R' });
            question.extend_from_slice(&(stream.len() as u32).to_le_bytes());
            question.extend_from_slice(stream);
        }
        self.input.write_all(&question).expect("it listens");
    }

    /// The next answer.
    pub fn hear(&mut self) -> Seen {
        let mut length = [0; 4];
        self.output.read_exact(&mut length).expect("it answers");
        let mut answer = vec![0; u32::from_le_bytes(length) as usize];
        self.output.read_exact(&mut answer).expect("it answers");
        serde_json::from_slice(&answer).expect("its answers are JSON")
    }
}
