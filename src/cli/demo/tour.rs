//! The demo's other stations: dlvgate's own commands, as a user types them.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::timeline::Timeline;

/// Runs one of dlvgate's commands, and shows it with what it prints; `lines` of its end, where that is said.
///
/// # Errors
/// Where it cannot be run, or fails although it `must` not.
pub(super) fn show(
    timeline: &Timeline,
    arguments: &[&OsStr],
    lines: Option<usize>,
    must: bool,
) -> anyhow::Result<()> {
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    timeline.command(&format!("dlvgate {}", words.join(" ")));
    let program = std::env::current_exe().context("this program cannot be found")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("dlvgate cannot be started again")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let all: Vec<&str> = text.lines().collect();
    let skipped = all.len().saturating_sub(lines.unwrap_or(usize::MAX));
    for line in &all[skipped..] {
        timeline.plain(line);
    }
    if must && !output.status.success() {
        bail!("`dlvgate {}` failed ({})", words.join(" "), output.status);
    }
    Ok(())
}

/// Lines of a recording's summary.
const SUMMARY: usize = 24;

/// What is left of the session: its recording, and the page made of it.
///
/// # Errors
/// Where there is none, or it breaks a rule of the protocol.
pub(super) fn recording(timeline: &Timeline, folder: &Path) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut recordings: Vec<_> =
        entries.filter(|path| path.extension() == Some(OsStr::new("jsonl"))).collect();
    recordings.sort();
    let recording = recordings.pop().context("the session was not recorded")?;
    let page = folder.join("session.html");
    let file = recording.as_os_str();
    show(timeline, &[OsStr::new("show"), file], Some(SUMMARY), true)?;
    show(timeline, &[OsStr::new("show"), OsStr::new("--check"), file], Some(1), true)?;
    show(timeline, &[OsStr::new("show"), OsStr::new("--html"), page.as_os_str(), file], None, true)?;
    timeline.heading("What is left");
    timeline.plain(&format!("the recording  {}", recording.display()));
    timeline.plain(&format!("its page       {} (open it in a browser)", page.display()));
    Ok(())
}
