//! GoLand: which versions, which dlv they are set to use, where their log is.

use std::fs;
use std::path::{Path, PathBuf};

use super::delve::versions::supports;
use crate::doctor::context::Context;
use crate::doctor::facts::delves::DelveFacts;
use crate::doctor::facts::files::{comment_out, is_program};
use crate::doctor::finding::{CheckGroup, Finding, Health, Remedy, append, quoted_path};

/// Where the IDE keeps settings and logs, below the home folder.
struct GolandFolders {
    settings: &'static str,
    /// Before and after the version's own folder.
    log: (&'static str, &'static str),
}

const MACOS: GolandFolders = GolandFolders {
    settings: "Library/Application Support/JetBrains",
    log: ("Library/Logs/JetBrains", "idea.log"),
};
const LINUX: GolandFolders =
    GolandFolders { settings: ".config/JetBrains", log: (".cache/JetBrains", "log/idea.log") };

/// Files of a version's settings that may name a dlv.
const NAMING: [&str; 3] = ["idea.properties", "goland.vmoptions", "goland64.vmoptions"];

/// Bytes at the end of a log that are looked at.
const TAIL: usize = 256 * 1024;

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let places = if context.is_mac() { MACOS } else { LINUX };
    let versions = versions(&context.home.join(places.settings));
    if versions.is_empty() {
        let seen = "no GoLand settings are here; the client may be another one, or on another machine";
        return vec![Finding::new(CheckGroup::Goland, "installed", Health::Note, seen)];
    }
    let mut found = Vec::new();
    let names: Vec<String> = versions.iter().map(|path| name(path)).collect();
    let seen = format!("settings of {}", names.join(", "));
    found.push(Finding::new(CheckGroup::Goland, "installed", Health::Note, seen));
    let named: Vec<Finding> = versions.iter().flat_map(|version| named(version)).collect();
    if let (Some(path), Some(newest), true) = (bundled(context).pop(), versions.last(), named.is_empty()) {
        found.push(brought(context, path, newest).await);
    }
    found.extend(named);
    if let Some(newest) = versions.last() {
        let log = context.home.join(places.log.0).join(name(newest)).join(places.log.1);
        found.extend(hint(&log));
    }
    found
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The folders of settings, oldest first.
fn versions(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| name(path).starts_with("GoLand") && path.is_dir()).collect();
    found.sort();
    found
}

/// The dlv that an installed GoLand brings along.
fn bundled(context: &Context) -> Vec<PathBuf> {
    let home = &context.home;
    let (applications, kinds) = if context.is_mac() {
        (vec![PathBuf::from("/Applications"), home.join("Applications")], ["macarm", "mac"])
    } else {
        (vec![PathBuf::from("/opt"), home.join(".local/share/JetBrains/Toolbox/apps")], ["linux", "linuxarm"])
    };
    let below = applications.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let installed =
        below.map(|entry| entry.path()).filter(|path| name(path).to_lowercase().starts_with("goland"));
    let contents = installed.map(|path| if context.is_mac() { path.join("Contents") } else { path });
    let candidates = contents.flat_map(|path| {
        let of_plugin = |plugin: &str| {
            kinds.map(|kind| path.join("plugins").join(plugin).join("lib/dlv").join(kind).join("dlv"))
        };
        [of_plugin("go-plugin"), of_plugin("go")].concat()
    });
    candidates.filter(|path| is_program(path)).collect()
}

