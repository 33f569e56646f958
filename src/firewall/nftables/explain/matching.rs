//! Whether a match of a rule holds: yes, no, or unknown.

use serde_json::Value as Json;

use super::elements::{any, holds, numbers};
use super::loaded::LoadedNft;
use super::packet::ChainPacket;
use super::value::{FieldValue, NumberKind};
use crate::firewall::explain::Tristate;
use crate::firewall::nftables::listing::Chain;

/// Whether `{"op": …, "left": …, "right": …}` holds.
pub(super) fn fit(body: &Json, packet: &ChainPacket<'_>, chain: &Chain, loaded: &LoadedNft) -> Tristate {
    let part = |name: &str| body.get(name).unwrap_or(&Json::Null);
    let (operator, left, right) = (part("op").as_str().unwrap_or_default(), part("left"), part("right"));
    let not_understood = || Tristate::unknown(format!("`{body}` is not understood"));
    if let Some([masked, mask]) = left.get("&").and_then(Json::as_array).map(Vec::as_slice) {
        return match packet.value(masked) {
            FieldValue::Absent => Tristate::No,
            FieldValue::Number { kind, low, high } if low == high => {
                kind.bits(mask).map_or_else(not_understood, |mask| {
                    compare(operator, &FieldValue::exactly(kind, low & mask), right, chain, loaded)
                })
            }
            FieldValue::Unknown(reason) => Tristate::unknown(reason),
            _ => not_understood(),
        };
    }
    compare(operator, &packet.value(left), right, chain, loaded)
}

fn compare(operator: &str, value: &FieldValue, right: &Json, chain: &Chain, loaded: &LoadedNft) -> Tristate {
    // What a packet does not have ends the rule, `!=` or not.
    if is_absent(value) {
        return Tristate::No;
    }
    let not_understood = || Tristate::unknown(format!("`{operator} {right}` is not understood"));
    match (operator, value) {
        (
            "==" | "in" | "!=" | "!",
            FieldValue::Number { kind: NumberKind::State | NumberKind::Flags, low, high },
        ) if low == high && !is_set(right) => {
            let FieldValue::Number { kind, .. } = value else { return not_understood() };
            let several = right.is_array() || right.get("|").is_some();
            kind.bits(right).map_or_else(not_understood, |bits| match operator {
                "==" => (*low == bits).into(),
                "in" => (low & bits != 0).into(),
                "!" => (low & bits == 0).into(),
                // nft has taken `!= a,b` for another number, and for none of these bits.
                _ if several && (*low != bits) != (low & bits == 0) => not_understood(),
                _ => (*low != bits).into(),
            })
        }
        ("==" | "in", _) => member(value, right, chain, loaded),
        ("!=", _) => member(value, right, chain, loaded).negated_if(true),
        ("<" | ">" | "<=" | ">=", FieldValue::Number { kind, low, high }) => match numbers(*kind, right) {
            Some((number, last)) if number == last => ordered(operator, *low, *high, number),
            _ => not_understood(),
        },
        (_, FieldValue::Unknown(reason)) => Tristate::unknown(reason.clone()),
        _ => not_understood(),
    }
}

fn is_absent(value: &FieldValue) -> bool {
    match value {
        FieldValue::Absent => true,
        FieldValue::Concat(parts) => parts.iter().any(is_absent),
        _ => false,
    }
}

fn is_set(right: &Json) -> bool {
    right.get("set").is_some() || right.as_str().is_some_and(|text| text.starts_with('@'))
}

/// Whether the value is the right side, or one of its elements.
fn member(value: &FieldValue, right: &Json, chain: &Chain, loaded: &LoadedNft) -> Tristate {
    match elements(right, chain, loaded) {
        Some(Ok(elements)) => any(value, elements),
        Some(Err(name)) => Tristate::unknown(format!("the set {name} is not understood")),
        None => holds(value, right),
    }
}

/// The elements of a set or map, named or not; `Err`: a name that is not known.
pub(super) fn elements<'a>(
    right: &'a Json,
    chain: &Chain,
    loaded: &'a LoadedNft,
) -> Option<Result<&'a [Json], &'a str>> {
    if let Some(elements) = right.get("set").and_then(Json::as_array) {
        return Some(Ok(elements));
    }
    let name = right.as_str()?.strip_prefix('@')?;
    Some(loaded.elements(chain, name).ok_or(name))
}

fn ordered(operator: &str, low: u32, high: u32, number: u32) -> Tristate {
    let holds = |value: u32| match operator {
        "<" => value < number,
        ">" => value > number,
        "<=" => value <= number,
        _ => value >= number,
    };
    match (holds(low), holds(high)) {
        (true, true) => Tristate::Yes,
        (false, false) => Tristate::No,
        _ => Tristate::unknown("it depends on the source port (--from-port)".to_owned()),
    }
}
