//! The packets that are asked about, and which answers agree.

use dlvgate::firewall::explain::{PacketDirection, PacketQuery, Verdict};

/// A few packets: from loopback, from another machine over either protocol, on their way in and
/// out.
pub fn questions(loopback: &'static str) -> Vec<PacketQuery> {
    let asked = ["127.0.0.1", "192.0.2.6", "2001:db8::6"]
        .map(|from| PacketQuery::new(loopback, 2345, from.parse().expect("an address")));
    let mut all: Vec<PacketQuery> = asked.into_iter().collect();
    all.push(PacketQuery {
        from_port: Some(50000),
        to: Some("192.0.2.1".parse().expect("an address")),
        interface: Some("en0".to_owned()),
        direction: PacketDirection::Out,
        uid: Some(1000),
        ..all[1].clone()
    });
    let pieces: Vec<PacketQuery> =
        all.iter().map(|one| PacketQuery { fragments: true, ..one.clone() }).collect();
    all.extend(pieces);
    all
}

/// Compares the verdicts before and after a rule was replaced by one that is not understood: a
/// certain verdict must be the old one.
pub fn agree(before: Verdict, after: Verdict) -> bool {
    after == Verdict::Unknown || before == Verdict::Unknown || after == before
}
