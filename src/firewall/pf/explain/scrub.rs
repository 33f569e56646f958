//! Whether fragments are put together before the filter's rules see them.
//!
//! The first scrub rule that takes a packet decides, without any `quick` (`pf_normalize_ip`). Of
//! IPv6 packets its protocol is not asked (`pf_normalize_ip6`).

use super::explanation::PfRulePlace;
use super::loaded::LoadedPf;
use super::matching::fit_of_scrub;
use super::rule::{AnchorCall, RuleAction};
use crate::firewall::explain::{PacketQuery, Tristate};

/// What becomes of the packet's fragments.
#[derive(Debug, PartialEq)]
pub(super) enum Fragments {
    /// This rule puts them together, and the filter's rules see the whole packet.
    Together(PfRulePlace),
    /// The filter's rules see each by itself. With the rule that leaves them so, where there is
    /// one.
    Apart(Option<PfRulePlace>),
    /// It is unknown, for these reasons.
    Unknown(Vec<String>),
}

/// Says what becomes of the fragments of the packet that is asked about.
pub(super) fn fragments(loaded: &LoadedPf, question: &PacketQuery) -> Fragments {
    let mut walk = ScrubWalk { loaded, question, within: Vec::new(), doubts: Vec::new() };
    let found = walk.ruleset("");
    let (together, place) = match found {
        Some((together, place)) => (together, Some(place)),
        None => (false, None),
    };
    // A doubtful rule with the same result changes nothing.
    walk.doubts.retain(|doubt| doubt.together != Some(together));
    match (walk.doubts.is_empty(), together, place) {
        (false, ..) => Fragments::Unknown(walk.doubts.into_iter().flat_map(|doubt| doubt.reasons).collect()),
        (true, true, Some(place)) => Fragments::Together(place),
        (true, _, place) => Fragments::Apart(place),
    }
}

/// A rule that may take the packet.
struct UncertainScrub {
    /// Whether it would put fragments together; `None`: it is not known.
    together: Option<bool>,
    reasons: Vec<String>,
}

struct ScrubWalk<'a> {
    loaded: &'a LoadedPf,
    question: &'a PacketQuery,
    /// The anchors that are being evaluated, outermost first.
    within: Vec<String>,
    doubts: Vec<UncertainScrub>,
}

impl ScrubWalk<'_> {
    /// The first rule that surely takes the packet, and whether it puts fragments together.
    fn ruleset(&mut self, path: &str) -> Option<(bool, PfRulePlace)> {
        let ruleset = self.loaded.rulesets.get(path)?;
        if ruleset.rules.is_none() {
            let reasons = vec![format!("the rules or tables of the anchor {path} could not be read")];
            self.doubts.push(UncertainScrub { together: None, reasons });
        }
        for (line, rule) in &ruleset.scrub {
            let reasons = match fit_of_scrub(rule, path, self.loaded, self.question) {
                Tristate::No => continue,
                Tristate::Yes => Vec::new(),
                Tristate::Unknown(reasons) => reasons,
            };
            let place = PfRulePlace { anchor: path.to_owned(), line: *line, rule: rule.text.clone() };
            let found = match &rule.action {
                RuleAction::Anchor(call) => self.anchor(&place, call),
                RuleAction::Scrub(together) => Some((*together, place)),
                RuleAction::Pass | RuleAction::Block | RuleAction::Unknown => None,
            };
            match found {
                Some((together, _)) if !reasons.is_empty() => {
                    self.doubts.push(UncertainScrub { together: Some(together), reasons });
                }
                Some(found) => return Some(found),
                None => {}
            }
        }
        None
    }

    fn anchor(&mut self, place: &PfRulePlace, call: &AnchorCall) -> Option<(bool, PfRulePlace)> {
        let (path, is_wildcard) = call.path(&place.anchor);
        let name = if is_wildcard { format!("{path}/*") } else { path.clone() };
        if self.within.contains(&name) {
            let reasons = vec![format!("the anchor {name} evaluates itself")];
            self.doubts.push(UncertainScrub { together: None, reasons });
            return None;
        }
        self.within.push(name);
        let loaded = self.loaded;
        let paths = if is_wildcard { loaded.children(&path) } else { vec![path.as_str()] };
        let found = paths.into_iter().find_map(|path| self.ruleset(path));
        self.within.pop();
        found
    }
}
