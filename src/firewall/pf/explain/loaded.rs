//! What pf holds, read from what pfctl prints.

use std::collections::{BTreeMap, BTreeSet};

use super::address::AddressTable;
use super::parse;
use super::rule::{PfRule, PrintedLine};
use super::services::Services;
use super::states::States;

/// pfctl's own words, by what was asked for. `None` stands for what could not be had.
#[derive(Clone, Debug, Default)]
pub struct PfctlListings {
    /// `-s info`
    pub info: String,
    /// `-a PATH -s rules` by path; the main ruleset's is the empty one.
    pub rules: BTreeMap<String, Option<String>>,
    /// `-a PATH -s nat` by path.
    pub translation: BTreeMap<String, String>,
    /// `-a PATH -t NAME -T show` by path and name.
    pub tables: BTreeMap<(String, String), String>,
    /// `-s states`
    pub states: Option<String>,
    /// `-v -s Interfaces`
    pub interfaces: Option<String>,
}

/// What pf holds.
#[derive(Clone, Debug)]
pub struct LoadedPf {
    pub(super) enabled: bool,
    /// By anchor path; the main ruleset is "".
    pub(super) rulesets: BTreeMap<String, AnchorRules>,
    pub(super) states: Option<States>,
    /// The interfaces of `set skip`; `None`: not known.
    pub(super) skipped: Option<BTreeSet<String>>,
}

/// One anchor's rules and tables.
#[derive(Clone, Debug, Default)]
pub(super) struct AnchorRules {
    /// Each with its line in what pfctl prints, from 1 on. `None`: they could not be read.
    pub(super) rules: Option<Vec<(usize, PfRule)>>,
    /// The scrub rules, counted in the same way.
    pub(super) scrub: Vec<(usize, PfRule)>,
    /// `rdr`, `nat` and `binat` rules, as printed.
    pub(super) translation: Vec<String>,
    pub(super) tables: BTreeMap<String, AddressTable>,
}

impl LoadedPf {
    /// Parses the listings; ports have the names of `services`.
    pub fn parse(listings: &PfctlListings, services: &Services) -> LoadedPf {
        let mut rulesets: BTreeMap<String, AnchorRules> = BTreeMap::new();
        for (path, text) in &listings.rules {
            let ruleset = rulesets.entry(path.clone()).or_default();
            if let Some(text) = text {
                let (filter, scrub) = rules(text, services);
                (ruleset.rules, ruleset.scrub) = (Some(filter), scrub);
            }
        }
        for (path, text) in &listings.translation {
            rulesets.entry(path.clone()).or_default().translation = translation(text);
        }
        for ((path, name), text) in &listings.tables {
            rulesets.entry(path.clone()).or_default().tables.insert(name.clone(), AddressTable::parse(text));
        }
        LoadedPf {
            enabled: is_enabled(&listings.info),
            rulesets,
            states: listings.states.as_deref().map(States::parse),
            skipped: listings.interfaces.as_deref().map(skipped),
        }
    }

    /// The paths of an anchor's direct children, in the order in which a wildcard evaluates them:
    /// `pf_anchor_compare` is strcmp of the whole path.
    pub(super) fn children(&self, path: &str) -> Vec<&str> {
        let is_child = |other: &str| match other.rsplit_once('/') {
            Some((parent, _)) => parent == path,
            None => path.is_empty() && !other.is_empty(),
        };
        self.rulesets.keys().map(String::as_str).filter(|other| is_child(other)).collect()
    }

    /// The table that a rule in this anchor means: the anchor's own, else the main ruleset's of
    /// that name.
    pub(super) fn table(&self, path: &str, name: &str) -> Option<&AddressTable> {
        let own = self.rulesets.get(path).and_then(|ruleset| ruleset.tables.get(name));
        own.or_else(|| self.rulesets.get("")?.tables.get(name))
    }
}

/// `Status: Enabled for 0 days 00:12:29           Debug: Urgent`
fn is_enabled(info: &str) -> bool {
    info.lines()
        .filter_map(|line| line.trim().strip_prefix("Status:"))
        .any(|rest| rest.trim().starts_with("Enabled"))
}

/// `lo0 (skip)`: `print_iface` of pfctl_table.c, with -v.
fn skipped(interfaces: &str) -> BTreeSet<String> {
    interfaces.lines().filter_map(|line| line.trim().strip_suffix(" (skip)")).map(str::to_owned).collect()
}

/// Rules with their lines.
type NumberedRules = Vec<(usize, PfRule)>;

/// The filter rules of a listing, and the scrub rules. A rule with braces spans lines, and is one
/// rule that is not understood.
fn rules(listing: &str, services: &Services) -> (NumberedRules, NumberedRules) {
    let (mut rules, mut scrub) = (Vec::new(), Vec::new());
    let mut depth = 0_usize;
    for (index, text) in listing.lines().map(str::trim).enumerate() {
        if text.starts_with('}') {
            depth = depth.saturating_sub(1);
            continue;
        }
        let opens = text.ends_with('{');
        if depth == 0 && !text.is_empty() {
            match parse::line(text, services) {
                PrintedLine::Rule(rule) => rules.push((index + 1, *rule)),
                PrintedLine::Scrub(rule) => scrub.push((index + 1, *rule)),
                PrintedLine::Other => {}
            }
        }
        depth += usize::from(opens);
    }
    (rules, scrub)
}

/// The rules of `-s nat` that change addresses or ports.
fn translation(listing: &str) -> Vec<String> {
    let changes = |line: &&str| ["nat ", "rdr ", "binat "].iter().any(|word| line.starts_with(word));
    listing.lines().map(str::trim).filter(changes).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braced_anchor_counts_as_one_unknown_rule() {
        let listing = "scrub-anchor \"com.apple/*\" all fragment reassemble\nanchor \"x\" all {\n  pass all no state\n}\nblock drop all\n";
        let (filter, scrub) = rules(listing, &Services::default());
        let found: Vec<(usize, usize)> =
            filter.iter().map(|(line, rule)| (*line, rule.unknown.len())).collect();
        assert_eq!(found, [(2, 1), (5, 0)]);
        assert_eq!(scrub.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn children_are_direct_and_in_string_order() {
        let mut listings = PfctlListings::default();
        for path in ["", "a", "a/9", "a/10", "a/10/x", "a-b", "b"] {
            listings.rules.insert(path.to_owned(), Some(String::new()));
        }
        let loaded = LoadedPf::parse(&listings, &Services::default());
        assert_eq!(loaded.children("a"), ["a/10", "a/9"]);
        assert_eq!(loaded.children(""), ["a", "a-b", "b"]);
    }

    #[test]
    fn status_and_skipped_interfaces_are_found() {
        assert!(is_enabled("Status: Enabled for 0 days 00:12:29           Debug: Urgent\n"));
        assert!(!is_enabled("Status: Disabled                              Debug: Urgent\n"));
        assert_eq!(skipped("all\nen0\nlo0 (skip)\n"), BTreeSet::from(["lo0".to_owned()]));
    }
}
