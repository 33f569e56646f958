//! Counts by kind.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Counts of sessions by place and kind, and of faults that belong to no session.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<(&'static str, &'static str), u64>>);

impl Tally {
    /// One more of these.
    pub fn add(&self, place: &'static str, kind: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((place, kind)).or_default() += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    /// All of this kind, whatever the place.
    pub fn of(&self, kind: &str) -> u64 {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.iter().filter(|((_, one), _)| *one == kind).map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Tally {
    /// A table as the documentation has it: kinds down, places across.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places: Vec<&str> = counts.keys().map(|(place, _)| *place).collect();
        let mut kinds: Vec<&str> = counts.keys().map(|(_, kind)| *kind).collect();
        for list in [&mut places, &mut kinds] {
            list.sort_unstable();
            list.dedup();
        }
        writeln!(f, "| | {} |", places.join(" | "))?;
        writeln!(f, "|---|{}", "---:|".repeat(places.len()))?;
        for kind in kinds {
            write!(f, "| {kind} |")?;
            for place in &places {
                let count = counts.iter().find(|(key, _)| key.0 == *place && key.1 == kind);
                write!(f, " {} |", count.map_or(String::new(), |(_, count)| count.to_string()))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
