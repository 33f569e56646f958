//! `-f`: a file becomes a ruleset, all of it or nothing.

use serde_json::json;

use crate::anchor_path;
use crate::cursor::Refusal;
use crate::files::Files;
use crate::grammar::{self, Config, Item};
use crate::model::{Action, Loader, Ruleset, State};
use crate::noise::Output;
use crate::printer::{self, View};
use crate::services::Services;

/// The pfctl of the boot, as `-s rules -v` names it.
const LAUNCHD: u32 = 68;

/// The rules to load, and their place.
pub struct Load<'a> {
    /// As pfctl names it in errors: `stdin` or the path.
    pub name: &'a str,
    pub text: &'a str,
    pub anchor: &'a str,
    pub dry_run: bool,
    pub verbose: bool,
    pub loader: Loader,
}

/// Parses and, unless dry, replaces the anchor's ruleset in one transaction.
pub fn load(state: &mut State, out: &mut Output, files: &Files, services: &Services, what: &Load<'_>) -> i32 {
    let config = grammar::parse(what.text, what.anchor, services);
    if what.verbose {
        print(&config, out, services);
    }
    if !config.refusals.is_empty() {
        for Refusal { line, message } in &config.refusals {
            out.err(format!("{}:{line}: {message}", what.name));
        }
        if !what.dry_run {
            out.fail("Syntax error in config file: pf rules not loaded");
        }
        return 1;
    }
    if what.dry_run {
        return 0;
    }
    let mut next = state.clone();
    let mut changes = Vec::new();
    if what.anchor.is_empty() {
        next.skip.clear();
    }
    apply(&mut next, &config, what.anchor, what.loader, services, &mut changes);
    // `set` and `load anchor` within -a are read and not applied.
    if what.anchor.is_empty() {
        for item in &config.items {
            match item {
                Item::Skip(names) => next.skip.extend(names.iter().cloned()),
                Item::LoadAnchor(path, file) => {
                    let text = match files.read(file) {
                        Ok(text) => text,
                        Err(_) => return out.fail(format!("{file}: No such file or directory")),
                    };
                    let config = grammar::parse(&text, path, services);
                    if let Some(Refusal { line, message }) = config.refusals.first() {
                        out.err(format!("{file}:{line}: {message}"));
                        return out.fail("Syntax error in config file: pf rules not loaded");
                    }
                    apply(&mut next, &config, path, what.loader, services, &mut changes);
                }
                _ => {}
            }
        }
    }
    *state = next;
    out.changes.append(&mut changes);
    0
}

/// Replaces the rules of one path. Children are other rulesets, and stay.
fn apply(
    state: &mut State,
    config: &Config,
    path: &str,
    loader: Loader,
    services: &Services,
    changes: &mut Vec<serde_json::Value>,
) {
    let mut fresh = Ruleset { loader, ..Ruleset::default() };
    let mut tables = Vec::new();
    for item in &config.items {
        match item {
            Item::Rules(rules) => {
                for rule in rules {
                    let list = match rule.action {
                        Action::Scrub | Action::NoScrub | Action::ScrubAnchor => &mut fresh.scrub,
                        Action::NatAnchor => &mut fresh.nat,
                        Action::RdrAnchor => &mut fresh.rdr,
                        Action::DummynetAnchor => &mut fresh.dummynet,
                        _ => &mut fresh.filter,
                    };
                    list.push(rule.clone());
                }
            }
            Item::Table(name, table, written) => tables.push((name, table, *written)),
            _ => {}
        }
    }
    // A rule that calls an anchor makes it.
    for call in fresh.rules().filter_map(|r| r.anchor.as_ref()) {
        state.ruleset_mut(&call.path);
    }
    let ruleset = state.ruleset_mut(path);
    let mut kept = std::mem::take(&mut ruleset.tables);
    kept.retain(|name, table| table.persist || fresh.refers_to_table(name));
    for (name, table, written) in tables {
        let mut table = table.clone();
        if let (false, Some(old)) = (written, kept.get(name)) {
            table.addresses.clone_from(&old.addresses);
        }
        kept.insert(name.clone(), table);
    }
    fresh.tables = kept;
    let rules: Vec<String> = fresh.rules().map(|r| printer::rule(r, services, View::Kernel)).collect();
    changes.push(json!({
        "change": "rules",
        "anchor": path,
        "rules": rules,
        "tables": fresh.tables.iter().map(|(name, table)| printer::table(name, table, true)).collect::<Vec<_>>(),
    }));
    *state.ruleset_mut(path) = fresh;
}

fn print(config: &Config, out: &mut Output, services: &Services) {
    for item in &config.items {
        match item {
            Item::Macro(name, value) => out.out(format!("{name} = \"{value}\"")),
            Item::Skip(names) => out.out(format!("set skip on {{ {} }}", names.join(" "))),
            Item::Set(text) => out.out(format!("set {text}")),
            Item::Table(name, table, written) => out.out(printer::table(name, table, *written)),
            Item::Rules(rules) => {
                for rule in rules {
                    out.out(printer::rule(rule, services, View::Parsed));
                }
            }
            Item::LoadAnchor(..) => {}
        }
    }
}

/// The main ruleset as launchd loads it at boot: `pfctl -f /etc/pf.conf`, which enables nothing.
pub fn boot(files: &Files, services: &Services, boot: u64, tokens_made: u64) -> (State, Output) {
    let mut state = State { boot, tokens_made, ..State::default() };
    state.ruleset_mut("");
    let mut out = Output::default();
    let text = files.read("/etc/pf.conf").unwrap_or_default();
    let (anchor, loader) = ("", Loader { uid: 0, pid: LAUNCHD });
    let what = Load { name: "/etc/pf.conf", text: &text, anchor, dry_run: false, verbose: false, loader };
    load(&mut state, &mut out, files, services, &what);
    (state, out)
}

/// The anchor of `-a`, or pfctl's refusal of it.
pub fn check_anchor(anchor: &str) -> Result<&str, String> {
    // `x/*` is x (pfctl.c).
    let path = anchor.strip_suffix("/*").unwrap_or(anchor).trim_matches('/');
    if path.split('/').any(|part| part.starts_with('_')) {
        return Err("anchor names beginning with '_' cannot be modified from the command line".to_owned());
    }
    anchor_path::check(path).map(|()| path)
}
