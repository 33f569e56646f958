//! `snapshot`: the system's files and rulesets that matter to a gate, with their hashes, in a
//! folder.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::files::{self, Content};
use super::tools::run;
use super::{Layout, PersistError, Platform, Tools};
use crate::firewall::guard::GuardError;
use crate::firewall::guard::root_owned::check_owners;
use crate::shell::quoted_path;

/// The version of the format.
const VERSION: u32 = 1;

/// The list of its files.
pub(super) const MANIFEST: &str = "manifest.json";

/// Name of the ruleset that `rollback` compares: pf's main one, or all of nftables'.
pub(super) const RULESET: &str = "ruleset";

/// What a snapshot holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    version: u32,
    pub(super) platform: String,
    /// Seconds since the epoch.
    pub(super) taken: u64,
    /// By the file's name in the system; `None`: there was none.
    pub(super) files: BTreeMap<String, Option<Saved>>,
    /// By a name of ours: what a program printed.
    pub(super) rulesets: BTreeMap<String, Saved>,
}

/// One saved text: a file of the snapshot named after its hash.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    pub(super) sha256: String,
    pub(super) mode: u32,
}

/// Takes a snapshot into a new folder, and says what it holds: a line each.
///
/// # Errors
/// If the folder is there already, or something cannot be read.
pub fn take(layout: &Layout, tools: &Tools, folder: &Path) -> Result<Vec<String>, PersistError> {
    let failed = |said| PersistError::Io { path: folder.to_owned(), said };
    let folder = &std::path::absolute(folder).map_err(failed)?;
    if layout.is_system() {
        is_roots_alone(folder, folder)?; // `rollback` would not take it
    }
    let mut held = BTreeMap::new();
    let mut manifest = Manifest {
        version: VERSION,
        platform: format!("{:?}", layout.platform()),
        taken: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        files: BTreeMap::new(),
        rulesets: BTreeMap::new(),
    };
    for path in paths(layout) {
        let saved = files::read(&layout.at(&path))?.map(|content| keep(content, &mut held));
        manifest.files.insert(path, saved);
    }
    for (name, text) in rulesets(layout, tools)? {
        let saved = keep(Content { bytes: text.into_bytes(), mode: 0o644 }, &mut held);
        manifest.rulesets.insert(name, saved);
    }
    fs::create_dir(folder).map_err(failed)?;
    for (sha256, content) in held {
        // Only root may read a sudoers file, so only root may read a snapshot.
        files::write(&folder.join(sha256), &Content { mode: 0o600, ..content })?;
    }
    let bytes = serde_json::to_vec_pretty(&manifest).map_err(|error| failed(error.into()))?;
    files::write(&folder.join(MANIFEST), &Content { bytes, mode: 0o600 })?;
    let file = |(path, saved): (&String, &Option<Saved>)| match saved {
        Some(saved) => format!("{path}: sha256 {}", saved.sha256),
        None => format!("{path}: not there"),
    };
    let ruleset = |(name, saved): (&String, &Saved)| format!("{name}: sha256 {}", saved.sha256);
    Ok(manifest.files.iter().map(file).chain(manifest.rulesets.iter().map(ruleset)).collect())
}

/// Whether a snapshot in `folder` is root's alone: who could change it could have root install
/// anything. `checked` is the folder, or a file in it.
///
/// # Errors
/// If it is not, with a better place: `/tmp` and other shared folders stay as they are.
pub(super) fn is_roots_alone(checked: &Path, folder: &Path) -> Result<(), PersistError> {
    check_owners(checked).map_err(|error| match error {
        GuardError::UnsafeHelper { path, why } => {
            PersistError::SharedPlace { folder: folder.to_owned(), path, why, better: better_place(folder) }
        }
        other => other.into(),
    })
}

/// A place of the same name that is root's alone on both systems.
fn better_place(folder: &Path) -> String {
    let name = folder.file_name().filter(|name| *name != "..").unwrap_or(OsStr::new("dlvgate-snapshot"));
    quoted_path(&Path::new("/var").join(name))
}

