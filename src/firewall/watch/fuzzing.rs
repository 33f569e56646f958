//! What nft and tcpdump print of refused packets, as its fuzz target sees it.

use super::pflog;
use super::trace::{TraceEvent, Traces};

/// Reads lines of either; returns how many refusals they report.
pub fn refusals(text: &str) -> (usize, usize) {
    let mut traces = Traces::new("dlvgate_");
    let dropped =
        text.lines().filter(|line| matches!(traces.line(line), Some(TraceEvent::Refused(_)))).count();
    let blocked = text.lines().filter_map(pflog::parse).map(|blocked| {
        let name = blocked.gate.strip_prefix("anchor com.apple/").expect("an anchor of ours");
        assert!(name.len() == 15 && text.contains(name), "the log holds the whole name: {name}");
    });
    (dropped, blocked.count())
}
