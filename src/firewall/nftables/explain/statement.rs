//! What one statement of a rule does to a packet's way.

use serde_json::Value as Json;

use super::elements::{holds, is_catch_all};
use super::loaded::LoadedNft;
use super::matching::{elements, fit};
use super::packet::ChainPacket;
use crate::firewall::explain::{Decision, Tristate};
use crate::firewall::nftables::listing::Chain;

/// A statement, as far as it concerns the packet's way.
#[derive(Debug, PartialEq)]
pub(super) enum Statement {
    /// The rule goes on only where this holds.
    If(Tristate),
    /// The rule goes on.
    Nothing,
    /// Connection tracking does not get to see the packet.
    Untrack,
    /// It changes what later rules see, or is not known here; then the rule goes on.
    Opaque(String),
    /// The end of the rule: each verdict that may be the one, with the reasons why that is not
    /// certain.
    Verdicts(Vec<(ChainVerdict, Vec<String>)>),
}

/// Where the packet goes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ChainVerdict {
    Accept,
    Drop,
    Reject,
    /// Past this base chain, with another source address.
    NewSource,
    Jump(String),
    Goto(String),
    Return,
    /// To the next rule.
    Continue,
    /// Away from here, to where it is not followed.
    Away(String),
}

impl ChainVerdict {
    /// What it means for the packet; `None`: that depends on what follows.
    pub(super) fn decision(&self) -> Option<Decision> {
        match self {
            ChainVerdict::Accept | ChainVerdict::NewSource => Some(Decision::Pass),
            ChainVerdict::Drop | ChainVerdict::Reject => Some(Decision::Block),
            _ => None,
        }
    }
}

/// Fields of headers that rules are asked about here, and which a rule may overwrite.
const FIELDS: [&str; 7] = ["saddr", "daddr", "sport", "dport", "flags", "protocol", "nexthdr"];

/// Reads a statement. `is_last`: none follows in its rule.
pub(super) fn read(
    statement: &Json,
    is_last: bool,
    packet: &ChainPacket<'_>,
    chain: &Chain,
    loaded: &LoadedNft,
) -> Statement {
    let Some((name, body)) = statement.as_object().and_then(|object| object.iter().next()) else {
        return Statement::Opaque(format!("`{statement}` is not understood"));
    };
    match name.as_str() {
        "match" => Statement::If(fit(body, packet, chain, loaded)),
        "vmap" => verdicts(body, packet, chain, loaded),
        "counter" | "log" | "last" | "comment" | "dup" | "ct helper" | "ct timeout" | "ct expectation"
        | "secmark" | "flow" => Statement::Nothing,
        "mangle" => mangle(body),
        "notrack" => Statement::Untrack,
        "limit" | "quota" | "ct count" | "set" | "map" => {
            Statement::If(Tristate::unknown(format!("whether `{name}` lets it on is not known before")))
        }
        // An extension of iptables, of which nft may say no more; a target is the last of its rule.
        "xt" if !is_last => Statement::If(Tristate::unknown(format!("`{statement}` is not understood"))),
        _ => match verdict(name, body) {
            Some(verdict) => Statement::Verdicts(vec![(verdict, Vec::new())]),
            None => Statement::Opaque(format!("`{statement}` is not understood")),
        },
    }
}

fn verdict(name: &str, body: &Json) -> Option<ChainVerdict> {
    let target = || Some(body.get("target")?.as_str()?.to_owned());
    Some(match name {
        "accept" => ChainVerdict::Accept,
        "drop" => ChainVerdict::Drop,
        "reject" => ChainVerdict::Reject,
        "snat" | "masquerade" => ChainVerdict::NewSource,
        "jump" => ChainVerdict::Jump(target()?),
        "goto" => ChainVerdict::Goto(target()?),
        "return" => ChainVerdict::Return,
        "continue" => ChainVerdict::Continue,
        "dnat" | "redirect" | "tproxy" => {
            ChainVerdict::Away(format!("`{name}` gives it another destination, and it is not followed there"))
        }
        "queue" => ChainVerdict::Away("`queue` leaves the decision to a program".to_owned()),
        "fwd" => ChainVerdict::Away("`fwd` sends it elsewhere".to_owned()),
        "synproxy" => ChainVerdict::Away("`synproxy` answers it for the program".to_owned()),
        _ => return None,
    })
}

/// Reads a `mangle`, which writes a mark or another note that goes with the packet, or the packet
/// itself.
fn mangle(body: &Json) -> Statement {
    let field = body.get("key").and_then(|key| key.get("payload")).map(|payload| payload.get("field"));
    let is_known = |field: &str| !FIELDS.contains(&field);
    match field {
        None => Statement::Nothing,
        Some(Some(Json::String(field))) if is_known(field) => Statement::Nothing,
        Some(_) => Statement::Opaque("it overwrites a part of the packet, which later rules see".to_owned()),
    }
}

/// A verdict map: of a key that it does not hold, the rule does not match.
fn verdicts(body: &Json, packet: &ChainPacket<'_>, chain: &Chain, loaded: &LoadedNft) -> Statement {
    let not_understood = || Statement::Opaque(format!("`{body}` is not understood"));
    let (Some(key), Some(Some(Ok(pairs)))) =
        (body.get("key"), body.get("data").map(|data| elements(data, chain, loaded)))
    else {
        return not_understood();
    };
    let key = packet.value(key);
    let mut possible = Vec::new();
    let mut default = None;
    for pair in pairs {
        let Some([element, verdict_of]) = pair.as_array().map(Vec::as_slice) else { return not_understood() };
        let object = verdict_of.as_object().and_then(|object| object.iter().next());
        let Some(verdict) = object.and_then(|(name, body)| verdict(name, body)) else {
            return not_understood();
        };
        if is_catch_all(element) {
            default = Some(verdict);
            continue;
        }
        match holds(&key, element) {
            Tristate::No => {}
            Tristate::Yes => return Statement::Verdicts(vec![(verdict, Vec::new())]),
            Tristate::Unknown(reasons) => possible.push((verdict, reasons)),
        }
    }
    if let Some(verdict) = default {
        possible.push((verdict, Vec::new()));
    }
    if possible.is_empty() { Statement::If(Tristate::No) } else { Statement::Verdicts(possible) }
}
