//! Reading back: whether the ruleset holds what was asked for.

use ipnet::IpNet;
use serde_json::Value;

use super::cidr;
use super::gate::{INPUT, MARK_PREFIX, NftGate, OUTPUT, TABLE_PREFIX, WantedGate, of_table, priority};
use super::listing::{Chain, Listing, NftRule, NftTable};
use super::ruleset::{has_table, marked, may_drop, own_hooks};

/// What of this state the ruleset does not hold, in words that go after "but".
pub(super) fn missing(now: &Listing, gate: &NftGate, state: WantedGate) -> Option<String> {
    let own = || own_table(now, gate, state);
    let others = || match state {
        WantedGate::Guarded => may_drop(now)
            .find_map(|chain| not_let_through(now, gate, chain))
            .or_else(|| other_gate(now, gate)),
        WantedGate::Shut | WantedGate::Gone => left(now, gate),
    };
    own().or_else(others)
}

fn own_table(now: &Listing, gate: &NftGate, state: WantedGate) -> Option<String> {
    let table = gate.table();
    match (state, has_table(now, gate)) {
        (WantedGate::Gone, true) => return Some(format!("the table inet {table} is still there")),
        (WantedGate::Gone, false) => return None,
        (_, false) => return Some("the table is not there".to_owned()),
        (_, true) if now.is_dormant("inet", &table) => return Some("the table is dormant".to_owned()),
        (_, true) => {}
    }
    let chains: Vec<&Chain> =
        now.chains.iter().filter(|chain| chain.family == "inet" && chain.table == table).collect();
    let hooks: Vec<&str> = own_hooks(gate, state).collect();
    if chains.len() != hooks.len() {
        return Some(format!("it has {} chains instead of {}", chains.len(), hooks.len()));
    }
    for hook in hooks {
        let found = chains.iter().find(|chain| is_ours(chain, hook));
        let Some(chain) = found else { return Some(format!("it has no chain on the {hook} hook")) };
        if !say(now.rules_of(chain), &gate.own_rules(state, hook)) {
            return Some(format!("the rules of its {hook} chain are not the ones that were loaded"));
        }
    }
    wrong_set(now, &table, gate, state).map(|name| format!("its set {name} does not hold the peers"))
}

/// Whether the rules are the wanted ones, in order.
fn say<'a>(rules: impl Iterator<Item = &'a NftRule>, wanted: &[Value]) -> bool {
    let rules: Vec<&NftRule> = rules.collect();
    rules.len() == wanted.len() && rules.iter().zip(wanted).all(|(rule, wanted)| says(rule, wanted))
}

/// Whether a rule is the wanted one. Addresses of a set without a name are printed in another
/// order, and neighbours as one.
fn says(rule: &NftRule, wanted: &Value) -> bool {
    let Some(wanted) = wanted.as_array() else { return false };
    rule.expr.len() == wanted.len()
        && rule.expr.iter().zip(wanted).all(|(found, wanted)| is_statement(found, wanted))
}

fn is_statement(found: &Value, wanted: &Value) -> bool {
    let set = |statement: &Value| statement["match"]["right"]["set"].as_array().cloned();
    let (Some(elements), Some(peers)) = (set(found), set(wanted)) else { return found == wanted };
    let sides = ["op", "left"];
    sides.iter().all(|side| found["match"][side] == wanted["match"][side])
        && cidr::are_same(&elements, &peers)
}

/// A set of the gate's that this table does not have, or has with others than the peers.
fn wrong_set(now: &Listing, table: &str, gate: &NftGate, state: WantedGate) -> Option<&'static str> {
    let holds = |name: &str, peers: &[IpNet]| {
        let set = now.sets.iter().find(|set| set.family == "inet" && set.table == table && set.name == name);
        set.is_some_and(|set| cidr::are(&set.elem, peers))
    };
    let wrong = gate.sets(state).into_iter().find(|(name, _, peers)| !holds(name, peers));
    wrong.map(|(name, _, _)| name)
}

fn is_ours(chain: &Chain, hook: &str) -> bool {
    chain.hook.as_deref() == Some(hook)
        && chain.kind.as_deref() == Some("filter")
        && chain.prio == Some(priority(hook))
        && chain.policy.as_deref() == Some("accept")
}

/// The accept rules count where nothing but dlvgates' own rules comes before them.
fn not_let_through(now: &Listing, gate: &NftGate, chain: &Chain) -> Option<String> {
    let mark = gate.mark();
    let head: Vec<&NftRule> =
        now.rules_of(chain).take_while(|rule| rule.comment.starts_with(MARK_PREFIX)).collect();
    let there = |expr: &Value| head.iter().any(|rule| rule.comment == mark && says(rule, expr));
    let wanted = gate.accepts(&chain.family, chain.hook.as_deref().unwrap_or_default());
    let name = || format!("{} {} {}", chain.family, chain.table, chain.name);
    (!wanted.iter().all(there)).then(|| format!("the chain {} does not let the peers through", name()))
}

/// A killed dlvgate leaves its table. On a port that is dlv's again such a table is in the way,
/// unless it says what ours says.
fn other_gate(now: &Listing, gate: &NftGate) -> Option<String> {
    let (own, suffix) = (gate.table(), format!("_{}", gate.port));
    let mut others = now.tables.iter().filter(|table| {
        let name = &table.name;
        table.family == "inet" && name.starts_with(TABLE_PREFIX) && name.ends_with(&suffix) && *name != own
    });
    let differs = |table: &str| {
        [INPUT, OUTPUT].into_iter().any(|hook| {
            let rules = now.rules.iter().filter(|rule| rule.table == table && rule.chain == hook);
            !say(rules, &gate.own_rules(WantedGate::Guarded, hook))
        }) || wrong_set(now, table, gate, WantedGate::Guarded).is_some()
    };
    let NftTable { name, .. } = others.find(|table| differs(&table.name))?;
    let pid = of_table(name).map_or(0, |(pid, _)| pid);
    Some(format!(
        "the table inet {name}, of the guard with process id {pid}, blocks the port; if that was killed, `sudo dlvgate firewall sweep` \
         removes it, and if it runs, it is the port of another, so that this needs another port"
    ))
}

fn left(now: &Listing, gate: &NftGate) -> Option<String> {
    let rule = marked(now, gate).next()?;
    let NftRule { family, table, chain, handle, .. } = rule;
    Some(format!("the rule with handle {handle} in the chain {family} {table} {chain} is still there"))
}

#[cfg(test)]
mod tests;
