//! Recordings for people: a timeline, a summary, and where two conversations part.

mod brief;
mod compare;
mod filter;
mod line;
mod summary;

use std::io::{self, Write};

pub use compare::{Parting, compare};
pub use filter::EntryFilter;
pub use line::Style;
pub use summary::Summary;

use super::correlate::Exchanges;
use super::{Entry, RecordingHeader};

/// Prints a recording entry by entry.
pub struct EntryPrinter {
    exchanges: Exchanges,
    filter: EntryFilter,
    style: Style,
    summary: Summary,
    last: std::time::Duration,
}

impl EntryPrinter {
    /// Creates the timeline of a recording with this header.
    pub fn new(header: &RecordingHeader, filter: EntryFilter, style: Style) -> EntryPrinter {
        let (exchanges, summary) = (Exchanges::new(header.protocol), Summary::new(header));
        EntryPrinter { exchanges, filter, style, summary, last: std::time::Duration::ZERO }
    }

    /// Prints the entry, where the filter lets it through.
    ///
    /// # Errors
    /// If `out` takes no more.
    pub fn entry(&mut self, entry: &Entry, out: &mut impl Write) -> io::Result<()> {
        let placed = self.exchanges.place(entry);
        self.summary.take(entry, placed.as_ref());
        if self.filter.passes(entry, placed.as_ref()) {
            let gap = entry.at.saturating_sub(self.last);
            self.style.entry(entry, placed.as_ref(), gap, out)?;
            self.last = entry.at;
        }
        Ok(())
    }

    /// Returns the totals.
    pub fn summary(mut self) -> Summary {
        let unanswered = self.exchanges.unanswered();
        self.summary.unanswered =
            unanswered.into_iter().map(|(line, name)| (line, name.to_owned())).collect();
        self.summary
    }
}
