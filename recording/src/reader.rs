//! Reading a recording, line by line; one that is still being written, too.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use dlvgate_protocol::conversation;
use dlvgate_protocol::sniff::Protocol;

use super::as_dlv_reads;
use super::format::{
    COMPLETE, ENDED, InProxy, MESSAGE_MAX, PART, RecordingHeader, RecordingLine, Sender, VERSION,
};

/// Bytes of the longest line that is read: [`PART`] of which each is written as `\u0000`, and what
/// is around them.
const LINE_MAX: usize = 6 * PART + 1024 * 1024;

/// One entry of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its line in the file, from 1; of a message in parts the last.
    pub line: u64,
    /// Time since the start.
    pub at: Duration,
    /// What it is.
    pub what: EntryContent,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq)]
pub enum EntryContent {
    /// A message.
    Message(RecordedMessage),
    /// Bytes that are none.
    Stray {
        /// Their sender.
        from: Sender,
        /// As they came.
        bytes: Vec<u8>,
    },
    /// A step of the session, or the recording's end.
    Step {
        /// Its name.
        event: String,
        /// The same in words; may be empty.
        detail: String,
        /// The firewall's backend.
        firewall: Option<String>,
        /// Why the session ends, in a word.
        cause: Option<String>,
        /// How long dlvgate held what it forwarded; at the end only.
        in_proxy: Option<InProxy>,
    },
}

/// A message as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedMessage {
    /// The sender.
    pub from: Sender,
    /// DAP's body without its header, or JSON-RPC's object.
    pub body: Vec<u8>,
    /// The header as it came, if it is not `Content-Length: N` alone.
    pub header: Option<String>,
}

impl RecordedMessage {
    /// Reads what the message says of itself.
    pub fn envelope(&self, protocol: Protocol) -> conversation::Message {
        match self.from {
            Sender::Client => conversation::Message::of_client(protocol, &self.body),
            Sender::Dlv | Sender::Dlvgate => conversation::Message::of(protocol, &self.body),
        }
    }

    /// Parses the body, a client's as dlv reads it; `Null` where it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        match self.from {
            Sender::Client => as_dlv_reads::message(&self.body),
            Sender::Dlv | Sender::Dlvgate => serde_json::from_slice(&self.body).unwrap_or_default(),
        }
    }
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No such file, or no right to read it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Something else.
    #[error("this is not a dlvgate recording: {0}")]
    NotARecording(String),
    /// A newer format.
    #[error("the recording has version {0}, and this dlvgate reads up to {VERSION}: use a newer one")]
    TooNew(u32),
}

/// Something in the file that could not be read as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The line, from 1.
    pub line: u64,
    /// The fault.
    pub fault: Fault,
}

/// The fault of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The file ends in the middle of it: cut off, or still being written.
    Cut,
    /// It is none of a recording.
    Damaged(String),
    /// The last line is not a recording's last: cut off just there, or its session still runs.
    NoEnd,
    /// The recording ended before its session.
    EndedEarly(String),
    /// The last line says another number of messages than there are.
    Miscounted {
        /// What it says.
        said: u64,
        /// What there are.
        read: u64,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Fault::Cut => write!(
                f,
                "line {}: the file ends in the middle of this line; read up to the one before",
                self.line
            ),
            Fault::NoEnd => {
                write!(
                    f,
                    "line {}: the recording has no end: it was cut off, or its session still runs",
                    self.line
                )
            }
            Fault::Damaged(why) => write!(f, "line {}: passed over: {why}", self.line),
            Fault::EndedEarly(why) => write!(f, "line {}: {why}", self.line),
            Fault::Miscounted { said, read } => {
                write!(f, "line {}: {said} message(s) were recorded, and {read} are there", self.line)
            }
        }
    }
}

/// Reads entries in their order. At the end of a file that grows, ask again.
pub struct Reader<R = BufReader<File>> {
    input: R,
    header: RecordingHeader,
    /// Lines so far.
    lines: u64,
    buffer: Vec<u8>,
    /// Of each sender's message in parts, what has come, and whether it is too long.
    parts: [(Vec<u8>, bool); 3],
    /// Messages so far.
    messages: u64,
    notices: Vec<Notice>,
    is_ended: bool,
}

impl Reader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Reader, OpenError> {
        Reader::new(BufReader::with_capacity(256 * 1024, File::open(path)?))
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn new(mut input: R) -> Result<Reader<R>, OpenError> {
        let mut first = Vec::new();
        input.by_ref().take(LINE_MAX as u64).read_until(b'\n', &mut first)?;
        if first.pop() != Some(b'\n') {
            return Err(OpenError::NotARecording("it has no complete line".to_owned()));
        }
        #[derive(serde::Deserialize)]
        struct Version {
            recording: u32,
        }
        let other = |error: serde_json::Error| {
            OpenError::NotARecording(format!("its first line is not a header ({error})"))
        };
        let Version { recording } = serde_json::from_slice(&first).map_err(other)?;
        if recording > VERSION {
            return Err(OpenError::TooNew(recording));
        }
        let header = serde_json::from_slice(&first).map_err(other)?;
        Ok(Reader {
            input,
            header,
            lines: 1,
            buffer: Vec::new(),
            parts: Default::default(),
            messages: 0,
            notices: Vec::new(),
            is_ended: false,
        })
    }

