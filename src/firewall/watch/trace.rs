//! What `nft -n monitor trace` prints, decoded.
//!
//! nft's JSON output has no traces (nft 1.0.6 prints the same text), so the text is read: a line
//! with the packet for each chain that it passes, and one for each rule that matches, all beginning
//! with the packet's id. The rule's own text is ignored: nft finds it by handle among the rules
//! that it read when it started, and a recreated table counts its handles from 1 again.

use std::collections::VecDeque;

use super::refusal::RefusedConnection;

/// Packets whose verdict is waited for. It follows on the next lines, unless the kernel lost them.
const PENDING: usize = 256;

/// What nft prints where the kernel was faster than it.
const LOST: &str = "We lost some netlink events";

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TraceEvent {
    /// A packet was dropped or rejected in a table that we look at.
    Refused(RefusedConnection),
    /// Some lines are missing.
    Lost,
}

/// The lines of one monitor, as far as they concern tables with this prefix.
pub(super) struct Traces {
    prefix: &'static str,
    /// Packets without a verdict yet, by the trace's id and the chain.
    pending: VecDeque<(String, RefusedConnection)>,
}

impl Traces {
    pub(super) fn new(prefix: &'static str) -> Traces {
        Traces { prefix, pending: VecDeque::new() }
    }

    /// Takes the next line. A line that is not understood is skipped.
    pub(super) fn line(&mut self, line: &str) -> Option<TraceEvent> {
        if line.contains(LOST) {
            return Some(TraceEvent::Lost);
        }
        let rest = line.trim().strip_prefix("trace id ")?;
        let mut fields = rest.splitn(6, ' ');
        let (id, family, table) = (fields.next()?, fields.next()?, fields.next()?);
        let (chain, kind, rest) = (fields.next()?, fields.next()?, fields.next()?);
        if !table.starts_with(self.prefix) {
            return None;
        }
        let place = format!("{id} {family} {table} {chain}");
        match kind {
            "packet:" => {
                let gate = format!("table {family} {table}");
                self.keep(place, packet(rest, gate, format!("chain {chain}"))?);
                return None;
            }
            // `unknown rule handle 5`: one that nft has not seen.
            "rule" | "unknown" if rest.trim().ends_with("(verdict drop)") => {}
            "policy" if rest.trim() == "drop" => {}
            _ => return None,
        }
        let at = self.pending.iter().position(|(pending, _)| *pending == place)?;
        self.pending.remove(at).map(|(_, packet)| TraceEvent::Refused(packet))
    }

    fn keep(&mut self, place: String, packet: RefusedConnection) {
        self.pending.retain(|(pending, _)| *pending != place);
        if self.pending.len() == PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back((place, packet));
    }
}

fn packet(text: &str, gate: String, rule: String) -> Option<RefusedConnection> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = |wanted: &[&str]| {
        let at = words.windows(wanted.len()).position(|window| window == wanted)?;
        words.get(at + wanted.len()).copied()
    };
    let address = |field: &str| after(&["ip", field]).or_else(|| after(&["ip6", field]))?.parse().ok();
    let port = |field: &str| after(&["tcp", field])?.parse().ok();
    let interface = |field: &str| after(&[field]).map(|name| name.trim_matches('"').to_owned());
    let incoming = interface("iif");
    Some(RefusedConnection {
        from: address("saddr")?,
        from_port: port("sport")?,
        to: address("daddr")?,
        port: port("dport")?,
        direction: if incoming.is_some() { "in" } else { "out" },
        interface: incoming.or_else(|| interface("oif")),
        gate,
        rule,
    })
}

#[cfg(test)]
mod tests;