/// Checks the dlv that GoLand takes by default.
async fn brought(context: &Context, path: PathBuf, settings: &Path) -> Finding {
    let delve = DelveFacts::ask(path).await;
    let place = delve.path.display();
    let go = context.gos().await.winner().and_then(|go| go.version);
    let finding = |state, seen: String| Finding::new(CheckGroup::Goland, "bundled-dlv", state, seen);
    match (go, delve.version) {
        (Some(go), Some(_)) if !supports(&delve, go) => {
            let seen = format!("GoLand brings {}, which does not support Go {go}: {place}", delve.name());
            let finding = finding(Health::Warning, seen)
                .why("GoLand starts its own dlv, and launching fails with `Version of Delve is too old for Go version`; restart it after a change");
            let chosen = context.delves().await.chosen.as_ref().ok().filter(|chosen| supports(chosen, go));
            let properties = quoted_path(&settings.join("idea.properties"));
            match chosen.map(|chosen| property(&chosen.path)) {
                Some(Some(line)) => finding.remedy(append(&line, &properties)),
                Some(None) => finding, // a path that no line of the file can hold
                None => finding
                    .remedy("go install github.com/go-delve/delve/cmd/dlv@latest")
                    .remedy(format!("echo \"dlv.path=$(go env GOPATH)/bin/dlv\" >> {properties}")),
            }
        }
        _ => finding(Health::Note, format!("GoLand brings {}: {place}", delve.name())),
    }
}

/// The line of a properties file, where a backslash is an escape (java.util.Properties). `None`
/// where the path would be more than one line.
fn property(path: &Path) -> Option<String> {
    let path = path.to_str().filter(|path| !path.chars().any(char::is_control))?;
    Some(format!("dlv.path={}", path.replace('\\', r"\\")))
}

/// `dlv.path=…` in the properties, `-Ddlv.path=…` among the options.
fn named(version: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in NAMING.map(|name| version.join(name)) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            let value = line.strip_prefix("-Ddlv.path=").or_else(|| line.strip_prefix("dlv.path="));
            found.extend(value.map(|value| judge(&file, number + 1, value.trim())));
        }
    }
    found
}

fn judge(file: &Path, number: usize, value: &str) -> Finding {
    let seen = format!("{}:{number} names {value} as GoLand's dlv", file.display());
    // GoLand takes a folder too, and adds the name.
    let path = Path::new(value);
    let program = if path.is_dir() { path.join("dlv") } else { path.to_owned() };
    if is_program(&program) {
        return Finding::new(CheckGroup::Goland, "dlv-path", Health::Good, seen);
    }
    let what = if program.exists() { "which may not be run" } else { "where there is no program" };
    let Remedy { command, undo } = comment_out(file, number);
    Finding::new(CheckGroup::Goland, "dlv-path", Health::Bad, format!("{seen}, {what}"))
        .why("GoLand cannot start its debugger: `Cannot run program`; restart it after a change")
        .undoable_remedy(command, undo.unwrap_or_default())
}

/// What the log said last about dlv.
fn hint(log: &Path) -> Option<Finding> {
    let bytes = fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL)..]).into_owned();
    let is_told = |line: &&str| {
        let line = line.to_lowercase();
        (line.contains("dlv") || line.contains("delve"))
            && ["refused", "error", "timed out", "cannot run"].iter().any(|word| line.contains(word))
    };
    let last = text.lines().rev().find(is_told);
    let seen = match last {
        Some(line) => {
            let line: String = line.trim().chars().take(200).collect();
            format!("its log, {}, says last about dlv: {line}", log.display())
        }
        None => format!("its log, {}, has no complaint about dlv near its end", log.display()),
    };
    Some(Finding::new(CheckGroup::Goland, "log", Health::Note, seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::tests::HOSTILE;

    #[test]
    fn property_is_one_line_that_holds_the_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in HOSTILE {
            let (file, path) = (folder.path().join("it's; idea.properties"), Path::new("/opt").join(name));
            let Some(line) = property(&path) else {
                assert!(name.chars().any(char::is_control), "{name:?}");
                continue;
            };
            fs::write(&file, "own=1").unwrap(); // without a newline
            let command = append(&line, &quoted_path(&file));
            let status = std::process::Command::new("/bin/sh").args(["-c", &command]).status().unwrap();
            assert!(status.success(), "{command}");
            let read = fs::read_to_string(&file).unwrap().replace(r"\\", r"\");
            assert_eq!(read, format!("own=1\ndlv.path={}\n", path.display()), "{command}");
        }
    }
}
