//! The ruleset, as far as it is needed for a packet's way: what nft prints as JSON for its meaning,
//! and what it prints as text for people.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::firewall::nftables::listing::{Chain, Listing, NftRule};

/// What nft printed.
#[derive(Clone, Debug, Default)]
pub struct NftListings {
    /// `nft -n -j list ruleset`.
    pub json: String,
    /// `nft -n -s -a list ruleset`.
    pub text: String,
    /// The tables of iptables-legacy that are in use, which nft does not show.
    pub legacy: Vec<String>,
}

/// The ruleset, parsed.
#[derive(Debug)]
pub struct LoadedNft {
    pub(super) listing: Listing,
    pub(super) legacy: Vec<String>,
    /// The elements of named sets and maps, by family, table and name.
    elements: HashMap<(String, String, String), Vec<Value>>,
    /// The rules as text, by family, table and handle.
    texts: BTreeMap<(String, String, u64), String>,
}

#[derive(Deserialize)]
struct RulesetDocument {
    nftables: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Named {
    family: String,
    table: String,
    name: String,
    #[serde(default)]
    elem: Vec<Value>,
}

impl LoadedNft {
    /// Reads what nft printed.
    ///
    /// # Errors
    /// If the JSON is none, or not in nft's form.
    pub fn parse(listings: &NftListings) -> Result<LoadedNft, serde_json::Error> {
        let listing = Listing::parse(&listings.json)?;
        let document: RulesetDocument = serde_json::from_str(&listings.json)?;
        let mut elements = HashMap::new();
        for (kind, value) in document.nftables.into_iter().flatten() {
            if kind == "set" || kind == "map" {
                // One in a form that is not known is not there: a rule that asks it is not
                // understood then.
                if let Ok(Named { family, table, name, elem }) = serde_json::from_value(value) {
                    elements.insert((family, table, name), elem);
                }
            }
        }
        let legacy = listings.legacy.clone();
        Ok(LoadedNft { listing, legacy, elements, texts: texts(&listings.text) })
    }

    /// The elements of a named set or map.
    pub(super) fn elements(&self, chain: &Chain, name: &str) -> Option<&[Value]> {
        let key = (chain.family.clone(), chain.table.clone(), name.to_owned());
        self.elements.get(&key).map(Vec::as_slice)
    }

    /// The chain of this name in the same table.
    pub(super) fn chain(&self, beside: &Chain, name: &str) -> Option<&Chain> {
        self.listing.chains.iter().find(|chain| {
            (&chain.family, &chain.table, chain.name.as_str()) == (&beside.family, &beside.table, name)
        })
    }

    /// The rule as text; where the ruleset changed between the two calls, as JSON.
    pub(super) fn text(&self, rule: &NftRule) -> String {
        let key = (rule.family.clone(), rule.table.clone(), rule.handle);
        let json = || serde_json::to_string(&rule.expr).unwrap_or_default();
        self.texts.get(&key).cloned().unwrap_or_else(json)
    }
}

/// The lines that end with a handle, below the last `table FAMILY NAME`: chains and sets too, which
/// have handles of their own.
fn texts(listing: &str) -> BTreeMap<(String, String, u64), String> {
    let mut texts = BTreeMap::new();
    let mut table = (String::new(), String::new());
    for line in listing.lines() {
        let Some((text, handle)) = line.rsplit_once(" # handle ") else { continue };
        let text = text.trim();
        if let Some((family, name)) = text
            .strip_prefix("table ")
            .and_then(|text| text.strip_suffix('{'))
            .and_then(|text| text.trim().split_once(' '))
        {
            table = (family.to_owned(), name.to_owned());
        } else if let Ok(handle) = handle.trim().parse() {
            texts.insert((table.0.clone(), table.1.clone(), handle), text.to_owned());
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_s_text_is_found_by_its_table_and_handle() {
        let text = "table inet a { # handle 1\n\tset s { # handle 2\n\t\ttype ipv4_addr\n\t}\n\n\tchain c { # handle 1\n\
                    \t\ttype filter hook input priority 0; policy accept;\n\
                    \t\ttcp dport 22 accept comment \"x # handle 9\" # handle 5\n\t}\n}\n\
                    table ip a { # handle 2\n\tchain c { # handle 1\n\t\tdrop # handle 5\n\t}\n}\n";
        let texts = texts(text);
        let of = |family: &str, handle| texts.get(&(family.to_owned(), "a".to_owned(), handle));
        assert_eq!(of("inet", 5).unwrap(), "tcp dport 22 accept comment \"x # handle 9\"");
        assert_eq!(of("ip", 5).unwrap(), "drop");
        assert_eq!(of("ip6", 5), None);
    }
}
