//! The Go programs that are debugged, from `fixtures/programs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use crate::paths;
use crate::process::debug_binaries;
use crate::toolchain::Pair;

/// A program's sources, and its binary where one was built.
pub struct Program {
    /// The folder of its sources.
    pub folder: PathBuf,
    /// Its binary; empty where none was built.
    pub binary: PathBuf,
    /// Removed with this program.
    _temporary: Option<TempDir>,
}

impl Program {
    /// A copy of the sources for one test alone, so that what dlv builds there can be looked for.
    pub fn source(name: &str) -> Self {
        let temporary = tempfile::Builder::new().prefix("dlvgate-program-").tempdir().unwrap();
        // dlv names files by their real path.
        let folder = temporary.path().canonicalize().unwrap().join(name);
        copy(&sources(name), &folder);
        Self { binary: PathBuf::new(), folder, _temporary: Some(temporary) }
    }

    /// The program, built as `mode: "exec"` wants it: once a run for each pair.
    pub fn built(pair: &Pair, name: &str) -> Self {
        static BUILT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        // dlv names files by their real path.
        let scratch = paths::scratch().canonicalize().unwrap();
        let folder = scratch.join("e2e-programs").join(pair.name).join(name);
        let binary = folder.join(format!("{name}-binary"));
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if !built.contains(&binary) {
            copy(&sources(name), &folder);
            let output = binary.to_str().expect("a path in UTF-8");
            pair.go(&folder, &["build", "-gcflags", "all=-N -l", "-o", output, "."]);
            built.insert(binary.clone());
        }
        Self { folder, binary, _temporary: None }
    }

    /// Its main source file.
    pub fn main(&self) -> PathBuf {
        self.folder.join("main.go")
    }

    /// What dlv built there must be gone.
    pub fn assert_no_binary(&self) {
        let binaries = debug_binaries(&self.folder);
        assert!(binaries.is_empty(), "binaries are left: {binaries:?}");
    }

    /// The number of the one line of main.go that holds `text`.
    pub fn line(&self, text: &str) -> i64 {
        line_of(&self.main(), text)
    }
}

/// The number of the one line of a file that holds `text`.
pub fn line_of(file: &Path, text: &str) -> i64 {
    let content = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lines = content.lines().zip(1..).filter(|(line, _)| line.contains(text));
    let numbers: Vec<i64> = lines.map(|(_, number)| number).collect();
    assert_eq!(numbers.len(), 1, "{text:?} must be on one line of {}: {numbers:?}", file.display());
    numbers[0]
}

fn sources(name: &str) -> PathBuf {
    paths::repository().join("fixtures/programs").join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
