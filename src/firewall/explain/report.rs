//! The answer in words.

use std::fmt;

use super::explanation::{Decision, Explanation, Fate, Settled, Standing, Verdict};

impl<P: Standing, W: fmt::Display> fmt::Display for Explanation<P, W> {
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
            writeln!(f, "\nThese rules match too, and do not decide:")?;
        }
        for also in &self.also {
            let fate = match also.fate {
                Fate::Overridden => "a later rule matches too",
                Fate::NotReached => "not reached",
                Fate::OwnChain => "it ends its own chain only",
            };
            writeln!(f, "  {} ({fate})\n    {}", also.place, also.place.rule())?;
        }
        for note in &self.notes {
            writeln!(f, "\nNote: {note}.")?;
        }
        Ok(())
    }
}

impl<P: Standing, W: fmt::Display> Explanation<P, W> {
    fn unknown(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Unknown, because these may decide:")?;
        for doubt in &self.doubts {
            let decision = match doubt.decision {
                Some(Decision::Pass) => "would pass it",
                Some(Decision::Block) => "would block it",
                None => "may do anything to it",
            };
            match &doubt.place {
                Some(place) => {
                    writeln!(f, "  {place} {decision}\n    {}", place.rule())?;
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

impl<P: Standing, W: fmt::Display> fmt::Display for Settled<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.rule {
            write!(f, "The rule is {place}:\n    {}\n", place.rule())?;
        }
        write!(f, "Why: {}.", self.why)
    }
}
