//! The demo's other stations: dlvgate's own commands, as a user types them.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::timeline::Timeline;

/// Runs one of dlvgate's commands, and shows it with what it prints; `lines` of its end, where that
/// is said.
///
/// # Errors
/// If it cannot be run, or fails although it `must` not.
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

/// The recordings that are in a folder: what has their name's end.
pub(super) fn recordings(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension() == Some(OsStr::new("jsonl"))).collect()
}

/// Shows the session's recording, and the page made of it. `before`: other recordings in that
/// folder.
///
/// # Errors
/// If there is none, or it breaks a rule of the protocol.
pub(super) fn recording(
    timeline: &Timeline,
    folder: &Path,
    before: &BTreeSet<PathBuf>,
) -> anyhow::Result<()> {
    let recording = recordings(folder).difference(before).next().cloned();
    let recording = recording.context("the session was not recorded")?;
    // The recording's name is new, and so is the page's: a page of an earlier run stays.
    let page = recording.with_extension("html");
    let file = recording.as_os_str();
    show(timeline, &[OsStr::new("show"), file], Some(SUMMARY), true)?;
    show(timeline, &[OsStr::new("show"), OsStr::new("--check"), file], Some(1), true)?;
    let words = [OsStr::new("show"), OsStr::new("--html"), OsStr::new("-o"), page.as_os_str(), file];
    show(timeline, &words, None, true)?;
    timeline.heading("What is left");
    timeline.plain(&format!("the recording  {}", recording.display()));
    timeline.plain(&format!("its page       {} (open it in a browser)", page.display()));
    Ok(())
}