/// The files of a snapshot that are there, and those that could be.
fn paths(layout: &Layout) -> Vec<String> {
    let (files, folders) = layout.of_a_snapshot();
    let mut paths: Vec<String> = files.into_iter().map(str::to_owned).collect();
    let mut add = |folder: &str, wanted: &dyn Fn(&str) -> bool| {
        let entries = fs::read_dir(layout.at(folder)).into_iter().flatten().flatten();
        let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
        let names = entries.filter(is_file).map(|entry| entry.file_name().to_string_lossy().into_owned());
        paths.extend(names.filter(|name| wanted(name)).map(|name| format!("{folder}/{name}")));
    };
    for folder in folders {
        add(folder, &|_| true);
    }
    add(layout.jobs(), &|name| name.contains("dlvgate"));
    paths.sort();
    paths
}

/// What the packet filter holds, where it may be asked.
pub(super) fn rulesets(layout: &Layout, tools: &Tools) -> Result<BTreeMap<String, String>, PersistError> {
    let mut rulesets = BTreeMap::new();
    let mut add = |name: &str, program: &PathBuf, words: &[&str]| {
        run(program, words).map(|text| rulesets.insert(name.to_owned(), text))
    };
    match (layout.platform(), &tools.pfctl, &tools.nft) {
        (Platform::Macos, Some(pfctl), _) => {
            add(RULESET, pfctl, &["-s", "rules"])?;
            add("translation", pfctl, &["-s", "nat"])?;
            add("anchors", pfctl, &["-v", "-s", "Anchors"])?;
            add("tokens", pfctl, &["-s", "References"])?;
            let anchors = run(pfctl, &["-v", "-s", "Anchors"])?;
            for anchor in anchors.lines().map(str::trim).filter(|anchor| !anchor.is_empty()) {
                let text = run(pfctl, &["-a", anchor, "-s", "rules"])?;
                rulesets.insert(format!("anchor {anchor}"), text);
            }
        }
        (Platform::Linux, _, Some(nft)) => {
            // Without counters and other states: what they count is no change.
            add(RULESET, nft, &["-s", "list", "ruleset"])?;
        }
        _ => {}
    }
    Ok(rulesets)
}

fn keep(content: Content, held: &mut BTreeMap<String, Content>) -> Saved {
    let saved = Saved { sha256: content.sha256(), mode: content.mode };
    held.insert(saved.sha256.clone(), content);
    saved
}

impl Manifest {
    /// Reads a snapshot's list.
    pub(super) fn read(folder: &Path) -> Result<Manifest, PersistError> {
        let path = folder.join(MANIFEST);
        let corrupt = |why: String| PersistError::Corrupt { path: path.display().to_string(), why };
        let content =
            files::read(&path)?.ok_or_else(|| corrupt("it is not there: is this a snapshot?".into()))?;
        let manifest: Manifest =
            serde_json::from_slice(&content.bytes).map_err(|error| corrupt(error.to_string()))?;
        if manifest.version != VERSION {
            return Err(corrupt(format!("it is of version {}", manifest.version)));
        }
        Ok(manifest)
    }
}

impl Saved {
    /// The content, if it is what was saved.
    pub(super) fn read(&self, folder: &Path) -> Result<Content, PersistError> {
        let corrupt = |why: &str| PersistError::Corrupt {
            path: folder.join(&self.sha256).display().to_string(),
            why: why.to_owned(),
        };
        if !self.sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(corrupt("its name is no hash"));
        }
        let content = files::read(&folder.join(&self.sha256))?.ok_or_else(|| corrupt("it is not there"))?;
        if content.sha256() != self.sha256 {
            return Err(corrupt("its hash is another than its name"));
        }
        Ok(Content { bytes: content.bytes, mode: self.mode })
    }
}
