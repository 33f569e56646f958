//! `-s`: what pf holds, on stdout.

use std::collections::BTreeSet;

use crate::model::{Loader, Rule, Ruleset, State};
use crate::noise::Output;
use crate::printer::{self, View};
use crate::services::Services;
use crate::store::now;
use crate::tokens;

/// `-s` takes any start of a word; the first that fits is meant.
const WORDS: [&str; 12] = [
    "nat",
    "rules",
    "Anchors",
    "Sources",
    "states",
    "info",
    "Interfaces",
    "labels",
    "Tables",
    "all",
    "References",
    "dummynet",
];

/// Shows and returns the exit code: 0 also for an anchor that is not there.
pub fn show(
    state: &State,
    out: &mut Output,
    services: &Services,
    word: &str,
    anchor: &str,
    verbose: u8,
) -> Option<i32> {
    let word = WORDS.iter().find(|w| w.starts_with(word) && !word.is_empty())?;
    match *word {
        "rules" => rules(state, out, services, anchor, verbose, |r| [&r.scrub, &r.filter]),
        "nat" => rules(state, out, services, anchor, verbose, |r| [&r.nat, &r.rdr]),
        "dummynet" => rules(state, out, services, anchor, verbose, |r| [&r.dummynet, &r.dummynet]),
        "labels" => labels(state, out, anchor),
        "Anchors" => anchors(state, out, anchor, verbose > 0),
        "states" => states(state, out),
        "info" => info(state, out),
        "Interfaces" => interfaces(state, out, verbose > 0),
        "Tables" => tables(state, out, anchor, verbose > 0),
        "References" => tokens::show(state, out),
        "all" => {
            rules(state, out, services, anchor, verbose, |r| [&r.nat, &r.rdr]);
            rules(state, out, services, anchor, verbose, |r| [&r.scrub, &r.filter]);
            if anchor.is_empty() {
                states(state, out);
                info(state, out);
            }
            tables(state, out, anchor, verbose > 0);
        }
        _ => {}
    }
    Some(0)
}

fn rules(
    state: &State,
    out: &mut Output,
    services: &Services,
    anchor: &str,
    verbose: u8,
    lists: impl Fn(&Ruleset) -> [&Vec<Rule>; 2],
) {
    let Some(ruleset) = state.rulesets.get(anchor) else {
        out.err("pfctl: DIOCGETRULES: Invalid argument");
        return;
    };
    let [first, second] = lists(ruleset);
    let lists: &[&Vec<Rule>] = if std::ptr::eq(first, second) { &[first] } else { &[first, second] };
    for list in lists {
        for (number, rule) in list.iter().enumerate() {
            let Loader { uid, pid } = ruleset.loader;
            let number = if verbose > 1 { format!("@{number} ") } else { String::new() };
            out.out(format!("{number}{}", printer::rule(rule, services, View::Kernel)));
            if verbose > 1 {
                out.out(format!("  [ Owner : {:<12}  Priority : {:<6}]", "nil", 0));
            }
            if verbose > 0 {
                let text = printer::rule(rule, services, View::Kernel);
                let states = state.states.iter().filter(|s| s.anchor == anchor && s.rule == text).count();
                out.out(format!(
                    "  [ Evaluations: {:<8}  Packets: {:<8}  Bytes: {:<10}  States: {:<6}]",
                    rule.evaluations,
                    rule.packets,
                    rule.packets * 64,
                    states
                ));
                out.out(format!("  [ Inserted: uid {uid} pid {pid} ]"));
            }
        }
    }
}

fn labels(state: &State, out: &mut Output, anchor: &str) {
    let Some(ruleset) = state.rulesets.get(anchor) else {
        out.err("pfctl: DIOCGETRULES: Invalid argument");
        return;
    };
    for rule in &ruleset.filter {
        if let Some(label) = &rule.label {
            out.out(format!("{label} {} {} {}", rule.evaluations, rule.packets, rule.packets * 64));
        }
    }
}

/// Full paths, indented by two spaces; grandchildren only with `-v`.
fn anchors(state: &State, out: &mut Output, anchor: &str, recursive: bool) {
    if !state.rulesets.contains_key(anchor) {
        out.err(format!("Anchor '{anchor}' not found."));
        return;
    }
    for child in state.children(anchor) {
        out.out(format!("  {child}"));
        if recursive {
            anchors(state, out, child, true);
        }
    }
}

fn states(state: &State, out: &mut Output) {
    for connection in &state.states {
        out.out(printer::connection(connection));
    }
}

fn info(state: &State, out: &mut Output) {
    let word = if state.enabled { "Enabled" } else { "Disabled" };
    let status = if state.status_since == 0 {
        format!("Status: {word}")
    } else {
        format!("Status: {word} for {}", tokens::age(now().saturating_sub(state.status_since) / 1_000_000))
    };
    out.out(format!("{status:<44}{:>15}\n", "Debug: Urgent"));
    out.out(format!("{:<27} {:>14} {:>16}", "State Table", "Total", "Rate"));
    out.out(format!("  {:<25} {:>14} {:>14}", "current entries", state.states.len(), ""));
    for name in ["searches", "inserts", "removals"] {
        out.out(format!("  {name:<25} {:>14} {:>14}/s", 0, "0.0"));
    }
}

/// The machine has these two, and those that a ruleset skips. `-v` says which are skipped.
fn interfaces(state: &State, out: &mut Output, verbose: bool) {
    let mut names = BTreeSet::from(["all", "en0", "lo0"]);
    names.extend(state.skip.iter().map(String::as_str));
    for name in names {
        let mark = if verbose && state.skip.contains(name) { " (skip)" } else { "" };
        out.out(format!("{name}{mark}"));
    }
}

fn tables(state: &State, out: &mut Output, anchor: &str, flags: bool) {
    let Some(ruleset) = state.rulesets.get(anchor) else {
        out.err("pfctl: Anchor or Ruleset does not exist.");
        return;
    };
    for (name, table) in &ruleset.tables {
        if !flags {
            out.out(name);
            continue;
        }
        let mark = |yes: bool, letter: char| if yes { letter } else { '-' };
        out.out(format!(
            "{}{}a{}--\t{name}{}",
            mark(table.constant, 'c'),
            mark(table.persist, 'p'),
            mark(ruleset.refers_to_table(name), 'r'),
            if anchor.is_empty() { String::new() } else { format!("\t{anchor}") }
        ));
    }
}
