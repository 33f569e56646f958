//! Writes one session's recording.

use std::borrow::Cow;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use dlvgate_protocol::sniff::Protocol;

use super::assembler::{Assembler, Unit};
use super::progress::RecordingProgress;
use super::queue::{Batch, Item, RecordedStep};
use super::recording_file::RecordingFile;
use crate::format::{COMPLETE, RecordingHeader, RecordingLine, Sender};
use crate::redact::Redactor;

/// Why a recording is not complete where the disk was not full.
const TOO_SLOW: &str = "messages are missing from here on: the disk was too slow";

/// Items after which the relay may have the processor, where there is but one: what was gathered
/// may take milliseconds.
const GIVE_WAY: usize = 32;

/// Puts messages together and writes them down.
pub(super) struct Writer {
    recording_file: RecordingFile,
    client: Assembler,
    dlv: Assembler,
    dlvgate: Assembler,
    redactor: Option<Redactor>,
    units: Vec<Unit>,
    /// The last line's time.
    at: u64,
}

impl Writer {
    /// `redact`: secrets are removed before they reach the file.
    pub(super) fn new(
        mut recording_file: RecordingFile,
        protocol: Protocol,
        header: &RecordingHeader,
        redact: bool,
    ) -> io::Result<Writer> {
        let mut redactor = redact.then(|| Redactor::new(header));
        match &mut redactor {
            Some(redactor) => recording_file.line(&redactor.header(header), false)?,
            None => recording_file.line(header, false)?,
        }
        let assembler = || Assembler::new(protocol);
        Ok(Writer {
            recording_file,
            redactor,
            client: assembler(),
            dlv: assembler(),
            dlvgate: assembler(),
            units: Vec::new(),
            at: 0,
        })
    }

    /// Writes a batch into the file. Whether the session goes on.
    pub(super) fn take(&mut self, batch: &Batch) -> io::Result<bool> {
        let mut bytes = &batch.bytes[..];
        for (number, item) in batch.items.iter().enumerate() {
            if number % GIVE_WAY == GIVE_WAY - 1 {
                std::thread::yield_now();
            }
            match item {
                Item::Heard { at, from, len } => {
                    self.at = *at;
                    let (heard, rest) = bytes.split_at(*len);
                    bytes = rest;
                    self.heard(*from, heard)?;
                }
                Item::Step(step) => self.step(step)?,
                Item::End { at } => {
                    self.at = *at;
                    self.rest()?;
                    return Ok(false);
                }
            }
        }
        // The next message may take long: a reader that follows the file sees all until now.
        self.recording_file.flush()?;
        Ok(true)
    }

    fn heard(&mut self, from: Sender, bytes: &[u8]) -> io::Result<()> {
        let mut units = std::mem::take(&mut self.units);
        self.assembler(from).take(bytes, &mut units);
        for unit in units.drain(..) {
            self.unit(from, unit)?;
        }
        self.units = units;
        Ok(())
    }

    fn step(&mut self, step: &RecordedStep) -> io::Result<()> {
        self.at = step.at;
        let detail = match &mut self.redactor {
            Some(redactor) => redactor.detail(step.event, &step.detail).into(),
            None => Cow::from(&step.detail),
        };
        let line = RecordingLine {
            t: step.at,
            event: Some(step.event.into()),
            detail: Some(detail).filter(|detail| !detail.is_empty()),
            firewall: step.firewall.map(Into::into),
            cause: step.cause.map(Into::into),
            ..RecordingLine::default()
        };
        self.recording_file.line(&line, false)
    }

    /// The session is over: what has no end is not a message.
    fn rest(&mut self) -> io::Result<()> {
        for from in [Sender::Client, Sender::Dlv, Sender::Dlvgate] {
            let mut units = Vec::new();
            self.assembler(from).end(&mut units);
            for unit in units {
                self.unit(from, unit)?;
            }
        }
        Ok(())
    }

    /// The file is whole, unless the disk was too slow.
    pub(super) fn end(self, progress: &RecordingProgress) {
        let path = self.recording_file.path().to_owned();
        let detail = if progress.was_too_slow() { TOO_SLOW } else { COMPLETE };
        if let Err(error) = self.recording_file.end(self.at, detail, progress.in_proxy()) {
            tracing::warn!(target: "dlvgate::recording", path = %path.display(), "the recording could not be ended: {error}");
        }
    }

    /// The file takes no more.
    pub(super) fn give_up(self, failed: &io::Error, progress: &RecordingProgress) {
        progress.end();
        let path = self.recording_file.path().to_owned();
        tracing::warn!(target: "dlvgate::recording", path = %path.display(), "the recording ends here, the session goes on: {failed}");
        if let Err(error) = self.recording_file.give_up(self.at, failed, progress.in_proxy()) {
            tracing::warn!(target: "dlvgate::recording", path = %path.display(), "the recording's end could not be marked: {error}");
        }
    }

    fn assembler(&mut self, from: Sender) -> &mut Assembler {
        match from {
            Sender::Client => &mut self.client,
            Sender::Dlv => &mut self.dlv,
            Sender::Dlvgate => &mut self.dlvgate,
        }
    }

    /// Replaces bytes that are not a message, or too long to be parsed, by their length.
    fn redacted(&mut self, bytes: Bytes) -> Bytes {
        match &mut self.redactor {
            Some(redactor) => redactor.bytes(&bytes).into(),
            None => bytes,
        }
    }

    fn unit(&mut self, from: Sender, unit: Unit) -> io::Result<()> {
        let line = RecordingLine { t: self.at, from: Some(from), ..RecordingLine::default() };
        match unit {
            Unit::Message { header, body } => {
                let (header, body) = match &mut self.redactor {
                    Some(redactor) => (
                        header.map(|header| redactor.header_line(&header)),
                        redactor.message(from, &body).into(),
                    ),
                    None => (header, body),
                };
                let line = RecordingLine { header: header.map(Into::into), ..line };
                self.recording_file.line(&line.with_body(&body), true)
            }
            Unit::Part { bytes, more } => {
                let bytes = self.redacted(bytes);
                let line = RecordingLine { part: Some(BASE64.encode(&bytes).into()), more, ..line };
                self.recording_file.line(&line, !more)
            }
            Unit::Unframed(bytes) => {
                let bytes = self.redacted(bytes);
                let line = RecordingLine { unframed: true, ..line };
                self.recording_file.line(&line.with_bytes(&bytes), false)
            }
        }
    }
}
