//! What `serve` can see at its start that will not work: said before the first client comes.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::common_args::CommonArgs;
use crate::delve::{Argv, Launcher};
use crate::sockets::{Does, Ports};

/// Arguments of `launch` and `attach` that dlv has a field for: its LaunchConfig and AttachConfig
/// (`service/dap/types.go`).
const ARGUMENTS: [&str; 33] = [
    "args",
    "backend",
    "buildFlags",
    "coreFilePath",
    "cwd",
    "dlvCwd",
    "env",
    "followExec",
    "followExecRegex",
    "goroutineFilters",
    "guessSubstitutePath",
    "hideSystemGoroutines",
    "maxArrayValues",
    "maxStringLen",
    "mode",
    "noDebug",
    "output",
    "outputMode",
    "processId",
    "program",
    "showGlobalVariables",
    "showPprofLabels",
    "showRawStrings",
    "showRegisters",
    "stackTraceDepth",
    "stderrTo",
    "stdinFrom",
    "stdoutTo",
    "stopOnEntry",
    "substitutePath",
    "traceDirPath",
    "type",
    "waitFor",
];

/// dlv's flags without a value: the word after one is an operand.
const SWITCHES: [&str; 8] = [
    "--accept-multiclient",
    "--allow-non-terminal-interactive",
    "--check-go-version",
    "--continue",
    "--disable-aslr",
    "--headless",
    "--log",
    "--only-same-user",
];

/// How like a known argument an unknown one must be to be taken for a mistake (strsim's
/// Jaro-Winkler).
const ALIKE: f64 = 0.85;

/// Logs each setting that will not work, or that has no effect. None of them ends the server: a
/// program may be built, or dlv installed, before a client comes.
pub(super) fn warn(
    common: &CommonArgs,
    launcher: Option<&Launcher>,
    upstream: Option<SocketAddr>,
    is_reachable: bool,
) {
    let mut found = Vec::new();
    if let Some(launcher) = launcher {
        found.extend(dlv(launcher));
        found.extend(program(launcher));
    }
    found.extend(upstream.and_then(nobody_at));
    found.extend(everybody(common).filter(|_| is_reachable));
    if common.redact && common.record.is_none() {
        found.push("--redact has no effect without --record DIR".to_owned());
    }
    found.extend(common.launch_arguments().filter_map(unknown_argument));
    for what in found {
        tracing::warn!(target: "dlvgate", "{what}");
    }
}

fn dlv(launcher: &Launcher) -> Option<String> {
    match launcher.path() {
        Err(error) => Some(error.to_string()),
        Ok(path) => {
            wrong_program(&path).map(|why| format!("dlv: {} {why}; name another with --dlv", path.display()))
        }
    }
}

fn program(launcher: &Launcher) -> Option<String> {
    let folder = launcher.folder.clone().or_else(|| std::env::current_dir().ok())?;
    served_program(&launcher.argv, &folder)
}

/// What is wrong with the program that a headless dlv is to serve. A path without a folder is left
/// to dlv, which may know it otherwise; and so is everything after a flag that may take it as its
/// value.
fn served_program(argv: &Argv, folder: &Path) -> Option<String> {
    let command = argv.command()?;
    let mut operands = argv.operands();
    let operand = operands.next();
    if command == "attach"
        && argv.words().iter().any(|word| word.as_encoded_bytes().starts_with(b"--waitfor"))
    {
        return None;
    }
    if operand.is_some_and(|word| may_be_a_value(argv, word)) {
        return None;
    }
    let is_path = |word: &&OsStr| word.as_encoded_bytes().contains(&b'/');
    let at = |word: &OsStr| folder.join(word);
    let missing = |word: &OsStr| {
        let is_missing = is_path(&word) && !is_package(word) && !at(word).exists();
        is_missing.then(|| format!("dlv {command}: {} does not exist", at(word).display()))
    };
    match (command, operand) {
        ("exec" | "core", None) => {
            Some(format!("dlv {command} needs a program: `dlvgate serve -- {command} ./bin/server`"))
        }
        ("attach", None) => Some("dlv attach needs a process id: `dlvgate serve -- attach 4711`".to_owned()),
        ("exec", Some(word)) if is_path(&word) => {
            wrong_program(&at(word)).map(|why| format!("dlv exec: {} {why}", at(word).display()))
        }
        ("debug" | "test", Some(word)) => missing(word),
        ("core", Some(word)) => missing(word).or_else(|| operands.next().and_then(missing)),
        ("attach", Some(word)) => {
            let pid: i32 = word.to_str()?.parse().ok()?;
            let is_gone = kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH);
            is_gone.then(|| format!("dlv attach: there is no process {pid}"))
        }
        _ => None,
    }
}

/// A package is named by its path in the module too: `example.com/shop/cmd/server`; and several by
/// a pattern: `./...`.
fn is_package(word: &OsStr) -> bool {
    let word = word.as_encoded_bytes();
    word.ends_with(b"...") || !(word.starts_with(b".") || word.starts_with(b"/"))
}

