//! The file that grows by whole lines, and says so at its end where it could not go on.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::format::{ENDED, InProxy, MISSING, RecordingLine};

/// Lines that are kept together before they are written.
const BUFFER: usize = 64 * 1024;

/// Lines that may be given up at a full disk, last first, to have room for the mark.
const GIVEN_UP: usize = 16;

/// Files of the same second in one folder.
const SAME_NAME: u32 = 10_000;

/// A recording that is being written.
pub(super) struct RecordingFile {
    file: File,
    path: PathBuf,
    /// Bytes that are in the file for certain: whole lines.
    written: u64,
    buffer: Vec<u8>,
    /// Where each line of the buffer ends, and whether it is a message.
    ends: Vec<(usize, bool)>,
    messages: u64,
}

impl RecordingFile {
    /// Creates a file that only its owner may read, `NAME.jsonl`, or `NAME-2.jsonl` where that is
    /// there.
    pub(super) fn create(folder: &Path, name: &str) -> io::Result<RecordingFile> {
        for number in 1..SAME_NAME {
            let number = if number == 1 { String::new() } else { format!("-{number}") };
            let path = folder.join(format!("{name}{number}.jsonl"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    let (buffer, ends) = (Vec::with_capacity(BUFFER), Vec::new());
                    return Ok(RecordingFile { file, path, written: 0, buffer, ends, messages: 0 });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line. It is in the file after [`RecordingFile::flush`] at the latest.
    pub(super) fn line(&mut self, line: &impl Serialize, is_message: bool) -> io::Result<()> {
        serde_json::to_writer(&mut self.buffer, line)?;
        self.buffer.push(b'\n');
        self.ends.push((self.buffer.len(), is_message));
        self.messages += u64::from(is_message);
        if self.buffer.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    /// Writes the buffer to the file.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.written)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.ends.clear();
        Ok(())
    }

    /// The last line: nothing is missing, or why something is.
    pub(super) fn end(mut self, t: u64, detail: &str, in_proxy: InProxy) -> io::Result<()> {
        self.line(&mark(t, self.messages, detail, in_proxy), false)?;
        self.flush()
    }

    /// Ends a file that takes no more: keeps the whole lines that are in it and says why it ends.
    /// Where there is no room even for that, the last lines are given up for it.
    pub(super) fn give_up(mut self, t: u64, why: &io::Error, in_proxy: InProxy) -> io::Result<()> {
        let mut messages =
            self.messages - self.ends.iter().filter(|(_, is_message)| *is_message).count() as u64;
        let present = self.file.metadata()?.len().saturating_sub(self.written);
        let mut kept: Vec<(u64, u64)> = vec![(self.written, messages)];
        for (end, is_message) in self.ends.drain(..).filter(|(end, _)| *end as u64 <= present) {
            messages += u64::from(is_message);
            kept.push((self.written + end as u64, messages));
        }
        let mut failed = io::Error::other("nothing is in the file");
        for (end, messages) in kept.into_iter().rev().take(GIVEN_UP) {
            self.file.set_len(end)?;
            let mut line = serde_json::to_vec(&mark(t, messages, &format!("{MISSING}{why}"), in_proxy))?;
            line.push(b'\n');
            match self.file.write_all_at(&line, end) {
                Ok(()) => return self.file.flush(),
                Err(error) => failed = error,
            }
            self.file.set_len(end)?;
        }
        Err(failed)
    }
}

fn mark(t: u64, messages: u64, detail: &str, in_proxy: InProxy) -> RecordingLine<'_> {
    RecordingLine {
        t,
        event: Some(ENDED.into()),
        detail: Some(detail.into()),
        messages: Some(messages),
        in_proxy: Some(in_proxy),
        ..RecordingLine::default()
    }
}
