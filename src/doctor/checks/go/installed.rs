//! Whether a Go is installed and runs, and whether several contradict each other.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use crate::doctor::context::{Context, path};
use crate::doctor::facts::go::{Go, Gos};
use crate::doctor::facts::tool::{self, Silent};
use crate::doctor::finding::{CheckGroup, Finding, Health, append, first_in_path, last_in_path, quoted};

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
            Finding::new(CheckGroup::Go, "found", Health::Good, format!("{} in {place}", said.first_line()))
        }
        Ok(said) => broken(context, winner, said.first_line()),
        Err(Silent::Slow) => {
            let seen = format!("{place} does not answer `go version`");
            Finding::new(CheckGroup::Go, "runs", Health::Unknown, seen)
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
        return Finding::new(CheckGroup::Go, "found", Health::Bad, "no Go is installed")
            .why(why)
            .remedy(install);
    };
    let line = last_in_path(other.path.parent().unwrap_or(&other.root));
    Finding::new(
        CheckGroup::Go,
        "found",
        Health::Bad,
        format!("Go is in {}, which is not in PATH", other.path.display()),
    )
    .why(why)
    .remedy(line.clone())
    .remedy(append(&line, "~/.profile"))
}

fn broken(context: &Context, go: &Go, said: String) -> Finding {
    let finding = Finding::new(
        CheckGroup::Go,
        "runs",
        Health::Bad,
        format!("{} does not run: {said}", go.path.display()),
    )
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

/// Warns of two different Gos in PATH; one outside PATH is only worth knowing.
fn several(gos: &Gos) -> Option<Finding> {
    let (winner, rest) = gos.0.split_first()?;
    let first = rest.first()?;
    let list: Vec<String> = gos.0.iter().map(describe).collect();
    let seen = format!("{} are installed: {}", gos.0.len(), list.join("; "));
    let rival = rest.iter().find(|go| go.is_in_path && go.version.is_some() && go.version != winner.version);
    let Some(rival) = rival else {
        let seen = format!("{seen}; the first wins");
        return Some(Finding::new(CheckGroup::Go, "several", Health::Note, seen))
            .filter(|_| first.root != winner.root);
    };
    let finding = Finding::new(CheckGroup::Go, "several", Health::Warning, seen).why(
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
