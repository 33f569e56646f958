//! A recording from anywhere: it is read to its end, checked, shown without control characters for
//! the terminal, and a redacted copy has as many entries.
#![no_main]

use dlvgate_recording::check::Checker;
use dlvgate_recording::escape::printable;
use dlvgate_recording::redact::{Redactor, copy};
use dlvgate_recording::show::{EntryFilter, EntryPrinter, Style};
use dlvgate_recording::{Entry, Reader, RecordingHeader};
use libfuzzer_sys::fuzz_target;

fn read(text: &[u8]) -> Option<(RecordingHeader, Vec<Entry>, bool)> {
    let mut reader = Reader::new(text).ok()?;
    let mut entries = Vec::new();
    let mut line = 0;
    while let Some(entry) = reader.entry().expect("memory can be read") {
        assert!(entry.line > line, "lines go up");
        line = entry.line;
        entries.push(entry);
    }
    for notice in reader.notices() {
        assert!(!notice.to_string().is_empty());
    }
    Some((reader.header().clone(), entries, reader.is_ended()))
}

fuzz_target!(|input: &[u8]| {
    let Some((header, entries, is_ended)) = read(input) else { return };
    let mut checker = Checker::new(&header);
    entries.iter().for_each(|entry| checker.take(entry));
    let findings = checker.finish(is_ended);
    assert!(findings.iter().all(|finding| !finding.text.is_empty()));

    let mut shown = Vec::new();
    for style in [Style::Plain, Style::Json] {
        let mut timeline = EntryPrinter::new(&header, EntryFilter::default(), style);
        for entry in &entries {
            timeline.entry(entry, &mut shown).expect("memory takes it");
        }
        shown.extend_from_slice(printable(&timeline.summary().to_string()).as_bytes());
    }
    let shown = String::from_utf8(shown).expect("text");
    let control = shown.chars().find(|char| char.is_control() && !matches!(char, '\n' | '\t'));
    assert_eq!(control, None, "a terminal would obey it: {shown:?}");

    let mut reader = Reader::new(input).expect("it was read before");
    let mut redactor = Redactor::new(&header);
    let mut redacted = Vec::new();
    copy(&mut reader, &mut redactor, &mut redacted).expect("memory can be read and written");
    let (copied, again, _) = read(&redacted).expect("a recording");
    assert!(copied.redacted);
    assert_eq!(again.len(), entries.len(), "{}", String::from_utf8_lossy(&redacted));
});
