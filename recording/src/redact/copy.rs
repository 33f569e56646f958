//! A redacted copy of a recording.

use std::io::{self, BufRead, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::Redactor;
use crate::format::{COMPLETE, DAMAGED, ENDED, PART, RecordingLine};
use crate::{Entry, EntryContent, Reader, Sender};

/// Reads a recording to its end, for [`Redactor::visible`] alone.
///
/// # Errors
/// If it cannot be read.
pub fn look(reader: &mut Reader<impl BufRead>, redactor: &mut Redactor) -> io::Result<()> {
    copy(reader, redactor, &mut io::sink())
}

/// Writes the recording redacted, with its header.
///
/// # Errors
/// If it cannot be read or written.
pub fn copy(
    reader: &mut Reader<impl BufRead>,
    redactor: &mut Redactor,
    out: &mut impl Write,
) -> io::Result<()> {
    write(out, &redactor.header(&reader.header().clone()))?;
    let mut messages = 0;
    while let Some(entry) = reader.entry()? {
        let t = entry.at.as_micros() as u64;
        match entry {
            Entry { what: EntryContent::Message(message), .. } => {
                messages += 1;
                let body = redactor.message(message.from, &message.body);
                let header = message.header.map(|header| redactor.header_line(&header).into());
                message_lines(
                    RecordingLine { t, from: Some(message.from), header, ..RecordingLine::default() },
                    &body,
                    out,
                )?;
            }
            Entry { what: EntryContent::Stray { from, bytes }, .. } => {
                stray_line(t, from, &redactor.bytes(&bytes), out)?;
            }
            Entry { what: EntryContent::Step { event, detail, firewall, cause, in_proxy }, .. } => {
                let is_lost = event == ENDED && detail == COMPLETE && !reader.is_complete();
                let detail = redactor.detail(&event, if is_lost { DAMAGED } else { &detail });
                let messages = (event == ENDED).then_some(messages);
                let detail = Some(detail).filter(|detail| !detail.is_empty()).map(Into::into);
                let firewall = firewall.map(|firewall| redactor.firewall(&firewall).into());
                let cause = cause.map(|cause| redactor.cause(&cause).into());
                let line = RecordingLine {
                    t,
                    event: Some(redactor.event(&event).into()),
                    detail,
                    firewall,
                    cause,
                    messages,
                    in_proxy,
                    ..RecordingLine::default()
                };
                write(out, &line)?;
            }
        }
    }
    Ok(())
}

fn message_lines(line: RecordingLine<'_>, body: &[u8], out: &mut impl Write) -> io::Result<()> {
    if body.len() < PART {
        return write(out, &line.with_body(body));
    }
    let parts = body.chunks(PART);
    let last = parts.len() - 1;
    for (place, part) in parts.enumerate() {
        let (part, more) = (Some(BASE64.encode(part).into()), place < last);
        write(out, &RecordingLine { t: line.t, from: line.from, part, more, ..RecordingLine::default() })?;
    }
    Ok(())
}

fn stray_line(t: u64, from: Sender, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    let text = Some(String::from_utf8_lossy(bytes));
    write(out, &RecordingLine { t, from: Some(from), text, unframed: true, ..RecordingLine::default() })
}

fn write(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
