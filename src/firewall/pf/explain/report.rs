//! The answer in words.

use std::fmt;

use super::explanation::{Decision, Explanation, Fate, Place, Settled, Verdict, Why};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Pass => "passes",
            Verdict::Block => "is blocked",
            Verdict::Unknown => "unknown",
        };
        writeln!(f, "{verdict}: {}\n", self.question)?;
        if self.verdict == Verdict::Unknown {
            self.unknown(f)?;
        } else {
            writeln!(f, "{}", self.settled)?;
        }
        if !self.also.is_empty() {
            writeln!(f, "\nIt also matches, without a say:")?;
        }
        for also in &self.also {
            let fate = match also.fate {
                Fate::Overridden => "a later rule matches too",
                Fate::NotReached => "not reached",
            };
            writeln!(f, "  {} ({fate})\n    {}", also.place, also.place.rule)?;
        }
        for note in &self.notes {
            writeln!(f, "\nNote: {note}.")?;
        }
        Ok(())
    }
}

impl Explanation {
    fn unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Unknown, because of what may decide and cannot be told:")?;
        for doubt in &self.doubts {
            let decision = match doubt.decision {
                Some(Decision::Pass) => "would pass it",
                Some(Decision::Block) => "would block it",
                None => "may do anything with it",
            };
            match &doubt.place {
                Some(place) => {
                    writeln!(f, "  {place} {decision}\n    {}", place.rule)?;
                    for reason in &doubt.reasons {
                        writeln!(f, "    {reason}")?;
                    }
                }
                None => writeln!(f, "  {}", doubt.reasons.join("; "))?,
            }
        }
        write!(f, "\nIf none of these does, it {}. {}", verb(self.settled.decision), self.settled)?;
        writeln!(f)
    }
}

fn verb(decision: Decision) -> &'static str {
    match decision {
        Decision::Pass => "passes",
        Decision::Block => "is blocked",
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.rule {
            write!(f, "The rule is {place}:\n    {}\n", place.rule)?;
        }
        write!(f, "Why: {}.", self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::PfDisabled => f.write_str("pf is off, so no rule is looked at"),
            Why::Skip { interface } => {
                write!(f, "`set skip on {interface}`: on this interface no rule is looked at")
            }
            Why::State { state } => {
                write!(f, "it belongs to a connection that pf knows, so no rule is looked at: {state}")
            }
            Why::Quick => f.write_str("quick ends the evaluation, so no later rule has a say"),
            Why::QuickAnchor { line } => {
                write!(f, "it matches last within `{}` ({line}), whose quick ends the evaluation", line.rule)
            }
            Why::LastMatch => f.write_str("the last match wins, and no later rule matches"),
            Why::DefaultPass => f.write_str("no rule matches, and pf passes by default"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.anchor.as_str() {
            "" => write!(f, "line {} of the main ruleset", self.line),
            anchor => write!(f, "line {} of the anchor {anchor}", self.line),
        }
    }
}
