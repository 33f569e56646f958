//! The answer: what happens to the packet, by which rule, and what else has a say.

use std::fmt;

use serde::Serialize;

use super::question::PacketQuery;

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

/// A rule and where it stands; displayed, it is where.
pub trait Standing: fmt::Display {
    /// The rule as the packet filter's tool prints it.
    fn rule(&self) -> &str;
}

/// Why a rule that matches does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// A later rule matches too.
    Overridden,
    /// The evaluation ended before it.
    NotReached,
    /// It lets the packet pass its own chain, and others follow.
    OwnChain,
}

/// A rule that matches and does not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Also<P> {
    /// The rule.
    #[serde(flatten)]
    pub place: P,
    /// What it would do.
    pub decision: Decision,
    /// Why it does not.
    pub fate: Fate,
}

/// Something that may or may not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt<P> {
    /// The rule, where it is one.
    pub place: Option<P>,
    /// What it would do; `None`: not known either.
    pub decision: Option<Decision>,
    /// The parts that were not understood, or not given.
    pub reasons: Vec<String>,
}

/// The certain part of the evaluation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Settled<P, W> {
    /// Its decision.
    pub decision: Decision,
    /// Why.
    pub why: W,
    /// The rule that decides, where one does.
    pub rule: Option<P>,
}

/// The whole answer. Displayed, it is a page for people.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation<P, W> {
    /// The question.
    pub question: PacketQuery,
    /// What happens.
    pub verdict: Verdict,
    /// The certain part. Where the verdict is unknown, this holds only if none of the doubts does.
    pub settled: Settled<P, W>,
    /// Other rules that match, in the order of the evaluation.
    pub also: Vec<Also<P>>,
    /// What may change the verdict.
    pub doubts: Vec<Doubt<P>>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

impl<P, W> Settled<P, W> {
    pub(in crate::firewall) fn pass(why: W) -> Settled<P, W> {
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
