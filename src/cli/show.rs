//! `dlvgate show`: a recording for people.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use dlvgate_recording::check::{self, Checker};
use dlvgate_recording::format::DAMAGED;
use dlvgate_recording::html;
use dlvgate_recording::redact::{self, Redactor};
use dlvgate_recording::show::{EntryFilter, EntryPrinter, Style, compare};
use dlvgate_recording::{Entry, Fault, Notice, Reader, RecordingHeader};

use super::colour;
use super::exit::{FAILURE, usage};
use super::output::{self, OutputFile};
use crate::escape::printable;
use crate::stdio::{ask, is_reader_gone, say};

/// How often a recording that grows is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Show a recorded session: a timeline with the time of each answer, and a summary
///
/// Each line has the time since the client's first byte in milliseconds, the sender, the kind of
/// message, and the beginning of its content. Answers also have the time since their request. With
/// two recordings, it prints where they differ; process ids, addresses, times and folders may
/// differ.
///
/// Exit code: 0, or 1 if two recordings differ, a rule is broken, or --check finds that a part of
/// the recording is lost. A recording without its end is reported and is no failure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  dlvgate show session.jsonl
  dlvgate show --command evaluate --slower-than 50ms session.jsonl
  dlvgate show --follow session.jsonl            # while it is being recorded
  dlvgate show yesterday.jsonl today.jsonl       # where they part
  dlvgate show --check session.jsonl             # is it the protocol's, or the editor's, fault?
  dlvgate show --html -o session.html session.jsonl
  dlvgate show --redact to-send.jsonl session.jsonl
  dlvgate show --json session.jsonl | jq 'select(.success == false)'")]
pub(super) struct ShowArgs {
    /// Show only requests and answers of this command, or method with or without `RPCServer.`; may
    /// be repeated
    #[arg(long, value_name = "NAME")]
    command: Vec<String>,
    /// Show only events of this name, or steps of the session such as gate_open; may be repeated
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,
    /// Show only messages after this time: 1500ms, 2s, 1m 30s
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    since: Option<Duration>,
    /// Show only answers that took longer: 50ms
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    slower_than: Option<Duration>,
    /// Show only messages that contain this text, as it is in the message
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
    /// Continue as the recording grows, until its end
    #[arg(long, conflicts_with = "other")]
    follow: bool,
    /// Print one JSON object per line, and no summary
    #[arg(long, conflicts_with = "other")]
    json: bool,
    /// Write a page for a browser: a sequence diagram and a latency timeline, with search; it loads
    /// nothing from elsewhere
    #[arg(long, group = "written", conflicts_with_all = ["follow", "json", "check", "redact", "command", "event", "since", "slower_than", "grep"])]
    html: bool,
    /// With --html: the file to write
    #[arg(short, long, value_name = "OUT", requires = "html")]
    output: Option<PathBuf>,
    /// Write a copy without your code, paths and values: only words of the protocol, numbers and
    /// times stay. It lists first what stays
    #[arg(long, value_name = "OUT", group = "written", conflicts_with_all = ["other", "follow", "json", "check", "command", "event", "since", "slower_than", "grep"])]
    redact: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, requires = "written")]
    force: bool,
    /// With --redact: keep names of functions, variables and types, and of the project's files
    #[arg(long, requires = "redact")]
    keep_names: bool,
    /// With --keep-names: the folder whose file names are kept [default: the program's folder and
    /// dlv's]
    #[arg(long, value_name = "DIR", requires = "keep_names")]
    project: Option<PathBuf>,
    /// With --redact: do not ask before writing
    #[arg(long, requires = "redact")]
    yes: bool,
    /// Check the recording against the rules of the protocol, and report what breaks them; known
    /// behaviour of dlv and clients is reported and is no failure
    #[arg(long, conflicts_with_all = ["other", "follow", "json", "command", "event", "since", "slower_than", "grep"])]
    check: bool,
    /// The recording
    file: PathBuf,
    /// Another recording to compare with
    #[arg(value_name = "OTHER")]
    other: Option<PathBuf>,
}

pub(super) fn run(args: ShowArgs) -> anyhow::Result<ExitCode> {
    match &args.other {
        _ if args.html => page(&args),
        Some(other) => part(&args.file, other),
        None if args.redact.is_some() => redact(&args),
        None if args.check => hold_against_rules(&args.file),
        None => show(&args),
    }
}

fn open(file: &Path) -> anyhow::Result<Reader> {
    Reader::open(file).with_context(|| file.display().to_string())
}

fn style(json: bool) -> Style {
    match json {
        true => Style::Json,
        false if colour::is_wanted(&io::stdout()) => Style::Coloured,
        false => Style::Plain,
    }
}

fn show(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let mut reader = open(&args.file)?;
    let filter = EntryFilter {
        commands: args.command.clone(),
        events: args.event.clone(),
        since: args.since.unwrap_or_default(),
        slower_than: args.slower_than,
        grep: args.grep.clone(),
    };
    let style = style(args.json);
    let mut timeline = EntryPrinter::new(reader.header(), filter, style);
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = (|| {
        loop {
            while let Some(entry) = next(&mut reader, &args.file)? {
                timeline.entry(&entry, &mut out)?;
            }
            if !args.follow || reader.is_ended() {
                break;
            }
            out.flush()?;
            std::thread::sleep(LOOK);
        }
        if !args.json {
            writeln!(out, "\n{}", printable(&timeline.summary().to_string()))?;
        }
        out.flush()
    })();
    let code = unless_reader_is_gone(printed)?;
    say_notices(&reader, &args.file);
    Ok(code)
}

