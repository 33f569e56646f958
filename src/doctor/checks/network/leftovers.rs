//! What crashes have left: gates, tokens, debugged programs, binaries.

use std::fs;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::doctor::context::{Context, sudo};
use crate::doctor::facts::files::is_program;
use crate::doctor::facts::process::{ListenerKind, Process, listeners, processes};
use crate::doctor::finding::{CheckGroup, Finding, Health, quoted, quoted_path};
use crate::firewall::LoadedGate;
use crate::firewall::status::{Status, Untold, from_filter, from_journals, is_of_a_process};

/// How dlv names what it builds (Delve, `pkg/gobuild`).
const BUILT: &str = "__debug_bin";

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let mut found = gates(context).await;
    let running = tokio::task::spawn_blocking(processes).await.unwrap_or_default();
    found.extend(programs(&running));
    found.extend(binaries(context, &running));
    if found.is_empty() {
        let seen = "nothing is left of earlier sessions: no gate, no debugged program";
        found.push(Finding::new(CheckGroup::Network, "leftovers", Health::Good, seen));
    }
    found
}

fn finding(state: Health, seen: String) -> Finding {
    Finding::new(CheckGroup::Network, "leftovers", state, seen)
}

async fn gates(context: &Context) -> Vec<Finding> {
    let mut status = match from_journals(&context.question.journals) {
        Ok(status) => status,
        Err(error) => {
            let folder = context.question.journals.folder().display();
            return vec![finding(
                Health::Unknown,
                format!("the guards' journals in {folder} cannot be read: {error}"),
            )];
        }
    };
    let programs = &context.question.programs;
    if nix::unistd::geteuid().is_root() || programs.pfctl.is_some() || programs.nft.is_some() {
        // Where it cannot be asked, the check of the filter says so.
        let _ = from_filter(&mut status, context.question.backend, programs).await;
    }
    let sweep = format!("{}dlvgate firewall sweep", sudo());
    let mut found = dead(&status, &sweep);
    let journals = context.question.journals.read().unwrap_or_default();
    found.extend(status.doubtful.iter().map(|why| doubtful(why, journals.iter().map(|found| &*found.path))));
    let untold = status.filter.iter().flat_map(|filter| &filter.untold);
    for untold in untold.filter(|untold| !untold.gate.as_ref().is_some_and(is_of_a_process)) {
        let seen = match (&untold.gate, &untold.anchor) {
            (None, Some(anchor)) => format!("the anchor {anchor} holds rules that are not dlvgate's"),
            (gate, _) => {
                let port = gate.map_or_else(String::new, |gate| format!(", for port {}", gate.port));
                format!("the packet filter holds rules of a guard that is gone{port}")
            }
        };
        found.push(
            finding(Health::Bad, seen)
                .why("no journal names them, so no sweep removes them")
                .remedy(removal(untold, is_in_use(untold))),
        );
    }
    for LoadedGate { port, .. } in status.filter.iter().flat_map(|filter| &filter.missing) {
        found.push(
            finding(Health::Bad, format!("the rules that guard port {port} are gone: they were flushed"))
                .why("the port may be open to others, or closed to its client, while the session goes on")
                .remedy("dlvgate firewall status"),
        );
    }
    found
}

/// A journal goes where its guard is gone. One that runs may be of a dlvgate that writes journals
/// another way.
fn doubtful<'a>(why: &str, mut journals: impl Iterator<Item = &'a Path>) -> Finding {
    let finding = finding(Health::Warning, format!("a journal cannot be trusted: {why}"))
        .why("what its guard had opened, if anything, is not known");
    let Some(path) = journals.find(|path| why.starts_with(&format!("{}: ", path.display()))) else {
        return finding.remedy(format!("{}dlvgate firewall status", sudo()));
    };
    // Each is named after its guard's process.
    let pid = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).map(Pid::from_raw);
    match pid.filter(|pid| kill(*pid, None) != Err(Errno::ESRCH)) {
        Some(pid) => finding.remedy(format!("ps -o user,pid,command -p {pid}")),
        None => finding.remedy(format!("{}rm {}", sudo(), quoted_path(path))),
    }
}

fn dead(status: &Status, sweep: &str) -> Vec<Finding> {
    let dead = status.guards.iter().filter(|guard| !guard.is_alive && guard.is_here);
    dead.map(|guard| {
        let ports: Vec<String> = guard.gates.iter().map(|gate| gate.port.to_string()).collect();
        let token = guard.token.map_or_else(String::new, |token| format!(", and pf's enable token {token}"));
        let ports =
            if ports.is_empty() { "no port".to_owned() } else { format!("port {}", ports.join(", ")) };
        finding(
            Health::Bad,
            format!("a guard that was killed (process {}) has left rules for {ports}{token}", guard.pid),
        )
        .why("the port stays as it was left until this command or the next session's start closes it")
        .remedy(sweep)
    })
    .collect()
}

/// Whether something listens on the gate's port: its guard may run, with its journal in another
/// place, such as a container of its own.
fn is_in_use(untold: &Untold) -> bool {
    untold.gate.as_ref().is_some_and(|gate| !listeners(gate.port).is_empty())
}

