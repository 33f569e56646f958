//! What crashes have left: gates, tokens, debugged programs, binaries.

use std::fs;

use crate::doctor::context::{Context, sudo};
use crate::doctor::finding::{Finding, Group, State, quoted};
use crate::doctor::process::{Process, processes};
use crate::firewall::guard::Loaded;
use crate::firewall::status::{Status, Untold, from_filter, from_journals, is_of_a_process};

/// How dlv names what it builds (Delve, `pkg/gobuild`).
const BUILT: &str = "__debug_bin";

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let mut found = gates(context).await;
    found.extend(programs().await);
    found.extend(binaries(context));
    if found.is_empty() {
        let seen = "nothing is left of earlier sessions: no gate, no debugged program";
        found.push(Finding::new(Group::Network, "leftovers", State::Good, seen));
    }
    found
}

fn finding(state: State, seen: String) -> Finding {
    Finding::new(Group::Network, "leftovers", state, seen)
}

async fn gates(context: &Context) -> Vec<Finding> {
    let mut status = match from_journals(&context.question.journals) {
        Ok(status) => status,
        Err(error) => {
            let folder = context.question.journals.folder().display();
            return vec![finding(
                State::Unknown,
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
    for doubtful in &status.doubtful {
        let path = doubtful.split(": ").next().unwrap_or_default();
        found.push(
            finding(State::Warning, format!("a journal is not believed: {doubtful}"))
                .why("nobody knows what its guard had opened, if it had")
                .mend(format!("{}rm {}", sudo(), quoted(path))),
        );
    }
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
            finding(State::Bad, seen)
                .why("no journal tells of them, so that no sweep removes them")
                .mend(removal(untold)),
        );
    }
    for Loaded { port, .. } in status.filter.iter().flat_map(|filter| &filter.missing) {
        found.push(
            finding(
                State::Bad,
                format!("the rules that guard port {port} are gone: somebody has flushed them"),
            )
            .why("the port may be open to others, or closed to its client, while the session goes on")
            .mend("dlvgate firewall status"),
        );
    }
    found
}

fn dead(status: &Status, sweep: &str) -> Vec<Finding> {
    let dead = status.guards.iter().filter(|guard| !guard.is_alive && guard.is_here);
    dead.map(|guard| {
        let ports: Vec<String> = guard.gates.iter().map(|gate| gate.port.to_string()).collect();
        let token = guard.token.map_or_else(String::new, |token| format!(", and pf's enable token {token}"));
        let ports =
            if ports.is_empty() { "no port".to_owned() } else { format!("port {}", ports.join(", ")) };
        finding(
            State::Bad,
            format!("a guard that was killed (process {}) has left rules for {ports}{token}", guard.pid),
        )
        .why("the port stays as it was left until somebody closes it; the next session's start does so too")
        .mend(sweep)
    })
    .collect()
}

fn removal(untold: &Untold) -> String {
    let sudo = sudo();
    match untold {
        Untold { anchor: Some(anchor), .. } => format!("{sudo}pfctl -a {anchor} -F rules"),
        Untold { gate: Some(Loaded { pid, port }), .. } => {
            format!("{sudo}nft delete table inet dlvgate_{pid}_{port}")
        }
        Untold { .. } => format!("{sudo}dlvgate firewall status"),
    }
}

async fn programs() -> Vec<Finding> {
    let all = tokio::task::spawn_blocking(processes).await.unwrap_or_default();
    let is_built =
        |process: &&Process| process.program.rsplit('/').next().is_some_and(|name| name.starts_with(BUILT));
    let orphan = |process: &&Process| process.parent <= 1;
    let orphans = all.iter().filter(is_built).filter(orphan);
    orphans
        .map(|process| {
            finding(
                State::Warning,
                format!("a debugged program has outlived its debugger: {}", process.name()),
            )
            .why("it may hold the port that the next run wants to listen on")
            .mend(format!("kill -9 {}", process.pid))
        })
        .collect()
}

/// What dlv has built in this folder and, killed, not removed.
fn binaries(context: &Context) -> Option<Finding> {
    let names = fs::read_dir(&context.folder).ok()?.flatten().map(|entry| entry.file_name());
    let mut left: Vec<String> =
        names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with(BUILT)).collect();
    left.sort();
    let first = left.first()?;
    let seen = format!("{} built program(s) of killed sessions are in this folder: {first}…", left.len());
    let words: Vec<String> = left.iter().map(|name| quoted(name)).collect();
    let command = format!("rm -- {}", words.join(" "));
    Some(
        finding(State::Note, seen)
            .why("they take room; a session that runs now has one there too")
            .mend(command),
    )
}