    /// Returns the first line.
    pub fn header(&self) -> &RecordingHeader {
        &self.header
    }

    /// Tells whether the recording's last line was read.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Tells whether nothing is missing: all lines could be read, and the last one says so.
    pub fn is_complete(&self) -> bool {
        self.is_ended && self.notices.is_empty()
    }

    /// Returns how many messages were read so far.
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// Returns the lines that could not be read so far. Call it after the last entry: only then is
    /// a last line without an end known to be cut.
    pub fn notices(&self) -> Vec<Notice> {
        let cut = match self.buffer.is_empty() {
            false => Some(Notice { line: self.lines + 1, fault: Fault::Cut }),
            true if !self.is_ended => Some(Notice { line: self.lines, fault: Fault::NoEnd }),
            true => None,
        };
        self.notices.iter().cloned().chain(cut).collect()
    }

    /// Reads the next entry; `None` at the end of what there is.
    ///
    /// # Errors
    /// If the file cannot be read, or a line has no end.
    pub fn entry(&mut self) -> io::Result<Option<Entry>> {
        loop {
            let room = LINE_MAX - self.buffer.len();
            self.input.by_ref().take(room as u64).read_until(b'\n', &mut self.buffer)?;
            if self.buffer.last() != Some(&b'\n') {
                return if self.buffer.len() < LINE_MAX { Ok(None) } else { Err(endless(self.lines)) };
            }
            self.lines += 1;
            let line = std::mem::take(&mut self.buffer);
            let read = self.read(&line);
            self.buffer = line;
            self.buffer.clear();
            match read {
                Ok(Some(entry)) => return Ok(Some(entry)),
                Ok(None) => {}
                Err(why) => self.notices.push(Notice { line: self.lines, fault: Fault::Damaged(why) }),
            }
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<Option<Entry>, String> {
        if self.is_ended {
            return Err("it is behind the recording's last line".to_owned());
        }
        let line: RecordingLine<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let at = Duration::from_micros(line.t);
        let entry = |what| Ok(Some(Entry { line: self.lines, at, what }));
        if let Some(event) = line.event {
            let detail = line.detail.unwrap_or_default().into_owned();
            if event == ENDED {
                self.is_ended = true;
                let is_damaged = !self.notices.is_empty();
                if let Some(said) = line.messages.filter(|said| *said != self.messages && !is_damaged) {
                    let fault = Fault::Miscounted { said, read: self.messages };
                    self.notices.push(Notice { line: self.lines, fault });
                }
                if detail != COMPLETE {
                    self.notices.push(Notice { line: self.lines, fault: Fault::EndedEarly(detail.clone()) });
                }
            }
            let (firewall, cause) = (line.firewall.map(Into::into), line.cause.map(Into::into));
            return entry(EntryContent::Step {
                event: event.into_owned(),
                detail,
                firewall,
                cause,
                in_proxy: line.in_proxy,
            });
        }
        let Some(from) = line.from else { return Ok(None) };
        let decoded = |text: &str| BASE64.decode(text).map_err(|error| error.to_string());
        let body = if let Some(part) = line.part {
            let (parts, is_too_long) = &mut self.parts[from as usize];
            let part = decoded(&part)?;
            *is_too_long |= parts.len() + part.len() > MESSAGE_MAX;
            if !*is_too_long {
                parts.extend(part);
            }
            if line.more {
                return Ok(None);
            }
            let parts = std::mem::take(parts);
            if std::mem::take(is_too_long) {
                return Err(format!("its message is longer than {} MiB", MESSAGE_MAX / 1024 / 1024));
            }
            parts
        } else if let Some(message) = line.message {
            message.get().as_bytes().to_vec()
        } else if let Some(text) = line.text {
            text.into_owned().into_bytes()
        } else if let Some(base64) = line.base64 {
            decoded(&base64)?
        } else {
            return Ok(None);
        };
        if line.unframed {
            return entry(EntryContent::Stray { from, bytes: body });
        }
        self.messages += 1;
        entry(EntryContent::Message(RecordedMessage { from, body, header: line.header.map(Into::into) }))
    }
}

fn endless(lines: u64) -> io::Error {
    let mib = LINE_MAX / 1024 / 1024;
    let text = format!(
        "line {} has no end within {mib} MiB, and no line of a recording is so long; `head -n {lines} FILE` gives what is before it",
        lines + 1
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<io::Result<Entry>> {
        self.entry().transpose()
    }
}
