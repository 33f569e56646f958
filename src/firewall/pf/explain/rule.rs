//! A rule as pfctl prints it, parsed.

use super::address::Host;
use super::compare::Test;
use crate::firewall::explain::PacketDirection;

/// What one printed line is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PrintedLine {
    /// A filter rule, or one that is not understood.
    Rule(Box<PfRule>),
    /// A scrub rule, or an anchor of such rules.
    Scrub(Box<PfRule>),
    /// A rule of another list, which neither passes nor blocks: dummynet, translation, and the
    /// anchors of these.
    Other,
}

/// A filter rule. Parts that were not understood are in `unknown`, and then it may or may not
/// match.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PfRule {
    /// As printed.
    pub(super) text: String,
    pub(super) action: RuleAction,
    pub(super) direction: Option<PacketDirection>,
    pub(super) quick: bool,
    pub(super) interface: Option<Interface>,
    /// Whether it is for IPv4 only, or for IPv6 only.
    pub(super) is_ipv4: Option<bool>,
    pub(super) protocol: Option<String>,
    pub(super) from: RuleSide,
    pub(super) to: RuleSide,
    pub(super) user: Option<Test>,
    pub(super) flags: Option<Flags>,
    /// For fragments alone.
    pub(super) fragment: bool,
    pub(super) unknown: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum RuleAction {
    Pass,
    Block,
    Anchor(AnchorCall),
    /// Of scrub rules: whether fragments are put together.
    Scrub(bool),
    Unknown,
}

/// Which anchor a rule evaluates: as printed, relative to the anchor that the rule stands in, or
/// absolute from `/` on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct AnchorCall(pub(super) String);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Interface {
    pub(super) negated: bool,
    pub(super) name: String,
}

/// `from` or `to`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RuleSide {
    pub(super) negated: bool,
    pub(super) host: Host,
    pub(super) port: Option<Test>,
}

/// `flags SET/MASK`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flags {
    pub(super) set: String,
    pub(super) mask: String,
}

impl RuleSide {
    fn any() -> RuleSide {
        RuleSide { negated: false, host: Host::Any, port: None }
    }
}

impl PfRule {
    /// A rule that asks about nothing yet.
    pub(super) fn new(text: &str, action: RuleAction) -> PfRule {
        PfRule {
            text: text.to_owned(),
            action,
            direction: None,
            quick: false,
            interface: None,
            is_ipv4: None,
            protocol: None,
            from: RuleSide::any(),
            to: RuleSide::any(),
            user: None,
            flags: None,
            fragment: false,
            unknown: Vec::new(),
        }
    }
}

impl AnchorCall {
    /// The path from the root of the anchor that is meant, for a rule that stands in the anchor
    /// `within`; and whether its direct children are meant instead of itself. That is where the
    /// whole path ends with `/*` (`pf_anchor_setup`): in the main ruleset `*` is an anchor of that
    /// name.
    pub(super) fn path(&self, within: &str) -> (String, bool) {
        let path = self.whole_path(within);
        match path.strip_suffix("/*") {
            Some(parent) => (parent.to_owned(), true),
            None => (path, false),
        }
    }

    fn whole_path(&self, within: &str) -> String {
        if let Some(absolute) = self.0.strip_prefix('/') {
            return absolute.to_owned();
        }
        // `pf_anchor_copyout` prints an anchor that is not below its own with a `../` for each step
        // up.
        let (mut within, mut name) = (within, self.0.as_str());
        while let Some(rest) = name.strip_prefix("../") {
            within = within.rsplit_once('/').map_or("", |(parent, _)| parent);
            name = rest;
        }
        match (within, name) {
            ("", name) => name.to_owned(),
            (within, "") => within.to_owned(),
            (within, name) => format!("{within}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchor_name_is_relative_to_its_rule() {
        let path = |name: &str, within: &str| AnchorCall(name.to_owned()).path(within);
        for (name, within, expected, is_wildcard) in [
            ("com.apple", "", "com.apple", false),
            ("200.AirDrop", "com.apple", "com.apple/200.AirDrop", false),
            ("", "com.apple", "com.apple", false),
            ("/vpn", "com.apple", "vpn", false),
            ("../vpn", "com.apple/x", "com.apple/vpn", false),
            ("com.apple/*", "", "com.apple", true),
            ("*", "com.apple", "com.apple", true),
            ("*", "", "*", false),
        ] {
            assert_eq!(path(name, within), (expected.to_owned(), is_wildcard), "{name} in {within}");
        }
    }
}
