//! pf's part of the answer: where its rules stand, and why it comes to a decision.

use std::fmt;

use serde::Serialize;

use crate::firewall::explain::{self, Standing};

/// The whole answer. Displayed, it is a page for people.
pub type Explanation = explain::Explanation<PfRulePlace, PfReason>;

pub(super) type Also = explain::Also<PfRulePlace>;
pub(super) type Doubt = explain::Doubt<PfRulePlace>;
pub(super) type Settled = explain::Settled<PfRulePlace, PfReason>;

/// Why it comes to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PfReason {
    /// pf is off.
    PfDisabled,
    /// `set skip` covers the interface.
    Skip {
        /// Its name.
        interface: String,
    },
    /// pf knows the connection.
    State {
        /// As pfctl prints it.
        state: String,
    },
    /// The rule has `quick`.
    Quick,
    /// An anchor line with `quick` ends the evaluation after a match inside.
    QuickAnchor {
        /// The anchor line.
        line: PfRulePlace,
    },
    /// No later rule matches.
    LastMatch,
    /// No rule matches at all.
    DefaultPass,
}

/// A rule and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PfRulePlace {
    /// The anchor's path; empty for the main ruleset.
    pub anchor: String,
    /// The line in what `pfctl -s rules` prints of the anchor, from 1 on.
    pub line: usize,
    /// As printed.
    pub rule: String,
}

impl Settled {
    /// pf is off, or the interface is skipped.
    pub(super) fn is_before_the_rules(&self) -> bool {
        matches!(self.why, PfReason::PfDisabled | PfReason::Skip { .. })
    }
}

impl Standing for PfRulePlace {
    fn rule(&self) -> &str {
        &self.rule
    }
}

impl fmt::Display for PfReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PfReason::PfDisabled => f.write_str("pf is off, so no rule is evaluated"),
            PfReason::Skip { interface } => {
                write!(f, "`set skip on {interface}`: on this interface no rule is evaluated")
            }
            PfReason::State { state } => {
                write!(f, "it belongs to a connection that pf knows, so no rule is evaluated: {state}")
            }
            PfReason::Quick => f.write_str("quick ends the evaluation, so no later rule counts"),
            PfReason::QuickAnchor { line } => {
                write!(f, "it matches last within `{}` ({line}), whose quick ends the evaluation", line.rule)
            }
            PfReason::LastMatch => f.write_str("the last match wins, and no later rule matches"),
            PfReason::DefaultPass => f.write_str("no rule matches, and pf passes by default"),
        }
    }
}

impl fmt::Display for PfRulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.anchor.as_str() {
            "" => write!(f, "line {} of the main ruleset", self.line),
            anchor => write!(f, "line {} of the anchor {anchor}", self.line),
        }
    }
}
