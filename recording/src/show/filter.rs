//! Which entries are shown.

use std::time::Duration;

use crate::correlate::{MessageRole, Placed};
use crate::{Entry, EntryContent};

/// What must be true of an entry. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct EntryFilter {
    /// Requests and answers of one of these commands or methods, with or without `RPCServer.`.
    pub commands: Vec<String>,
    /// Events of one of these names; steps of the session, too.
    pub events: Vec<String>,
    /// Not before this time.
    pub since: Duration,
    /// Answers that took longer.
    pub slower_than: Option<Duration>,
    /// This text is in the message.
    pub grep: Option<String>,
}

impl EntryFilter {
    pub(super) fn passes(&self, entry: &Entry, placed: Option<&Placed>) -> bool {
        entry.at >= self.since && self.is_named(entry, placed) && self.is_slow(placed) && self.has_text(entry)
    }

    fn is_named(&self, entry: &Entry, placed: Option<&Placed>) -> bool {
        if self.commands.is_empty() && self.events.is_empty() {
            return true;
        }
        let is_one = |names: &[String], name: &str| {
            names.iter().any(|wanted| name == wanted || name.strip_prefix("RPCServer.") == Some(wanted))
        };
        match (placed, &entry.what) {
            (Some(placed), _) if placed.role == MessageRole::Event => is_one(&self.events, &placed.name),
            (Some(placed), _) => is_one(&self.commands, &placed.name),
            (None, EntryContent::Step { event, .. }) => is_one(&self.events, event),
            (None, _) => false,
        }
    }

    fn is_slow(&self, placed: Option<&Placed>) -> bool {
        let Some(limit) = self.slower_than else { return true };
        matches!(placed, Some(Placed { role: MessageRole::Answer { after: Some(after), .. }, .. }) if *after > limit)
    }

    fn has_text(&self, entry: &Entry) -> bool {
        let Some(wanted) = &self.grep else { return true };
        match &entry.what {
            EntryContent::Message(message) => contains(&message.body, wanted.as_bytes()),
            EntryContent::Stray { bytes, .. } => contains(bytes, wanted.as_bytes()),
            EntryContent::Step { event, detail, .. } => event.contains(wanted) || detail.contains(wanted),
        }
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}
