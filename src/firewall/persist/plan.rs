//! A plan of changes: shown as a diff, or carried out whole or not at all.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use similar::TextDiff;

use super::files::{self, Content};
use super::tools::run;
use super::{Layout, PersistError};

/// A program and its arguments.
#[derive(Clone, Debug)]
pub(super) struct ProgramCall {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
}

impl ProgramCall {
    pub(super) fn new(program: &std::path::Path, arguments: &[&str]) -> ProgramCall {
        ProgramCall {
            program: program.to_owned(),
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        }
    }

    fn text(&self) -> String {
        format!("{} {}", self.program.display(), self.arguments.join(" "))
    }
}

/// One change.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The file gets this content; before, the checker is run on a copy beside it, whose path is
    /// its last argument.
    Write { path: String, content: Content, check: Option<ProgramCall> },
    /// The file goes.
    Remove { path: String },
    /// The folder goes, if it is empty.
    RemoveFolder { path: String },
    /// A program is run; should a later change fail, `undo` is.
    Run { call: ProgramCall, undo: Option<ProgramCall> },
    /// A program is run only should a later change fail, when that change is undone.
    OnUndo(ProgramCall),
    /// A program loads rules: those that are loaded, and what they become. `file` is made for it,
    /// and removed afterwards.
    Load {
        what: String,
        before: Content,
        after: Content,
        call: ProgramCall,
        file: Option<(PathBuf, Content)>,
    },
    /// What a program prints must hold this.
    Verify { call: ProgramCall, line: &'static str },
}

/// Changes, in their order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) changes: Vec<Change>,
    /// What people should know besides.
    pub(super) remarks: Vec<String>,
}

/// How to take a change back.
enum Undo {
    File { path: PathBuf, before: Option<Content> },
    Folders(Vec<PathBuf>),
    MakeFolder(PathBuf),
    Run(ProgramCall),
}

impl Plan {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What people should know besides.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    pub(super) fn write(&mut self, path: &str, content: Content, check: Option<ProgramCall>) {
        self.changes.push(Change::Write { path: path.to_owned(), content, check });
    }

    /// Every change as a diff; nothing is changed.
    ///
    /// # Errors
    /// If a file that is there cannot be read.
    pub fn diff(&self, layout: &Layout) -> Result<String, PersistError> {
        let mut text = String::new();
        for change in &self.changes {
            match change {
                Change::Write { path, content, .. } => {
                    let before = files::read(&layout.at(path))?;
                    text.push_str(&diff(path, before.as_ref(), Some(content)));
                }
                Change::Remove { path } => {
                    let before = files::read(&layout.at(path))?;
                    text.push_str(&diff(path, before.as_ref(), None));
                }
                Change::RemoveFolder { path } => {
                    let _ = writeln!(text, "remove the folder {path}");
                }
                Change::Run { call, .. } => {
                    let _ = writeln!(text, "run {}", call.text());
                }
                Change::Load { what, before, after, call, .. } => {
                    text.push_str(&diff(what, Some(before), Some(after)));
                    let _ = writeln!(text, "run {}", call.text());
                }
                Change::Verify { call, line } => {
                    let _ = writeln!(text, "run {}, and see that it prints `{line}`", call.text());
                }
                Change::OnUndo(_) => {}
            }
        }
        Ok(text)
    }

    /// Carries it out. Where a change fails, the ones before it are taken back.
    ///
    /// # Errors
    /// The change that failed, and what could not be taken back.
    pub fn apply(&self, layout: &Layout) -> Result<(), PersistError> {
        let mut undo = Vec::new();
        for change in &self.changes {
            if let Err(why) = change.apply(layout, &mut undo) {
                let left: Vec<String> = undo
                    .into_iter()
                    .rev()
                    .filter_map(|one: Undo| one.take_back().err())
                    .map(|e| e.to_string())
                    .collect();
                return Err(match left.as_slice() {
                    [] => why,
                    _ => PersistError::NotUndone { why: Box::new(why), left },
                });
            }
        }
        Ok(())
    }
}

