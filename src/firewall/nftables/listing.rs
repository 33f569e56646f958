//! What `nft -j list ruleset` prints, as far as a gate has to know it (libnftables-json(5)).

use serde::Deserialize;
use serde_json::{Map, Value};

/// The ruleset as it was read. Sets of other tables, counters and the like are left out.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) tables: Vec<NftTable>,
    pub(super) chains: Vec<Chain>,
    pub(super) sets: Vec<Set>,
    pub(super) rules: Vec<NftRule>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NftTable {
    pub(super) family: String,
    pub(super) name: String,
    #[serde(default)]
    flags: Value,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chain {
    pub(super) family: String,
    pub(super) table: String,
    pub(super) name: String,
    /// What makes it a base chain: `input`, `output`, …
    pub(super) hook: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) prio: Option<i64>,
    pub(super) policy: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Set {
    pub(super) family: String,
    pub(super) table: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) elem: Vec<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NftRule {
    pub(super) family: String,
    pub(super) table: String,
    pub(super) chain: String,
    pub(super) handle: u64,
    #[serde(default)]
    pub(super) comment: String,
    #[serde(default)]
    pub(super) expr: Vec<Value>,
}

#[derive(Deserialize)]
struct ListingDocument {
    nftables: Vec<Map<String, Value>>,
}

impl Listing {
    pub(super) fn parse(text: &str) -> Result<Listing, serde_json::Error> {
        let document: ListingDocument = serde_json::from_str(text)?;
        let mut listing = Listing::default();
        for (kind, value) in document.nftables.into_iter().flatten() {
            match kind.as_str() {
                "table" => listing.tables.push(serde_json::from_value(value)?),
                "chain" => listing.chains.push(serde_json::from_value(value)?),
                "rule" => {
                    let mut rule: NftRule = serde_json::from_value(value)?;
                    rule.expr.iter_mut().for_each(alike);
                    listing.rules.push(rule);
                }
                // Another program's set may hold elements in any form.
                "set" => listing.sets.extend(serde_json::from_value::<Set>(value).ok()),
                _ => {}
            }
        }
        Ok(listing)
    }

    /// Adds a table of which its name alone is known.
    pub(super) fn add_name(&mut self, family: &str, name: String) {
        self.tables.push(NftTable { family: family.to_owned(), name, flags: Value::Null });
    }

    /// Adds another listing's tables, chains and rules.
    pub(super) fn add(&mut self, other: Listing) {
        self.tables.extend(other.tables);
        self.chains.extend(other.chains);
        self.sets.extend(other.sets);
        self.rules.extend(other.rules);
    }

    /// Takes a table out, with all that is in it.
    pub(super) fn take_out(&mut self, family: &str, name: &str) {
        self.tables.retain(|one| (&*one.family, &*one.name) != (family, name));
        self.chains.retain(|one| (&*one.family, &*one.table) != (family, name));
        self.sets.retain(|one| (&*one.family, &*one.table) != (family, name));
        self.rules.retain(|one| (&*one.family, &*one.table) != (family, name));
    }

    /// The rules of a chain, in the order of their evaluation.
    pub(super) fn rules_of<'a>(&'a self, chain: &'a Chain) -> impl Iterator<Item = &'a NftRule> {
        self.rules.iter().filter(move |rule| {
            (&rule.family, &rule.table, &rule.chain) == (&chain.family, &chain.table, &chain.name)
        })
    }

    /// A dormant table is there, and not evaluated.
    pub(super) fn is_dormant(&self, family: &str, name: &str) -> bool {
        let table = self.tables.iter().find(|table| table.family == family && table.name == name);
        table.is_some_and(|table| match &table.flags {
            Value::String(flag) => flag == "dormant",
            Value::Array(flags) => flags.iter().any(|flag| flag == "dormant"),
            _ => false,
        })
    }
}

/// A mask of bits is printed as a number, as a list of numbers, or as `{"|": [...]}`, by the
/// version of nft: here it is a number. One flag of `fib` is printed as a list or by itself: here
/// it is a list.
fn alike(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Array(operands)) = object.get_mut("&") {
                operands.iter_mut().skip(1).for_each(|mask| {
                    if let Some(sum) = sum(mask) {
                        *mask = sum.into();
                    }
                });
            }
            if let Some(flags) = object.get_mut("fib").and_then(|fib| fib.get_mut("flags")) {
                if flags.is_string() {
                    *flags = Value::Array(vec![flags.take()]);
                }
            }
            object.values_mut().for_each(alike);
        }
        Value::Array(list) => list.iter_mut().for_each(alike),
        _ => {}
    }
}

fn sum(mask: &Value) -> Option<u64> {
    match mask {
        Value::Number(number) => number.as_u64(),
        Value::Array(bits) => bits.iter().try_fold(0_u64, |so_far, bit| so_far.checked_add(sum(bit)?)),
        Value::Object(or) if or.len() == 1 => sum(or.get("|")?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mask_is_a_number_however_nft_prints_it() {
        for mask in [json!(18), json!([2, 16]), json!({"|": [2, 16]})] {
            let mut expr =
                json!([{"match": {"op": "!=", "left": {"&": [{"payload": {}}, mask]}, "right": 2}}]);
            alike(&mut expr);
            assert_eq!(expr[0]["match"]["left"]["&"][1], 18);
        }
        let mut names = json!({"&": [{}, ["syn", "ack"]]});
        alike(&mut names);
        assert_eq!(names["&"][1], json!(["syn", "ack"]), "not understood, left as it is");
        let mut large = json!({"&": [{}, [u64::MAX, 1]]});
        alike(&mut large);
        assert_eq!(large["&"][1], json!([u64::MAX, 1]), "no mask of 64 bits, left as it is");
    }

    #[test]
    fn one_flag_of_fib_is_a_list_however_nft_prints_it() {
        for flags in [json!("daddr"), json!(["daddr"])] {
            let mut matches = json!({"match": {"left": {"fib": {"result": "type", "flags": flags}}}});
            alike(&mut matches);
            assert_eq!(matches["match"]["left"]["fib"]["flags"], json!(["daddr"]));
        }
    }
}