/// Rules are removed where they are dlvgate's and of no use; others' are shown.
fn removal(untold: &Untold, is_in_use: bool) -> String {
    let sudo = sudo();
    match untold {
        _ if is_in_use => format!("{sudo}dlvgate firewall status"),
        Untold { gate: None, anchor: Some(anchor) } => {
            format!("{sudo}pfctl -a {} -s rules", quoted(anchor))
        }
        Untold { anchor: Some(anchor), .. } => format!("{sudo}pfctl -a {} -F rules", quoted(anchor)),
        Untold { gate: Some(LoadedGate { pid, port }), .. } => {
            format!("{sudo}nft delete table inet dlvgate_{pid}_{port}")
        }
        Untold { .. } => format!("{sudo}dlvgate firewall status"),
    }
}

fn programs(all: &[Process]) -> Vec<Finding> {
    let is_built =
        |process: &&Process| process.program.rsplit('/').next().is_some_and(|name| name.starts_with(BUILT));
    // In a container dlv may be the first process, and its program no orphan.
    let is_dlv = |pid| {
        all.iter().any(|one| {
            one.pid == pid && matches!(one.kind(), ListenerKind::Delve { .. } | ListenerKind::Dlvgate)
        })
    };
    let orphan = |process: &&Process| process.parent <= 1 && !is_dlv(process.parent);
    let orphans = all.iter().filter(is_built).filter(orphan);
    orphans
        .map(|process| {
            let finding = finding(
                Health::Warning,
                format!("a debugged program has outlived its debugger: {}", process.name()),
            )
            .why("it may hold the port that the next run wants to listen on");
            match process.is_own() {
                true => finding.remedy(format!("kill {}", process.pid)),
                false => finding.remedy(format!("ps -o user,pid,command -p {}", process.pid)),
            }
        })
        .collect()
}

/// `__debug_bin`, or with a number behind it: a folder may have files of its own that begin so.
fn is_name_of_a_build(name: &str) -> bool {
    name.strip_prefix(BUILT).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What dlv has built in this folder and, killed, not removed.
fn binaries(context: &Context, running: &[Process]) -> Option<Finding> {
    let names = fs::read_dir(&context.folder).ok()?.flatten().map(|entry| entry.file_name());
    let is_left = |name: &String| {
        let path = context.folder.join(name);
        is_name_of_a_build(name)
            && is_program(&path)
            && !running.iter().any(|one| Path::new(&one.program) == path)
    };
    let mut left: Vec<String> = names.filter_map(|name| name.into_string().ok()).filter(is_left).collect();
    left.sort();
    let first = left.first()?;
    let seen = format!("{} built program(s) of killed sessions are in this folder: {first}…", left.len());
    let words: Vec<String> = left.iter().map(quoted).collect();
    let command = format!("rm -- {}", words.join(" "));
    Some(
        finding(Health::Note, seen)
            .why("they take room; those that run now are not among them")
            .remedy(command),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::process::tests::process;

    #[test]
    fn program_of_a_dlv_that_is_init_is_no_orphan() {
        let mut dlv = process("/usr/bin/dlv", &["dlv", "dap"]);
        (dlv.pid, dlv.parent) = (1, 0);
        let mut program = process("/app/__debug_bin123", &["./__debug_bin123"]);
        program.pid = std::process::id();
        assert_eq!(programs(&[dlv, program.clone()]).len(), 0);
        program.program = "/app/server".to_owned();
        assert_eq!(programs(&[program.clone()]).len(), 0);
        program.program = "/app/__debug_bin123".to_owned();
        let command = programs(&[program.clone()])[0].remedies[0].command.clone();
        assert_eq!(command, format!("kill {}", std::process::id()));
        program.pid = 1; // another user's, or ours where the tests are root's
        let command = programs(&[program])[0].remedies[0].command.clone();
        assert_eq!(
            command.starts_with("kill"),
            nix::unistd::geteuid().is_root() && std::env::var_os("SUDO_UID").is_none()
        );
    }

    #[test]
    fn journal_of_a_running_guard_is_not_removed() {
        let own = Path::new("/run/a: b").join(format!("{}.json", std::process::id()));
        let gone = Path::new("/run/a: b/2147483647.json");
        let command = |path: &Path| {
            let why = format!("{}: it is of version 9", path.display());
            doubtful(&why, [own.as_path(), gone].into_iter()).remedies[0].command.clone()
        };
        assert!(command(&own).starts_with("ps "), "{}", command(&own));
        assert!(command(gone).ends_with("rm '/run/a: b/2147483647.json'"), "{}", command(gone));
    }

    #[test]
    fn only_dlv_s_own_names_are_builds() {
        assert!(is_name_of_a_build("__debug_bin") && is_name_of_a_build("__debug_bin77"));
        assert!(!is_name_of_a_build("__debug_bin.go") && !is_name_of_a_build("__debug_binary"));
    }

    #[test]
    fn rules_of_others_and_of_a_port_in_use_stay() {
        let anchor = Some("com.apple/010.dlvgate.3".to_owned());
        let gate = Some(LoadedGate { pid: 7, port: 2345 });
        let others = Untold { gate: None, anchor: anchor.clone() };
        assert!(removal(&others, false).ends_with("-s rules"));
        for untold in [Untold { gate, anchor }, Untold { gate, anchor: None }] {
            assert!(removal(&untold, true).ends_with("firewall status"));
            assert!(!removal(&untold, false).ends_with("firewall status"));
        }
    }
}
