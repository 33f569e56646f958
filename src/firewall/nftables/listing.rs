//! What `nft -j list ruleset` prints, as far as a gate has to know it (libnftables-json(5)).

use serde::Deserialize;
use serde_json::{Map, Value};

/// The ruleset as it was read. Sets of other tables, counters and the like are left out.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) tables: Vec<Table>,
    pub(super) chains: Vec<Chain>,
    pub(super) sets: Vec<Set>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Table {
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
pub(super) struct Rule {
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
struct Document {
    nftables: Vec<Map<String, Value>>,
}

impl Listing {
    pub(super) fn parse(text: &str) -> Result<Listing, serde_json::Error> {
        let document: Document = serde_json::from_str(text)?;
        let mut listing = Listing::default();
        for (kind, value) in document.nftables.into_iter().flatten() {
            match kind.as_str() {
                "table" => listing.tables.push(serde_json::from_value(value)?),
                "chain" => listing.chains.push(serde_json::from_value(value)?),
                "rule" => listing.rules.push(serde_json::from_value(value)?),
                // A set of somebody else may hold elements in any form.
                "set" => listing.sets.extend(serde_json::from_value::<Set>(value).ok()),
                _ => {}
            }
        }
        Ok(listing)
    }

    /// The rules of a chain, in the order of their evaluation.
    pub(super) fn rules_of<'a>(&'a self, chain: &'a Chain) -> impl Iterator<Item = &'a Rule> {
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
