//! What a project's file may say only with the user's consent, and what it does.

use std::net::IpAddr;
use std::path::{Component, Path};

use dlvgate_protocol::message::Argument;
use serde_json::Value;

use crate::config::{ConfigEntry, ConfigFile, FileOwner};
use crate::front::Listen;

/// Keys that need it whatever their value is, and what they do.
const KEYS: [(&str, &str); 6] = [
    ("allow", "it lets others in, and any client that connects can run any program as you"),
    ("only-same-user", "it says whether this machine's other users are let in"),
    ("firewall", "it decides which packet filter guards the ports, if any"),
    ("record", "it has your program's values written into files"),
    ("redact", "it says whether your program's values are kept out of recordings"),
    ("dlv", "it chooses a program that is run as you"),
];

/// Arguments of `launch` and `attach` that change only the display, and run nothing (Delve,
/// `service/dap/types.go`).
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

/// What an entry of a project's file does that the user has to agree to. `values` are those in
/// force: no word that is split later. `hides_users`: the user's own file sets the key too, and the
/// project's file wins.
pub(super) fn needed(
    file: &ConfigFile,
    entry: &ConfigEntry,
    values: &[String],
    hides_users: bool,
) -> Option<String> {
    if file.owner == FileOwner::User {
        return None;
    }
    match entry.key.as_str() {
        "listen" => others_can_connect(values).then(|| "it lets other machines connect".to_owned()),
        "dlv-cwd" => {
            let leaves = values.iter().any(|folder| !is_within(file.folder(), Path::new(folder)));
            leaves.then(|| "it has dlv run and build outside the project's folder".to_owned())
        }
        "launch-default" | "launch-override" if hides_users => {
            Some("it takes the place of what your own file sets there".to_owned())
        }
        "launch-default" | "launch-override" => {
            let deciding: Vec<String> = values.iter().filter_map(|value| deciding(value)).collect();
            let does = format!(
                "{} can decide which program is run or built, with what and how",
                deciding.join(", ")
            );
            (!deciding.is_empty()).then_some(does)
        }
        key => KEYS.iter().find(|(one, _)| *one == key).map(|(_, does)| (*does).to_owned()),
    }
}

fn others_can_connect(values: &[String]) -> bool {
    let is_local = |value: &String| match value.parse() {
        Ok(Listen::At(address)) => {
            address.host() == "localhost" || address.host().parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        Ok(Listen::Passed(_)) | Err(_) => false,
    };
    !values.iter().all(is_local)
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

/// Returns the argument that `NAME=JSON` sets, if it decides which program runs.
fn deciding(value: &str) -> Option<String> {
    let Ok(argument) = value.parse::<Argument>() else { return Some(format!("`{value}`")) };
    let is_free = match argument.key.as_str() {
        "buildFlags" => serde_json::from_str(argument.value.get()).is_ok_and(|flags| only_selects(&flags)),
        name => SHOWN.contains(&name),
    };
    (!is_free).then(|| format!("`{}`", argument.key))
}

/// Whether flags of `go build` say which files are built, and nothing else: `-toolexec`, for one,
/// is a program that is run.
fn only_selects(flags: &Value) -> bool {
    let selects = |flag: &str| {
        let tags = flag.strip_prefix("-tags=").or_else(|| flag.strip_prefix("--tags="));
        // A value that another parser could split or join differently is not judged here.
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
    fn arguments_that_choose_a_program_need_consent() {
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
