//! From the ruleset as it is to the one that is wanted: the commands of one transaction, as
//! `nft -j -f -` takes them.
//!
//! No rule asks connection tracking anything: an established connection is judged like a new one,
//! so that shutting a gate shuts it at once.

use serde_json::{Value, json};

use super::cidr::element;
use super::gate::{INPUT, NftGate, OUTPUT, TABLE_PREFIX, WantedGate, priority};
use super::listing::{Chain, Listing, NftRule};

/// Statements that never end a packet's way. Anything else might: a jump leads to who knows what,
/// and what this list does not know is taken for a drop.
const HARMLESS: [&str; 8] = ["match", "accept", "return", "continue", "counter", "log", "limit", "mangle"];

/// The transaction that brings a gate into this state, whatever of it there is now; `None` if
/// nothing is to do.
///
/// Our table is replaced as a whole, and the marked rules in others' chains are deleted by handle,
/// each only where it exists: after a `flush ruleset` the same call still leads to the wanted
/// state.
pub(super) fn transaction(now: &Listing, gate: &NftGate, wanted: WantedGate) -> Option<Value> {
    let table = json!({"family": "inet", "name": gate.table()});
    let mut commands: Vec<Value> = marked(now, gate).map(delete).collect();
    if wanted == WantedGate::Gone {
        if has_table(now, gate) {
            commands.push(json!({"delete": {"table": table}}));
        }
    } else {
        // Deleting a missing table would fail, so it is added first, which does nothing if it
        // exists.
        commands.push(json!({"add": {"table": table}}));
        commands.push(json!({"delete": {"table": table}}));
        commands.push(json!({"add": {"table": table}}));
        own_table(gate, wanted, &mut commands);
    }
    if wanted == WantedGate::Guarded {
        for chain in may_drop(now) {
            let rules = gate.accepts(&chain.family, chain.hook.as_deref().unwrap_or_default());
            commands.extend(rules.into_iter().map(|expr| insert(chain, gate, &expr)));
        }
    }
    (!commands.is_empty()).then(|| json!({"nftables": commands}))
}

/// The hooks on which the gate has a chain of its own in this state.
pub(super) fn own_hooks(gate: &NftGate, state: WantedGate) -> impl Iterator<Item = &'static str> {
    [INPUT, OUTPUT].into_iter().filter(move |hook| !gate.own_rules(state, hook).is_empty())
}

/// The base chains of others that could drop a peer's packet or its answer.
pub(super) fn may_drop(now: &Listing) -> impl Iterator<Item = &Chain> {
    now.chains.iter().filter(|chain| {
        let filters = matches!(chain.hook.as_deref(), Some(INPUT | OUTPUT))
            && matches!(chain.family.as_str(), "inet" | "ip" | "ip6")
            && chain.kind.as_deref() != Some("nat"); // nftables filters in no nat chain: nft(8)
        let drops = chain.policy.as_deref() != Some("accept")
            || now.rules_of(chain).flat_map(|rule| &rule.expr).any(is_no_mere_pass);
        filters && drops && !is_gate(&chain.table) && !now.is_dormant(&chain.family, &chain.table)
    })
}

/// The rules of this gate in others' tables.
pub(super) fn marked<'a>(now: &'a Listing, gate: &NftGate) -> impl Iterator<Item = &'a NftRule> {
    let mark = gate.mark();
    now.rules.iter().filter(move |rule| rule.comment == mark && !is_gate(&rule.table))
}

/// Whether the gate's own table is there.
pub(super) fn has_table(now: &Listing, gate: &NftGate) -> bool {
    let name = gate.table();
    now.tables.iter().any(|table| table.family == "inet" && table.name == name)
}

/// A table of ours, or of another dlvgate, which gates another port.
fn is_gate(table: &str) -> bool {
    table.starts_with(TABLE_PREFIX)
}

fn is_no_mere_pass(statement: &Value) -> bool {
    let name = statement.as_object().and_then(|object| object.keys().next());
    !name.is_some_and(|name| HARMLESS.contains(&name.as_str()))
}

fn own_table(gate: &NftGate, state: WantedGate, commands: &mut Vec<Value>) {
    let table = gate.table();
    for (name, kind, cidrs) in gate.sets(state) {
        let elements: Vec<Value> = cidrs.iter().copied().map(element).collect();
        let mut set = json!({"family": "inet", "table": table, "name": name, "type": kind, "elem": elements});
        if elements.iter().any(Value::is_object) {
            set["flags"] = json!(["interval"]);
        }
        commands.push(json!({"add": {"set": set}}));
    }
    for hook in own_hooks(gate, state) {
        commands.push(json!({"add": {"chain": {
            "family": "inet", "table": table, "name": hook, "type": "filter", "hook": hook,
            "prio": priority(hook), "policy": "accept",
        }}}));
        for expr in gate.own_rules(state, hook) {
            commands.push(json!({"add": {"rule": {
                "family": "inet", "table": table, "chain": hook, "comment": gate.mark(), "expr": expr,
            }}}));
        }
    }
}

fn insert(chain: &Chain, gate: &NftGate, expr: &Value) -> Value {
    json!({"insert": {"rule": {
        "family": chain.family, "table": chain.table, "chain": chain.name, "comment": gate.mark(), "expr": expr,
    }}})
}

fn delete(rule: &NftRule) -> Value {
    json!({"delete": {"rule": {
        "family": rule.family, "table": rule.table, "chain": rule.chain, "handle": rule.handle,
    }}})
}

#[cfg(test)]
mod tests;
