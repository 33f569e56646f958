//! Which Go is installed, and which one wins.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::version::GoVersion;
use crate::doctor::context::{Context, path};
use crate::doctor::files::is_program;
use crate::doctor::finding::{Finding, Group, State, append, first_in_path, last_in_path, quoted};
use crate::doctor::tool::{self, Silent};

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
    by: &'static str,
    is_in_path: bool,
}

/// All of them, those in PATH first, in its order.
#[derive(Clone, Debug, Default)]
pub(in crate::doctor) struct Gos(pub(in crate::doctor) Vec<Go>);

impl Gos {
    /// Returns the Go that the command `go` runs.
    pub(in crate::doctor) fn winner(&self) -> Option<&Go> {
        self.0.first().filter(|go| go.is_in_path)
    }
}

impl Context {
    pub(in crate::doctor) async fn gos(&self) -> &Gos {
        let home = self.home.clone();
        let look = || async {
            tokio::task::spawn_blocking(move || Gos(installed(&path(), &home))).await.unwrap_or_default()
        };
        self.gos.get_or_init(look).await
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

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let gos = context.gos().await;
    let Some(winner) = gos.winner() else { return vec![missing(context, gos)] };
    let mut command = tokio::process::Command::new(&winner.path);
    // A wrong GOROOT or GOPATH is a finding of its own.
    command
        .arg("version")
        .current_dir("/")
        .env_remove("GOROOT")
        .env_remove("GOPATH")
        .env("GOTOOLCHAIN", "local");
    let place = winner.path.display();
    let found = match tool::run(command).await {
        Ok(said) if said.success => {
            Finding::new(Group::Go, "found", State::Good, format!("{} in {place}", said.first_line()))
        }
        Ok(said) => broken(context, winner, said.first_line()),
        Err(Silent::Slow) => {
            let seen = format!("{place} does not answer `go version`");
            Finding::new(Group::Go, "runs", State::Unknown, seen)
                .why("it may be waiting for a network or a disk")
        }
        Err(why) => broken(context, winner, why.to_string()),
    };
    std::iter::once(found).chain(several(gos)).collect()
}

fn missing(context: &Context, gos: &Gos) -> Finding {
    let why = "dlv builds what it debugs with Go: `dlv debug` and `dlv test` fail without it (`dlv exec` does not need it)";
    let Some(other) = gos.0.first() else {
        let install = context.install("go", "golang-go", "golang");
        return Finding::new(Group::Go, "found", State::Bad, "no Go is installed").why(why).remedy(install);
    };
    let line = last_in_path(other.path.parent().unwrap_or(&other.root));
    Finding::new(
        Group::Go,
        "found",
        State::Bad,
        format!("Go is in {}, which is not in PATH", other.path.display()),
    )
    .why(why)
    .remedy(line.clone())
    .remedy(append(&line, "~/.profile"))
}

fn broken(context: &Context, go: &Go, said: String) -> Finding {
    let finding =
        Finding::new(Group::Go, "runs", State::Bad, format!("{} does not run: {said}", go.path.display()))
            .why("every build fails with it");
    let others = context.gos.get().map(|gos| gos.0.as_slice()).unwrap_or_default();
    let other = others.iter().find(|other| other.path != go.path && other.version.is_some());
    match other.and_then(|other| other.path.parent()) {
        Some(folder) => {
            let line = first_in_path(folder);
            finding.remedy(line.clone()).remedy(append(&line, "~/.profile"))
        }
        None => finding.remedy(context.install("go", "golang-go", "golang")),
    }
}

/// Two in PATH are one too many where they differ; what is outside is only worth knowing.
fn several(gos: &Gos) -> Option<Finding> {
    let (winner, rest) = gos.0.split_first()?;
    let first = rest.first()?;
    let list: Vec<String> = gos.0.iter().map(describe).collect();
    let seen = format!("{} are installed: {}", gos.0.len(), list.join("; "));
    let rival = rest.iter().find(|go| go.is_in_path && go.version.is_some() && go.version != winner.version);
    let Some(rival) = rival else {
        let seen = format!("{seen}; the first wins");
        return Some(Finding::new(Group::Go, "several", State::Note, seen))
            .filter(|_| first.root != winner.root);
    };
    let finding = Finding::new(Group::Go, "several", State::Warning, seen).why(
        "two versions are in PATH, and the order of its folders decides: a shell, the IDE and a script may each build with \
         another one, and a dlv supports some versions only",
    );
    let own = [rival, winner].into_iter().find(|go| holds_go_alone(&go.path));
    Some(match own.and_then(|go| go.path.parent()) {
        Some(folder) => finding.remedy(format!("export PATH={}", quoted(path_without(folder)))),
        None => finding.remedy("type -a go"),
    })
}

fn describe(go: &Go) -> String {
    let version = go.version.map_or_else(|| "of unknown version".to_owned(), |version| version.to_string());
    let path = if go.is_in_path { "" } else { ", not in PATH" };
    format!("{} ({version}, by {}{path})", go.path.display(), go.by)
}

/// A folder that can be left out of PATH without losing anything else.
fn holds_go_alone(go: &Path) -> bool {
    let Some(folder) = go.parent() else { return false };
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.into_iter().all(|name| name == "go" || name == "gofmt")
}

fn path_without(folder: &Path) -> OsString {
    let kept: Vec<OsString> =
        path().into_iter().filter(|entry| entry != folder).map(OsString::from).collect();
    kept.join(OsStr::new(":"))
}
