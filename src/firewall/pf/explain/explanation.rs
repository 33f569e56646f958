//! The answer: what happens to the packet, by which rule, and what else has a say.

use serde::Serialize;

use super::question::Question;

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// The packet goes on.
    Pass,
    /// The packet is dropped, with or without a word to its sender.
    Block,
}

/// What happens to the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passes.
    Pass,
    /// It is blocked.
    Block,
    /// Something that was not understood or not said may decide.
    Unknown,
}

/// Why it comes to a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Why {
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
        line: Place,
    },
    /// No later rule matches.
    LastMatch,
    /// No rule matches at all.
    DefaultPass,
}

/// A rule and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The anchor's path; empty for the main ruleset.
    pub anchor: String,
    /// The line in what `pfctl -s rules` prints of the anchor, from 1 on.
    pub line: usize,
    /// As printed.
    pub rule: String,
}

/// Why a rule that matches does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A later rule matches too.
    Overridden,
    /// The evaluation ended before it.
    NotReached,
}

/// A rule that matches and does not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Also {
    /// The rule.
    #[serde(flatten)]
    pub place: Place,
    /// What it would do.
    pub decision: Decision,
    /// Why it does not.
    pub fate: Fate,
}

/// Something that may decide, and of which it cannot be told whether it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// The rule, where it is one.
    pub place: Option<Place>,
    /// What it would do; `None`: not known either.
    pub decision: Option<Decision>,
    /// What was not understood, or not said.
    pub reasons: Vec<String>,
}

/// What is certain of the evaluation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled {
    /// What comes of it.
    pub decision: Decision,
    /// Why.
    pub why: Why,
    /// The rule that decides, where one does.
    pub rule: Option<Place>,
}

/// The whole answer. Displayed, it is a page for people.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// What was asked.
    pub question: Question,
    /// What happens.
    pub verdict: Verdict,
    /// What is certain. Where the verdict is unknown, this holds only if none of the doubts does.
    pub settled: Settled,
    /// Other rules that match, in the order of the evaluation.
    pub also: Vec<Also>,
    /// What may change the verdict.
    pub doubts: Vec<Doubt>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

impl Settled {
    pub(super) fn pass(why: Why) -> Settled {
        Settled { decision: Decision::Pass, why, rule: None }
    }
}

impl From<Decision> for Verdict {
    fn from(decision: Decision) -> Verdict {
        match decision {
            Decision::Pass => Verdict::Pass,
            Decision::Block => Verdict::Block,
        }
    }
}
