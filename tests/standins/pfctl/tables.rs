//! `-t TABLE -T COMMAND`.

use serde_json::json;

use crate::model::{Net, State, Table, TableEntry};
use crate::noise::Output;
use crate::printer;
use crate::rule::TABLE_NAME_MAX;

/// What pfctl exits with when a table command fails.
const REFUSED: i32 = 255;

/// `None` is a usage error.
pub fn run(
    state: &mut State,
    out: &mut Output,
    anchor: &str,
    name: &str,
    command: &str,
    words: &[String],
) -> Option<i32> {
    if name.len() > TABLE_NAME_MAX {
        return None;
    }
    let mut entries: Vec<TableEntry> = Vec::new();
    for word in words {
        let (negated, text) = word.strip_prefix('!').map_or((false, word.as_str()), |t| (true, t));
        let Some(net) = Net::parse(text) else {
            out.fail(format!("cannot load \"{word}\": no IP address found for {text}"));
            return Some(REFUSED);
        };
        let entry = TableEntry { negated, net };
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    let code = match command {
        "add" | "replace" => {
            // Adding to a table that is not there makes it, with persist.
            let ruleset = state.ruleset_mut(anchor);
            if !ruleset.tables.contains_key(name) {
                ruleset.tables.insert(name.to_owned(), Table { persist: true, ..Table::default() });
                out.err("1 table created.");
            }
            let table = ruleset.tables.entry(name.to_owned()).or_default();
            if table.constant {
                out.err("pfctl: Operation not permitted.");
                return Some(REFUSED);
            }
            if command == "add" {
                add(out, table, &entries)
            } else {
                replace(out, table, entries)
            }
            0
        }
        "delete" | "flush" | "show" | "test" | "kill" => {
            let Some(table) = state.rulesets.get_mut(anchor).and_then(|r| r.tables.get_mut(name)) else {
                out.err("pfctl: Table does not exist.");
                return Some(REFUSED);
            };
            existing(out, table, command, &entries)
        }
        _ => return None,
    };
    if command == "kill" {
        if let Some(ruleset) = state.rulesets.get_mut(anchor) {
            ruleset.tables.remove(name);
        }
    }
    if !matches!(command, "show" | "test") {
        let left = state.rulesets.get(anchor).and_then(|r| r.tables.get(name));
        let addresses: Option<Vec<String>> = left.map(|t| t.addresses.iter().map(printer::entry).collect());
        out.changes.push(json!({
            "change": "table", "anchor": anchor, "table": name, "command": command, "addresses": addresses,
        }));
    }
    Some(code)
}

fn add(out: &mut Output, table: &mut Table, entries: &[TableEntry]) {
    let before = table.addresses.len();
    for entry in entries {
        if !table.addresses.iter().any(|e| e.net == entry.net) {
            table.addresses.push(entry.clone());
        }
    }
    out.err(format!("{}/{} addresses added.", table.addresses.len() - before, entries.len()));
}

fn replace(out: &mut Output, table: &mut Table, entries: Vec<TableEntry>) {
    let added = entries.iter().filter(|e| !table.addresses.contains(e)).count();
    let deleted = table.addresses.iter().filter(|e| !entries.contains(e)).count();
    table.addresses = entries;
    if added > 0 {
        out.err(format!("{added} addresses added."));
    }
    if deleted > 0 {
        out.err(format!("{deleted} addresses deleted."));
    }
    if added + deleted == 0 {
        out.err("no changes.");
    }
}

fn existing(out: &mut Output, table: &mut Table, command: &str, entries: &[TableEntry]) -> i32 {
    let before = table.addresses.len();
    match command {
        "show" => {
            for entry in &table.addresses {
                let sign = if entry.negated { '!' } else { ' ' };
                out.out(format!("  {sign}{}", printer::net(&entry.net)));
            }
        }
        "test" => {
            let matched = entries.iter().filter(|e| holds(table, e)).count();
            out.err(format!("{matched}/{} addresses match.", entries.len()));
            return if matched == entries.len() { 0 } else { 2 };
        }
        "delete" => {
            table.addresses.retain(|e| !entries.iter().any(|gone| gone.net == e.net));
            out.err(format!("{}/{} addresses deleted.", before - table.addresses.len(), entries.len()));
        }
        "flush" => {
            table.addresses.clear();
            out.err(format!("{before} addresses deleted."));
        }
        _ => out.err("1 table deleted."),
    }
    0
}

fn holds(table: &Table, entry: &TableEntry) -> bool {
    lookup(table, entry.net.address)
}

/// The longest prefix decides, and a negated entry decides against.
pub fn lookup(table: &Table, address: std::net::IpAddr) -> bool {
    table
        .addresses
        .iter()
        .filter(|e| e.net.contains(address))
        .max_by_key(|e| e.net.prefix)
        .is_some_and(|e| !e.negated)
}
