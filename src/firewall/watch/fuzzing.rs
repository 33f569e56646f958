//! What nft and tcpdump print of refused packets, as its fuzz target sees it.

use super::pflog;
use super::trace::{Event, Traces};

/// Reads lines of either; returns how many refusals they tell of.
pub fn refusals(text: &str) -> (usize, usize) {
    let mut traces = Traces::new("dlvgate_");
    let dropped = text.lines().filter(|line| matches!(traces.line(line), Some(Event::Dropped(_)))).count();
    let blocked = text.lines().filter_map(pflog::parse).map(|blocked| {
        if let Some(name) = pflog::full_name(text, &blocked) {
            assert!(text.contains(&name) && name.ends_with(&format!(".{}", blocked.port)));
        }
    });
    (dropped, blocked.count())
}
