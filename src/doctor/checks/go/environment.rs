//! Go's environment: GOROOT, GOPATH, flags and targets, from the shell or from `go env -w`.

use std::fs;
use std::path::Path;

use crate::doctor::context::{Context, variable};
use crate::doctor::facts::files;
use crate::doctor::facts::go_env::GoEnv;
use crate::doctor::facts::go_version::GoVersion;
use crate::doctor::finding::{CheckGroup, Finding, Health, Remedy, quoted};

/// How a variable is taken back, wherever it was set.
pub(in crate::doctor) fn unset(context: &Context, name: &str, value: &str) -> Vec<Remedy> {
    if variable(name).is_some() {
        let here = Remedy { command: format!("unset {name}"), undo: None };
        let profiles = files::without(&context.home, name, |line| line == value);
        return std::iter::once(here).chain(profiles).collect();
    }
    let back = format!("go env -w {}", quoted(format!("{name}={value}")));
    vec![Remedy { command: format!("go env -u {name}"), undo: Some(back) }]
}

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let Some(go) = context.gos().await.winner() else { return Vec::new() };
    let env = context.go_env().await;
    if let Some(why) = &env.silent {
        let seen = format!("`go env` fails: {why}");
        return vec![Finding::new(CheckGroup::Go, "environment", Health::Unknown, seen)];
    }
    let mut found = vec![goroot(context, &go.root, go.version), gopath(context, env, &go.root)];
    found.extend(flags(context, env));
    found.extend(target(context, env));
    found
}

fn goroot(context: &Context, own: &Path, version: Option<GoVersion>) -> Finding {
    let Some(set) = variable("GOROOT") else {
        let seen = format!("GOROOT is not set, and follows from the command: {}", own.display());
        return Finding::new(CheckGroup::Go, "goroot", Health::Good, seen);
    };
    let bad = |seen: String| {
        Finding::new(CheckGroup::Go, "goroot", Health::Bad, seen)
            .why("go takes its compiler and library from there; the variable is not needed, since go knows its own place")
            .undoable_remedies(unset(context, "GOROOT", &set))
    };
    let root = Path::new(&set);
    if !root.join("src").is_dir() {
        return bad(format!("GOROOT is {set}, where there is no Go"));
    }
    let of_root = fs::read_to_string(root.join("VERSION")).ok().as_deref().and_then(GoVersion::parse);
    match (of_root, version) {
        (Some(of_root), Some(version)) if of_root != version => {
            bad(format!("GOROOT is {set}, which is Go {of_root}, and the go in PATH is {version}"))
        }
        _ => Finding::new(CheckGroup::Go, "goroot", Health::Good, format!("GOROOT is {set}, which fits")),
    }
}

fn gopath(context: &Context, env: &GoEnv, root: &Path) -> Finding {
    let set = variable("GOPATH").or_else(|| env.get("GOPATH").map(str::to_owned)).unwrap_or_default();
    let set = set.as_str();
    let bad = |seen: String, why: &str| {
        Finding::new(CheckGroup::Go, "gopath", Health::Bad, seen)
            .why(why)
            .undoable_remedies(unset(context, "GOPATH", set))
    };
    let first = set.split(':').next().unwrap_or_default();
    if first.starts_with('~') || (!first.is_empty() && !Path::new(first).is_absolute()) {
        return bad(
            format!("GOPATH is {set}, which is not an absolute path"),
            "go refuses it, and every build fails",
        );
    }
    if Path::new(first).canonicalize().ok().is_some_and(|path| Some(path) == root.canonicalize().ok()) {
        let why =
            "what you install would be mixed with Go's own library; go warns of it and ignores the folder";
        return bad(format!("GOPATH and GOROOT are the same folder, {set}"), why);
    }
    Finding::new(CheckGroup::Go, "gopath", Health::Good, format!("GOPATH is {set}"))
}

fn flags(context: &Context, env: &GoEnv) -> Option<Finding> {
    let flags = env.get("GOFLAGS")?;
    let words: Vec<&str> = flags.split([' ', '=', '\'', '"']).collect();
    let finding = |state, seen: String, why: &str| {
        let finding = Finding::new(CheckGroup::Go, "flags", state, seen).why(why);
        Some(finding.undoable_remedies(unset(context, "GOFLAGS", flags)))
    };
    if words.contains(&"-ldflags") && (words.contains(&"-s") || words.contains(&"-w")) {
        let why = "the debug information is left out, and dlv says `could not open debug info`";
        return finding(Health::Bad, format!("GOFLAGS is {flags}, which strips every program"), why);
    }
    if words.contains(&"-trimpath") {
        let why = "programs name their files without the folder, and a breakpoint that an IDE sets is in no file of theirs";
        return finding(
            Health::Bad,
            format!("GOFLAGS is {flags}, which takes the paths out of every program"),
            why,
        );
    }
    Some(Finding::new(CheckGroup::Go, "flags", Health::Good, format!("GOFLAGS is {flags}")))
}

fn target(context: &Context, env: &GoEnv) -> Option<Finding> {
    let differs = |set, host| Some((env.get(set)?, env.get(host)?)).filter(|(set, host)| set != host);
    let (name, (set, host)) = [("GOOS", "GOHOSTOS"), ("GOARCH", "GOHOSTARCH")]
        .into_iter()
        .find_map(|(set, host)| Some((set, differs(set, host)?)))?;
    let seen = format!("{name} is {set}, and this machine is {host}");
    let why = "go builds for another machine, and dlv cannot run what it builds";
    Some(
        Finding::new(CheckGroup::Go, "target", Health::Bad, seen)
            .why(why)
            .undoable_remedies(unset(context, name, set)),
    )
}
