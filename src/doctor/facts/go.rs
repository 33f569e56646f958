//! Which Go is installed, and which one wins.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::files::is_program;
use super::go_version::GoVersion;

/// Where installers and version managers put Go, with their names; `*` is any one folder.
const PLACES: [(&str, &str); 14] = [
    ("/usr/local/go/bin", "go.dev's installer"),
    ("/usr/lib/go/bin", "the distribution"),
    ("/usr/lib/*/bin", "the distribution"),
    ("/usr/bin", "the distribution"),
    ("/opt/homebrew/bin", "Homebrew"),
    ("/usr/local/bin", "Homebrew"),
    ("/snap/bin", "snap"),
    ("~/go/bin", "go install"),
    ("~/sdk/*/bin", "golang.org/dl or GoLand"),
    ("~/.goenv/versions/*/bin", "goenv"),
    ("~/.gvm/gos/*/bin", "gvm"),
    ("~/.asdf/installs/golang/*/go/bin", "asdf"),
    ("~/.local/share/mise/installs/go/*/bin", "mise"),
    ("~/.g/versions/*/bin", "g"),
];

/// A Go.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Go {
    /// The command, as it is found.
    pub(in crate::doctor) path: PathBuf,
    /// What belongs to it, by the file's own place.
    pub(in crate::doctor) root: PathBuf,
    pub(in crate::doctor) version: Option<GoVersion>,
    pub(in crate::doctor) by: &'static str,
    pub(in crate::doctor) is_in_path: bool,
}

/// All of them, those in PATH first, in its order.
#[derive(Clone, Debug, Default)]
pub(in crate::doctor) struct Gos(pub(in crate::doctor) Vec<Go>);

impl Gos {
    /// Looks in the folders of PATH, then where installers put it. Blocks.
    pub(in crate::doctor) fn find(path: &[PathBuf], home: &Path) -> Gos {
        Gos(installed(path, home))
    }

    /// Returns the Go that the command `go` runs.
    pub(in crate::doctor) fn winner(&self) -> Option<&Go> {
        self.0.first().filter(|go| go.is_in_path)
    }
}

fn installed(path: &[PathBuf], home: &Path) -> Vec<Go> {
    let mut seen = BTreeSet::new();
    let in_path = path.iter().map(|folder| (folder.clone(), true));
    let elsewhere = PLACES.iter().flat_map(|(place, _)| expanded(place, home)).map(|folder| (folder, false));
    let candidates = in_path.chain(elsewhere).map(|(folder, is_in_path)| (folder.join("go"), is_in_path));
    candidates
        .filter(|(go, _)| is_program(go))
        .filter_map(|(path, is_in_path)| Some((path.canonicalize().ok()?, path, is_in_path)))
        .filter(|(real, ..)| seen.insert(real.clone()))
        .map(|(real, path, is_in_path)| {
            let root = real.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned();
            let version = fs::read_to_string(root.join("VERSION")).ok();
            let version = version.as_deref().and_then(GoVersion::parse);
            let by = installer(&path, home).or_else(|| installer(&real, home)).unwrap_or("hand");
            Go { path, root, version, by, is_in_path }
        })
        .collect()
}

/// The folders that a place stands for.
fn expanded(place: &str, home: &Path) -> Vec<PathBuf> {
    let place = match place.strip_prefix("~/") {
        Some(below) => home.join(below).display().to_string(),
        None => place.to_owned(),
    };
    let Some((before, after)) = place.split_once('*') else { return vec![place.into()] };
    let folders = fs::read_dir(before).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = folders
        .map(|folder| folder.path().join(after.trim_start_matches('/')))
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

fn installer(path: &Path, home: &Path) -> Option<&'static str> {
    let folder = path.parent()?;
    let is_there = |place: &str| expanded(place, home).iter().any(|candidate| candidate == folder);
    PLACES.iter().find(|(place, _)| is_there(place)).map(|(_, by)| *by)
}
