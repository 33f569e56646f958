//! What a project's file may say only with the user's consent, and what it does.

use std::net::IpAddr;
use std::path::{Component, Path};

use serde_json::Value;

use crate::config::{Entry, File, Owner};
use crate::front::ListenAddress;

/// Keys that need it whatever their value is, and what they do.
const KEYS: [(&str, &str); 6] = [
    ("allow", "it lets others in, and whoever connects can run any program as you"),
    ("only-same-user", "it says whether this machine's other users are let in"),
    ("firewall", "it says who guards the ports, if anybody does"),
    ("record", "it has your program's values written into files"),
    ("redact", "it says whether your program's values are kept out of recordings"),
    ("dlv", "it chooses a program that is run as you"),
];

/// Arguments of `launch` and `attach` that change what is shown, and nothing that is run (Delve, `service/dap/types.go`).
const SHOWN: [&str; 9] = [
    "stopOnEntry",
    "stackTraceDepth",
    "showGlobalVariables",
    "showRegisters",
    "showPprofLabels",
    "hideSystemGoroutines",
    "goroutineFilters",
    "substitutePath",
    "noDebug",
];

/// What an entry of a project's file does that the user has to agree to. `words` are its values as a flag takes them.
pub(super) fn needed(file: &File, entry: &Entry, words: &[String]) -> Option<String> {
    if file.owner == Owner::User {
        return None;
    }
    match entry.key.as_str() {
        "listen" => others_can_connect(words).then(|| "it lets other machines connect".to_owned()),
        "dlv-cwd" => {
            let leaves = words.iter().any(|folder| !is_within(file.folder(), Path::new(folder)));
            leaves.then(|| "it has dlv run and build outside the project's folder".to_owned())
        }
        "launch-set" | "launch-force" => {
            let deciding: Vec<String> = words.iter().filter_map(|word| deciding(word)).collect();
            let does = format!(
                "{} can decide which program is run or built, with what and how",
                deciding.join(", ")
            );
            (!deciding.is_empty()).then_some(does)
        }
        key => KEYS.iter().find(|(one, _)| *one == key).map(|(_, does)| (*does).to_owned()),
    }
}

fn others_can_connect(words: &[String]) -> bool {
    let Some(address) = words.first().and_then(|word| word.parse::<ListenAddress>().ok()) else {
        return true;
    };
    let is_loopback = address.host().parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    !is_loopback && address.host() != "localhost"
}

/// Symbolic links are followed; a folder that is not there is judged by its name.
fn is_within(project: &Path, folder: &Path) -> bool {
    match (project.canonicalize(), folder.canonicalize()) {
        (Ok(project), Ok(folder)) => folder.starts_with(project),
        _ => {
            let climbs = folder.components().any(|part| part == Component::ParentDir);
            folder.starts_with(project) && !climbs
        }
    }
}

/// The argument that `NAME=JSON` sets, where it decides what is run.
fn deciding(word: &str) -> Option<String> {
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let is_free = match name {
        "buildFlags" => serde_json::from_str(value).is_ok_and(|flags| only_selects(&flags)),
        name => SHOWN.contains(&name),
    };
    (!is_free).then(|| format!("`{name}`"))
}

/// Whether flags of `go build` say which files are built, and nothing else: `-toolexec`, for one, is a program that is run.
fn only_selects(flags: &Value) -> bool {
    let selects = |flag: &str| {
        let tags = flag.strip_prefix("-tags=").or_else(|| flag.strip_prefix("--tags="));
        // What could be taken apart or put together otherwise than here is not judged here.
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "_.,".contains(char);
        tags.is_some_and(|tags| tags.chars().all(is_plain)) || matches!(flag, "-race" | "--race")
    };
    match flags {
        Value::String(text) => text.split(' ').filter(|flag| !flag.is_empty()).all(selects),
        Value::Array(all) => all.iter().all(|flag| flag.as_str().is_some_and(selects)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_choose_what_is_run_or_built_need_consent() {
        for word in [
            "program=\"/bin/sh\"",
            "mode=\"exec\"",
            "args=[\"-c\"]",
            "env={\"CC\":\"./cc\"}",
            "output=\"/home/me/.profile\"",
            "processId=1",
            "backend=\"rr\"",
            "dlvFlags=[\"--check-go-version=false\"]",
            "cwd=\"/\"",
            "buildFlags=\"-toolexec=./evil\"",
            "buildFlags=\"-tags=a -toolexec ./evil\"",
            "buildFlags=\"-tags=a\\t-toolexec=./evil\"",
            "buildFlags=\"'-tags=a' -x\"",
            "buildFlags=[\"-tags=a\",\"-overlay=o.json\"]",
            "buildFlags=7",
            "anything-new=true",
        ] {
            let name = word.split('=').next().unwrap();
            assert_eq!(deciding(word), Some(format!("`{name}`")), "{word}");
        }
        for word in [
            "stopOnEntry=true",
            "substitutePath=[]",
            "buildFlags=\"-tags=integration,x\"",
            "buildFlags=[\"-race\",\"--tags=a\"]",
            "buildFlags=\"\"",
        ] {
            assert_eq!(deciding(word), None);
        }
    }

    #[test]
    fn a_folder_is_within_a_project_by_what_it_is() {
        let place = tempfile::tempdir().unwrap();
        let project = place.path().join("project");
        std::fs::create_dir_all(project.join("cmd")).unwrap();
        std::os::unix::fs::symlink("/", project.join("root")).unwrap();
        assert!(is_within(&project, &project.join("cmd")) && is_within(&project, &project.join("not/there")));
        for outside in ["root", "..", "cmd/../../x", "root/etc"] {
            assert!(!is_within(&project, &project.join(outside)), "{outside}");
        }
        assert!(!is_within(&project, Path::new("/nowhere")));
    }
}
