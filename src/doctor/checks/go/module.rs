//! The module of this folder, and whether Go looks at it.

use std::fs;
use std::path::{Path, PathBuf};

use super::environment::unset;
use crate::doctor::context::{Context, variable};
use crate::doctor::facts::go::Gos;
use crate::doctor::facts::go_env::GoEnv;
use crate::doctor::facts::go_version::GoVersion;
use crate::doctor::finding::{CheckGroup, Finding, Health, first_in_path};

/// The first Go that fetches a newer one where a module asks for it.
const FETCHES: GoVersion = GoVersion { major: 1, minor: 21 };

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let gos = context.gos().await;
    let Some(version) = gos.winner().map(|go| go.version) else { return Vec::new() };
    let env = context.go_env().await;
    let file = go_mod(&context.folder);
    let mode = env.get("GO111MODULE").unwrap_or_default();
    if mode == "off" {
        let (state, seen) = match &file {
            Some(file) => (Health::Bad, format!("GO111MODULE is off, and {} is ignored", file.display())),
            None => (Health::Warning, "GO111MODULE is off: go works in GOPATH mode".to_owned()),
        };
        let why = "go takes no dependency from go.mod, and `dlv debug` says that a package is not in GOROOT";
        let finding = Finding::new(CheckGroup::Go, "modules", state, seen).why(why);
        return vec![finding.undoable_remedies(unset(context, "GO111MODULE", mode))];
    }
    let Some(file) = file else {
        let seen =
            "there is no go.mod in this folder or above: `dlv debug` needs one here, `dlv exec` does not";
        return vec![Finding::new(CheckGroup::Go, "modules", Health::Note, seen)];
    };
    let asked = fs::read_to_string(&file).ok().as_deref().and_then(asked_for);
    match (asked, version) {
        (Some(asked), Some(version)) if asked > version => {
            vec![too_old(context, gos, env, &file, asked, version)]
        }
        _ => {
            vec![Finding::new(
                CheckGroup::Go,
                "modules",
                Health::Good,
                format!("the module is {}", file.display()),
            )]
        }
    }
}

fn go_mod(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().map(|folder| folder.join("go.mod")).find(|file| file.is_file())
}

/// The `go` line (go.dev/ref/mod#go-mod-file-go).
fn asked_for(go_mod: &str) -> Option<GoVersion> {
    let line = go_mod.lines().find_map(|line| line.trim().strip_prefix("go "))?;
    GoVersion::parse(line)
}

fn too_old(
    context: &Context,
    gos: &Gos,
    env: &GoEnv,
    file: &Path,
    asked: GoVersion,
    version: GoVersion,
) -> Finding {
    let toolchain = env.get("GOTOOLCHAIN").unwrap_or("auto");
    let seen = format!("{} asks for Go {asked}, and the go in PATH is {version}", file.display());
    let is_local = variable("GOTOOLCHAIN").as_deref() == Some("local") || toolchain == "local";
    if version >= FETCHES && !is_local {
        let seen = format!("{seen}; go fetches the newer one when it builds");
        return Finding::new(CheckGroup::Go, "modules", Health::Note, seen);
    }
    let finding = Finding::new(CheckGroup::Go, "modules", Health::Bad, seen)
        .why("the module may not build: go says `requires go >= …` or does not know the language");
    let newer = gos.0.iter().find(|go| go.version.is_some_and(|version| version >= asked));
    match newer.and_then(|go| go.path.parent()) {
        Some(folder) => finding.remedy(first_in_path(folder)),
        None if version >= FETCHES => finding.undoable_remedies(unset(context, "GOTOOLCHAIN", "local")),
        None => finding.remedy(context.install("go", "golang-go", "golang")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_version_is_read_from_its_go_line() {
        let asked = |text| asked_for(text).map(|version| version.to_string());
        assert_eq!(asked("module x\n\ngo 1.25.3\n\ntoolchain go1.27.0\n").as_deref(), Some("1.25"));
        assert_eq!(asked("module x\n"), None);
    }
}
