//! What `tcpdump -n -e` prints of a pflog interface, decoded.
//!
//! A line, after its time, is `rule 0.ANCHOR.0/0(match): block in on en0: 192.0.2.6.50000 >
//! 192.0.2.1.2345: Flags [S], …` (tcpdump's `print-pflog.c`). ANCHOR is the last component of the
//! anchor's path, and of that no more than 15 bytes: the kernel's field has 16 with the zero
//! (`PFLOG_RULESET_NAME_SIZE`, xnu's `if_pflog.h`). Our anchors' names have 15.

use std::net::IpAddr;

use super::refusal::RefusedConnection;
use crate::firewall::pf::{LINES_BEFORE_RULES, anchor, slot_of};

/// The start of our anchors' paths, before the last component.
const PARENT: &str = "com.apple/";

/// Reads a line; `None` unless it reports a new connection that a rule of ours blocked.
pub(super) fn parse(line: &str) -> Option<RefusedConnection> {
    let (_time, rest) = line.split_once("rule ")?;
    let (rule, rest) = rest.split_once('/')?;
    let (name, rule) = rule.split_once('.')?.1.rsplit_once('.')?;
    let slot = slot_of(&format!("{PARENT}{name}"))?;
    let (reason, rest) = rest.split_once(": ")?;
    let rest = rest.strip_prefix("block ").filter(|_| reason.ends_with("(match)"))?;
    let (direction, rest) = rest.split_once(" on ")?;
    let (interface, rest) = rest.split_once(": ")?;
    // `-v` would print the IP header before it, an Ethernet header the protocol's name.
    let rest = rest.strip_prefix("IP6 ").or_else(|| rest.strip_prefix("IP ")).unwrap_or(rest);
    let (from, rest) = rest.split_once(" > ")?;
    let (to, rest) = rest.split_once(": Flags [")?;
    let (flags, _) = rest.split_once(']')?;
    // `S` with or without the ECN bits, `E` and `W`; an answer has `.`, which is ACK.
    if !flags.contains('S') || flags.contains('.') {
        return None;
    }
    let ((from, from_port), (to, port)) = (endpoint(from)?, endpoint(to)?);
    let rule: u32 = rule.parse().ok()?;
    Some(RefusedConnection {
        from,
        from_port,
        to,
        port,
        direction: ["in", "out"].into_iter().find(|known| *known == direction)?,
        interface: Some(interface.to_owned()),
        gate: format!("anchor {}", anchor(slot)),
        // In what pfctl prints, from 1 on; pf's log counts the filter's rules alone, from 0 on.
        rule: format!("line {}", rule.saturating_add(1 + LINES_BEFORE_RULES)),
    })
}

/// `ADDRESS.PORT`, for IPv4 and IPv6.
fn endpoint(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = text.trim().rsplit_once('.')?;
    Some((address.split('%').next()?.parse().ok()?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "00:00:01.512034 rule 0.010.dlvgate.003.2/0(match): block in on en0: \
                        192.0.2.6.50000 > 192.0.2.1.2345: Flags [S], seq 831592551, win 65535, length 0";

    #[test]
    fn a_blocked_connection_is_read_in_full() {
        let expected = RefusedConnection {
            from: "192.0.2.6".parse().unwrap(),
            from_port: 50000,
            to: "192.0.2.1".parse().unwrap(),
            port: 2345,
            direction: "in",
            interface: Some("en0".to_owned()),
            gate: "anchor com.apple/010.dlvgate.003".to_owned(),
            rule: "line 4".to_owned(),
        };
        assert_eq!(parse(LINE), Some(expected));
    }

    #[test]
    fn ipv6_ecn_and_packets_on_their_way_out_are_read() {
        let line = "12:00:00.000001 rule 3.010.dlvgate.999.3/0(match): block out on lo0: \
                    fe80::1%lo0.50000 > ::1.2345: Flags [SEW], seq 1, length 0";
        let blocked = parse(line).unwrap();
        assert_eq!((blocked.from, blocked.direction), ("fe80::1".parse().unwrap(), "out"));
        assert_eq!((blocked.to, blocked.port), ("::1".parse().unwrap(), 2345));
    }

    #[test]
    fn only_new_connections_that_we_block_are_told() {
        for (from, to) in [
            ("010.dlvgate", "250.ApplicationF"),
            ("block", "pass"),
            ("Flags [S]", "Flags [S.]"),
            ("Flags [S]", "Flags [P.]"),
            ("Flags [S], seq 831592551, win 65535", "UDP"),
            ("rule 0.010.dlvgate.003.2/", "rule 2/"),
            ("010.dlvgate.003", "010.dlvgate.tes"),
            ("(match)", "(short)"),
        ] {
            assert_eq!(parse(&LINE.replace(from, to)), None, "{from} → {to}");
        }
        let cut = (0..LINE.find(']').unwrap()).filter(|end| parse(&LINE[..*end]).is_some());
        assert_eq!(cut.count(), 0);
    }
}