/// Whether the word before it is a flag that may take a value.
fn may_be_a_value(argv: &Argv, word: &OsStr) -> bool {
    let words = argv.words();
    let Some(at) = words.iter().position(|other| other == word) else { return false };
    let before = at.checked_sub(1).map(|at| words[at].to_string_lossy()).unwrap_or_default();
    before.starts_with('-') && !before.contains('=') && !SWITCHES.contains(&before.as_ref())
}

fn wrong_program(path: &Path) -> Option<&'static str> {
    match path.metadata() {
        Err(_) => Some("does not exist"),
        Ok(meta) if meta.is_dir() => Some("is a folder"),
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => Some("is not executable"),
        Ok(_) => None,
    }
}

/// A dlv at this address is looked for in the kernel's tables: a connection would use up a `dlv
/// dap`.
fn nobody_at(upstream: SocketAddr) -> Option<String> {
    if !upstream.ip().is_loopback() {
        return None;
    }
    let there = Ports::new().at(&[upstream.port()]).ok()?;
    let listens = there.iter().any(|socket| socket.does == Does::Listen);
    (!listens).then(|| format!("--upstream {upstream}: nothing listens there yet"))
}

fn everybody(common: &CommonArgs) -> Option<String> {
    let all = common.allow.iter().find(|peer| peer.net().prefix_len() == 0)?;
    Some(format!("--allow {all}: every machine that reaches this port can run programs as you"))
}

/// A key that dlv has no field for. Go takes keys without regard to case.
fn unknown_argument(key: &str) -> Option<String> {
    if ARGUMENTS.iter().any(|known| known.eq_ignore_ascii_case(key)) {
        return None;
    }
    let likeness = |known: &&str| strsim::jaro_winkler(&known.to_lowercase(), &key.to_lowercase());
    let nearest = ARGUMENTS.into_iter().map(|known| (likeness(&known), known));
    let nearest =
        nearest.max_by(|(one, _), (other, _)| one.total_cmp(other)).filter(|(like, _)| *like >= ALIKE);
    let hint = nearest.map_or_else(String::new, |(_, known)| format!("; did you mean `{known}`?"));
    Some(format!("dlv does not know the launch argument `{key}`{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delve::check;

    fn wrong(words: &[&str], folder: &Path) -> String {
        let words: Vec<_> = words.iter().map(|&word| word.into()).collect();
        served_program(&check(&words).unwrap(), folder).unwrap_or_default()
    }

    #[test]
    fn a_program_that_cannot_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("text"), "").unwrap();
        std::fs::write(at("server"), "").unwrap();
        std::fs::set_permissions(at("server"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let dead = i32::MAX.to_string();
        for (words, says) in [
            (&["exec", "./server"][..], ""),
            (&["exec", "./nope"], "does not exist"),
            (&["exec", "--check-go-version=false", "./text", "--", "./nope"], "is not executable"),
            (&["exec", "./."], "is a folder"),
            (&["exec"], "needs a program"),
            (&["exec", "server"], ""),
            (&["debug"], ""),
            (&["debug", "./nope"], "does not exist"),
            (&["debug", "."], ""),
            (&["test", "example.com/shop/store"], ""),
            (&["core", "./server", "./core"], "does not exist"),
            (&["core", "./server", "./text"], ""),
            (&["test", "./..."], ""),
            (&["exec", "--accept-multiclient", "./nope"], "does not exist"),
            (&["exec", "--new-flag", "./nope"], ""),
            (&["attach", "--waitfor", "server"], ""),
            (&["attach"], "needs a process id"),
            (&["attach", dead.as_str()], "no process"),
            (&["attach", "1"], ""),
        ] {
            let said = wrong(words, folder.path());
            assert!(said.contains(says) && said.is_empty() == says.is_empty(), "{words:?}: {said}");
        }
    }

    #[test]
    fn unknown_argument_is_named_with_the_nearest() {
        assert_eq!(unknown_argument("stopOnEntry"), None);
        assert_eq!(unknown_argument("STOPONENTRY"), None);
        assert!(unknown_argument("stopOnEntri").unwrap().contains("did you mean `stopOnEntry`"));
        assert!(!unknown_argument("colour").unwrap().contains("did you mean"));
    }

    /// The redactor's table is read from dlv's own type data.
    #[test]
    fn arguments_are_those_of_dlv() {
        let table = include_str!("../../recording/src/redact/shapes/delve.txt");
        let configs = table
            .split("type ")
            .filter(|part| part.starts_with("dap.LaunchConfig\n") || part.starts_with("dap.AttachConfig\n"));
        let fields =
            configs.flat_map(|part| part.lines().skip(1)).filter_map(|line| line.split_whitespace().next());
        let mut known: Vec<&str> = fields.chain(["type"]).collect();
        known.sort_unstable();
        known.dedup();
        assert_eq!(known, ARGUMENTS);
    }
}