fn next(reader: &mut Reader, file: &Path) -> io::Result<Option<Entry>> {
    reader.entry().map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())))
}

fn say_notices(reader: &Reader, file: &Path) {
    for notice in reader.notices() {
        say!("dlvgate: {}", printable(&format!("{}: {notice}", file.display())));
    }
}

/// A pager that was left is no failure.
fn unless_reader_is_gone(printed: io::Result<()>) -> io::Result<ExitCode> {
    match printed {
        Err(error) if is_reader_gone(&error) => Ok(ExitCode::SUCCESS),
        printed => printed.map(|()| ExitCode::SUCCESS),
    }
}

fn hold_against_rules(file: &Path) -> anyhow::Result<ExitCode> {
    let mut reader = open(file)?;
    let mut checker = Checker::new(reader.header());
    while let Some(entry) = next(&mut reader, file)? {
        checker.take(&entry);
    }
    let findings = checker.finish(reader.is_complete());
    say_notices(&reader, file);
    if reader.messages() == 0 {
        anyhow::bail!("{}: it has no message to check", file.display());
    }
    let broken = findings.iter().filter(|finding| finding.explained.is_none()).count();
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = (|| {
        check::together(&findings)
            .iter()
            .try_for_each(|alike| writeln!(out, "{}", printable(&alike.to_string())))?;
        writeln!(
            out,
            "{broken} finding(s), and {} known ways of dlv and of clients",
            findings.len() - broken
        )?;
        out.flush()
    })();
    unless_reader_is_gone(printed)?;
    // Rules are not checked where messages are missing. A missing end is usual: dlvgate was killed,
    // or the session runs.
    let is_damaged = |notice: &Notice| match &notice.fault {
        Fault::Damaged(_) | Fault::Miscounted { .. } => true,
        Fault::EndedEarly(why) => why == DAMAGED,
        Fault::Cut | Fault::NoEnd => false,
    };
    let is_damaged = reader.notices().iter().any(is_damaged);
    Ok(if broken == 0 && !is_damaged { ExitCode::SUCCESS } else { ExitCode::from(FAILURE) })
}

/// The page contains the program's values as the recording does: only its owner may read it.
fn page(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let (Some(out), None) = (args.output.as_deref(), &args.other) else {
        return Err(usage(
            "--html takes one recording, and the page's file with -o: dlvgate show --html -o session.html session.jsonl",
        ));
    };
    check_is_file(&args.file)?;
    let mut reader = open(&args.file)?; // it is a recording
    while next(&mut reader, &args.file)?.is_some() {}
    let recording = BufReader::new(File::open(&args.file)?);
    let mut page = OutputFile::new(out, &args.file, args.force)?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    html::page(&name, recording, &mut page)?;
    page.finish()?;
    say_notices(&reader, &args.file);
    say!("written to {}", printable(&out.display().to_string()));
    Ok(ExitCode::SUCCESS)
}

/// Refuses what gives its bytes once, before it is opened: a pipe's other end may never come.
fn check_is_file(file: &Path) -> anyhow::Result<()> {
    let meta = file.metadata().with_context(|| file.display().to_string())?;
    anyhow::ensure!(
        meta.is_file(),
        "{} is not a regular file, and it is read twice: write what comes from it into a file first",
        file.display()
    );
    Ok(())
}

/// Lists what stays, then writes.
fn redact(args: &ShowArgs) -> anyhow::Result<ExitCode> {
    let out = args.redact.as_deref().context("no --redact")?;
    output::check(out, &args.file, args.force)?; // before it asks
    check_is_file(&args.file)?;
    let mut reader = open(&args.file)?;
    let redactor = |header: &RecordingHeader| match args.keep_names {
        true => Redactor::with_names(header, args.project.as_deref()),
        false => Redactor::new(header),
    };
    let mut looked = redactor(reader.header());
    redact::look(&mut reader, &mut looked).with_context(|| args.file.display().to_string())?;
    say!("{}", printable(&looked.visible().to_string()));
    for folder in looked.project() {
        say!("  the project is in {}", printable(folder));
    }
    let asks = !args.yes && io::stdin().is_terminal() && io::stderr().is_terminal();
    if asks && !agreed(out)? {
        say!("nothing is written");
        return Ok(ExitCode::from(FAILURE));
    }
    let mut reader = open(&args.file)?;
    let mut redactor = redactor(reader.header());
    let mut file = OutputFile::new(out, &args.file, args.force)?;
    redact::copy(&mut reader, &mut redactor, &mut file).with_context(|| args.file.display().to_string())?;
    file.finish()?;
    say_notices(&reader, &args.file);
    say!("written to {}", printable(&out.display().to_string()));
    Ok(ExitCode::SUCCESS)
}

fn agreed(out: &Path) -> io::Result<bool> {
    ask!("write {}? [y/N] ", printable(&out.display().to_string()));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn part(file: &Path, other: &Path) -> anyhow::Result<ExitCode> {
    let (alike, parting) = compare(open(file)?, open(other)?)?;
    match parting {
        None => {
            let alike = format!("the conversations are alike: {alike} message(s)");
            Ok(unless_reader_is_gone(writeln!(io::stdout(), "{alike}"))?)
        }
        Some(parting) => {
            let (file, other) = (file.display(), other.display());
            let said = format!("A  {file}\nB  {other}\n{parting}");
            unless_reader_is_gone(writeln!(io::stdout(), "{}", printable(&said)))?;
            Ok(ExitCode::from(FAILURE))
        }
    }
}
