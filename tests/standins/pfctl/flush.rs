//! `-F` and `-k`: clears rules, tables and states.

use std::net::IpAddr;

use serde_json::json;

use crate::model::{Net, State};
use crate::noise::Output;

/// As with `-s`, any start of a word will do.
const WORDS: [&str; 8] = ["nat", "rules", "Sources", "states", "info", "Tables", "osfp", "all"];

/// `None` is a usage error.
pub fn flush(state: &mut State, out: &mut Output, word: &str, anchor: &str) -> Option<i32> {
    let word = WORDS.iter().find(|w| w.starts_with(word) && !word.is_empty())?;
    match *word {
        "rules" => rules(state, out, anchor),
        "nat" => nat(state, out, anchor),
        "Tables" => tables(state, out, anchor),
        "states" => states(state, out),
        "info" => out.err("pf: statistics cleared"),
        "Sources" => out.err("source tracking entries cleared"),
        "all" => {
            rules(state, out, anchor);
            nat(state, out, anchor);
            state.ruleset_mut(anchor).dummynet.clear();
            out.err("dummynet cleared");
            tables(state, out, anchor);
            if anchor.is_empty() {
                states(state, out);
                out.err("source tracking entries cleared");
                out.err("pf: statistics cleared");
                state.skip.clear();
                out.err("pf: interface flags reset");
            }
        }
        _ => {}
    }
    Some(0)
}

/// Only this anchor's; its children stay, though nothing may call them any more. The transaction
/// makes an anchor that was not there.
fn rules(state: &mut State, out: &mut Output, anchor: &str) {
    let ruleset = state.ruleset_mut(anchor);
    ruleset.filter.clear();
    ruleset.scrub.clear();
    let mut tables = std::mem::take(&mut ruleset.tables);
    tables.retain(|name, table| table.persist || ruleset.refers_to_table(name));
    ruleset.tables = tables;
    out.changes.push(json!({ "change": "rules cleared", "anchor": anchor }));
    out.err("rules cleared");
}

fn nat(state: &mut State, out: &mut Output, anchor: &str) {
    let ruleset = state.ruleset_mut(anchor);
    ruleset.nat.clear();
    ruleset.rdr.clear();
    out.changes.push(json!({ "change": "nat cleared", "anchor": anchor }));
    out.err("nat cleared");
}

/// An anchor that is not there has none to clear.
fn tables(state: &mut State, out: &mut Output, anchor: &str) {
    let gone = state.rulesets.get_mut(anchor).map_or(0, |ruleset| std::mem::take(&mut ruleset.tables).len());
    out.changes.push(json!({ "change": "tables cleared", "anchor": anchor, "tables": gone }));
    out.err(format!("{gone} tables deleted."));
}

/// Everybody's: a state belongs to no anchor here.
fn states(state: &mut State, out: &mut Output) {
    let gone = std::mem::take(&mut state.states).len();
    out.changes.push(json!({ "change": "states cleared", "states": gone }));
    out.err(format!("{gone} states cleared"));
}

/// `-k FROM [-k TO]`: every port between them. Words such as `label` are names of hosts to it, and
/// unknown ones.
pub fn kill(state: &mut State, out: &mut Output, hosts: &[String]) -> i32 {
    let mut nets = Vec::new();
    for host in hosts {
        match Net::parse(host) {
            Some(net) => nets.push(net),
            None => return out.fail("getaddrinfo: nodename nor servname provided, or not known"),
        }
    }
    let within = |net: Option<&Net>, address: IpAddr| net.is_none_or(|n| n.contains(address));
    let before = state.states.len();
    state.states.retain(|s| !(within(nets.first(), s.source) && within(nets.get(1), s.destination)));
    let gone = before - state.states.len();
    out.changes.push(json!({ "change": "states killed", "hosts": hosts, "states": gone }));
    let destinations = usize::from(hosts.len() > 1);
    out.err(format!("killed {gone} states from 1 sources and {destinations} destinations"));
    0
}
