//! What a rule looks at, as far as it is known of the packet.

use std::net::IpAddr;

use serde_json::Value as Json;

/// What the left side of a match, or the key of a lookup, comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FieldValue {
    /// A number from `low` to `high`; one number where they are the same.
    Number { kind: NumberKind, low: u32, high: u32 },
    /// An address.
    Address(IpAddr),
    /// An address of this family, which was not said.
    SomeAddress { is_ipv4: bool, reason: String },
    /// An interface's name; empty where the packet has none on this side.
    Interface(String),
    /// An interface that was not said, and is not this one.
    SomeInterface { but: &'static str, reason: String },
    /// Several, one after the other.
    Concat(Vec<FieldValue>),
    /// The packet does not have it: the rule does not match, whatever it asks.
    Absent,
    /// It is there, and what it is is not known, for this reason.
    Unknown(String),
}

/// What a number is, for the names that may stand for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberKind {
    Port,
    /// Of the Internet protocols.
    Protocol,
    /// nftables' number of a family.
    Family,
    EtherType,
    User,
    /// A bit of connection tracking's state.
    State,
    /// Bits of the TCP header.
    Flags,
    /// The kind of an address in the routing table.
    AddressType,
    Direction,
}

impl FieldValue {
    pub(super) fn exactly(kind: NumberKind, number: u32) -> FieldValue {
        FieldValue::Number { kind, low: number, high: number }
    }
}

impl NumberKind {
    /// nft prints numbers (`-n`); names are there for one that does not.
    pub(super) fn number(self, json: &Json) -> Option<u32> {
        let named = |names: &[(&str, u32)]| {
            let text = json.as_str()?;
            names.iter().find(|(name, _)| *name == text).map(|(_, number)| *number)
        };
        let number = json.as_u64().and_then(|number| u32::try_from(number).ok());
        match self {
            NumberKind::Port | NumberKind::User => number,
            NumberKind::Protocol => {
                number.or_else(|| named(&[("tcp", 6), ("udp", 17), ("icmp", 1), ("ipv6-icmp", 58)]))
            }
            NumberKind::Family => number.or_else(|| named(&[("ipv4", 2), ("ipv6", 10)])),
            // nft 1.0.6 prints the number with its two bytes swapped.
            NumberKind::EtherType => match number {
                Some(0x0008) => Some(0x0800),
                Some(0xdd86) => Some(0x86dd),
                Some(number) => Some(number),
                None => named(&[("ip", 0x0800), ("ip6", 0x86dd)]),
            },
            NumberKind::State => number.or_else(|| {
                named(&[("invalid", 1), ("established", 2), ("related", 4), ("new", 8), ("untracked", 64)])
            }),
            NumberKind::Flags => number.or_else(|| {
                let low = [("fin", 1), ("syn", 2), ("rst", 4), ("psh", 8)];
                named(&low).or_else(|| named(&[("ack", 16), ("urg", 32), ("ecn", 64), ("cwr", 128)]))
            }),
            NumberKind::AddressType => number.or_else(|| named(&[("unicast", 1), ("local", 2)])),
            NumberKind::Direction => number.or_else(|| named(&[("original", 0), ("reply", 1)])),
        }
    }

    /// A number that is made of bits: `syn`, `[2, 16]` or `{"|": [2, 16]}`.
    pub(super) fn bits(self, json: &Json) -> Option<u32> {
        let parts = json.as_array().or_else(|| json.get("|")?.as_array());
        match parts {
            Some(parts) => parts.iter().try_fold(0, |bits, part| Some(bits | self.bits(part)?)),
            None => self.number(json),
        }
    }
}