impl Change {
    fn apply(&self, layout: &Layout, undo: &mut Vec<Undo>) -> Result<(), PersistError> {
        match self {
            Change::Write { path, content, check } => {
                let path = layout.at(path);
                let made = files::make_folder_of(&path)?;
                undo.push(Undo::Folders(made));
                let before = files::read(&path)?;
                if let Some(check) = check {
                    let beside = files::beside(&path);
                    files::stage(&beside, content)?;
                    let mut words = check.arguments.clone();
                    words.push(beside.display().to_string());
                    let checked = run(&check.program, &words);
                    files::remove(&beside)?;
                    checked?;
                }
                undo.push(Undo::File { path: path.clone(), before });
                files::write(&path, content)
            }
            Change::Remove { path } => {
                let path = layout.at(path);
                undo.push(Undo::File { path: path.clone(), before: files::read(&path)? });
                files::remove(&path)
            }
            Change::RemoveFolder { path } => {
                let path = layout.at(path);
                // What others have put there keeps it.
                if fs::remove_dir(&path).is_ok() {
                    undo.push(Undo::MakeFolder(path));
                }
                Ok(())
            }
            Change::Run { call, undo: back } => {
                run(&call.program, &call.arguments)?;
                undo.extend(back.clone().map(Undo::Run));
                Ok(())
            }
            Change::Load { call, file, .. } => {
                if let Some((path, content)) = file {
                    files::write(path, content)?;
                }
                let loaded = run(&call.program, &call.arguments);
                if let Some((path, _)) = file {
                    files::remove(path)?;
                }
                loaded.map(drop)
            }
            Change::OnUndo(call) => {
                undo.push(Undo::Run(call.clone()));
                Ok(())
            }
            Change::Verify { call, line } => {
                let printed = run(&call.program, &call.arguments)?;
                if printed.lines().any(|printed| printed.trim().starts_with(line)) {
                    return Ok(());
                }
                Err(PersistError::NotInForce { what: format!("`{}` does not print `{line}`", call.text()) })
            }
        }
    }
}

impl Undo {
    fn take_back(self) -> Result<(), PersistError> {
        match self {
            Undo::File { path, before: Some(before) } => files::write(&path, &before),
            Undo::File { path, before: None } => files::remove(&path),
            Undo::Folders(made) => {
                for folder in made.into_iter().rev() {
                    let _ = fs::remove_dir(folder);
                }
                Ok(())
            }
            Undo::MakeFolder(path) => {
                fs::create_dir_all(&path).map_err(|said| PersistError::Io { path, said })
            }
            Undo::Run(call) => run(&call.program, &call.arguments).map(drop),
        }
    }
}

/// Returns a unified diff; of a binary file, its size and hash.
fn diff(path: &str, before: Option<&Content>, after: Option<&Content>) -> String {
    let name = |content: Option<&Content>| if content.is_some() { path } else { "/dev/null" };
    let text = |content: Option<&Content>| match content {
        None => Some(String::new()),
        Some(content) => String::from_utf8(content.bytes.clone()).ok(),
    };
    let mut shown = match (text(before), text(after)) {
        (Some(old), Some(new)) => {
            TextDiff::from_lines(&old, &new).unified_diff().header(name(before), name(after)).to_string()
        }
        _ => {
            let describe =
                |content: &Content| format!("{} bytes, sha256 {}", content.bytes.len(), content.sha256());
            let old = before.map_or_else(|| "nothing".to_owned(), describe);
            let new = after.map_or_else(|| "nothing".to_owned(), describe);
            if old == new { String::new() } else { format!("--- {path}: {old}\n+++ {path}: {new}\n") }
        }
    };
    let mode = |content: Option<&Content>| content.map(|content| content.mode);
    if let (Some(new), old) = (mode(after), mode(before)) {
        if old != Some(new) {
            let _ = writeln!(shown, "{path}: mode {new:04o}");
        }
    }
    shown
}
