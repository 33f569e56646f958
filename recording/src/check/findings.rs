//! Rules that a recording breaks: one by one, and those together that say the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

/// Why what was under way is missing.
pub(super) const CUT: &str = "it was under way when the connection ended";

/// A rule that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The line in the recording.
    pub line: u64,
    /// The rule's name.
    pub rule: &'static str,
    /// The fault, in words.
    pub text: String,
    /// Where dlv or clients are known to do so: why. Such a finding is no failure.
    pub explained: Option<&'static str>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}: {}", self.line, self.rule, self.text)?;
        self.explained.map_or(Ok(()), |why| write!(f, " (known: {why})"))
    }
}

/// Findings that say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Alike {
    /// The first of them.
    pub first: Violation,
    /// How many more there are.
    pub more: usize,
    /// The last one's line.
    pub last: u64,
}

impl fmt::Display for Alike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        match self.more {
            0 => Ok(()),
            more => write!(f, "; {more} more like it, the last in line {}", self.last),
        }
    }
}

/// Puts findings together that say the same: known ones of one rule, others with one text.
pub fn together(findings: &[Violation]) -> Vec<Alike> {
    let mut all: Vec<Alike> = Vec::new();
    let mut places = HashMap::new();
    for finding in findings {
        let text = if finding.explained.is_some() { "" } else { &finding.text };
        match places.entry((finding.rule, finding.explained, text)) {
            Entry::Occupied(place) => {
                let alike: &mut Alike = &mut all[*place.get()];
                (alike.more, alike.last) = (alike.more + 1, finding.line);
            }
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push(Alike { first: finding.clone(), more: 0, last: finding.line });
            }
        }
    }
    all
}

/// What the rules of both protocols write down.
#[derive(Default)]
pub(super) struct Findings(Vec<Violation>);

impl Findings {
    pub(super) fn add(&mut self, line: u64, rule: &'static str, text: impl Into<String>) {
        self.0.push(Violation { line, rule, text: visible(text.into()), explained: None });
    }

    pub(super) fn known(
        &mut self,
        line: u64,
        rule: &'static str,
        text: impl Into<String>,
        why: &'static str,
    ) {
        self.0.push(Violation { line, rule, text: visible(text.into()), explained: Some(why) });
    }

    /// Returns all of them, by line.
    pub(super) fn sorted(mut self) -> Vec<Violation> {
        self.0.sort_by_key(|finding| finding.line);
        self.0
    }
}

/// A name that is empty, so that it is seen.
fn visible(text: String) -> String {
    if text.is_empty() { "\"\"".to_owned() } else { text }
}
