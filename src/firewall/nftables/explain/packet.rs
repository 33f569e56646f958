//! The packet at one hook: what each expression of a rule comes to.

use std::net::IpAddr;

use serde_json::Value as Json;

use super::value::{FieldValue, NumberKind};
use crate::firewall::explain::{PacketDirection, PacketQuery};
use crate::firewall::nftables::gate::LOCAL;

/// The ports that a client's connection may come from where the question does not say.
const CLIENT_PORTS: (u16, u16) = (1024, 65535);

const TCP: u32 = 6;

/// The flags of a SYN, without ECN's.
const SYN: u32 = 2;

/// The routing table's type of an address that is another machine's (`RTN_UNICAST`).
const UNICAST: u32 = 1;

/// What connection tracking has of the packet.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tracked {
    /// It has not come to it yet.
    NotYet,
    New,
    /// A rule with `notrack` kept it away.
    Untracked,
    /// It is not known, for this reason.
    Unknown(String),
}

/// The packet, as a chain sees it.
#[derive(Clone, Debug)]
pub(super) struct ChainPacket<'a> {
    pub(super) question: &'a PacketQuery,
    pub(super) tracked: Tracked,
    /// Why its source is not what it was.
    pub(super) translated: Option<String>,
}

impl ChainPacket<'_> {
    fn is_ipv4(&self) -> bool {
        self.question.from.is_ipv4()
    }

    /// What an expression comes to.
    pub(super) fn value(&self, expression: &Json) -> FieldValue {
        let unknown = || FieldValue::Unknown(format!("`{expression}` is not understood"));
        let Some((name, inner)) = expression.as_object().and_then(|object| object.iter().next()) else {
            return unknown();
        };
        let key = |key: &str| inner.get(key).and_then(Json::as_str);
        match name.as_str() {
            "payload" => match (key("protocol"), key("field")) {
                (Some(protocol), Some(field)) => self.payload(protocol, field).unwrap_or_else(unknown),
                _ => unknown(),
            },
            "meta" => key("key").and_then(|key| self.meta(key)).unwrap_or_else(unknown),
            "ct" if inner.get("dir").is_none() => {
                key("key").and_then(|key| self.tracking(key)).unwrap_or_else(unknown)
            }
            "fib" => self.route(inner).unwrap_or_else(unknown),
            "concat" => match inner.as_array() {
                Some(parts) => FieldValue::Concat(parts.iter().map(|part| self.value(part)).collect()),
                None => unknown(),
            },
            _ => unknown(),
        }
    }

    fn payload(&self, protocol: &str, field: &str) -> Option<FieldValue> {
        let question = self.question;
        Some(match (protocol, field) {
            ("ip", _) if !self.is_ipv4() => FieldValue::Absent,
            ("ip6", _) if self.is_ipv4() => FieldValue::Absent,
            ("ip" | "ip6", "saddr") => match &self.translated {
                Some(reason) => FieldValue::Unknown(reason.clone()),
                None => FieldValue::Address(question.from),
            },
            ("ip" | "ip6", "daddr") => self.destination(),
            ("ip", "protocol") | ("ip6", "nexthdr") => FieldValue::exactly(NumberKind::Protocol, TCP),
            ("tcp" | "th", "sport") => match (&self.translated, question.from_port) {
                (Some(reason), _) => FieldValue::Unknown(reason.clone()),
                (None, Some(port)) => FieldValue::exactly(NumberKind::Port, port.into()),
                (None, None) => FieldValue::Number {
                    kind: NumberKind::Port,
                    low: CLIENT_PORTS.0.into(),
                    high: CLIENT_PORTS.1.into(),
                },
            },
            ("tcp" | "th", "dport") => FieldValue::exactly(NumberKind::Port, question.port.into()),
            ("tcp", "flags") => FieldValue::exactly(NumberKind::Flags, SYN),
            // nft asks for the protocol before it looks at its header.
            ("udp" | "udplite" | "sctp" | "dccp" | "icmp" | "icmpv6" | "igmp" | "ah" | "esp" | "comp", _) => {
                FieldValue::Absent
            }
            _ => return None,
        })
    }

    fn destination(&self) -> FieldValue {
        let reason = || "the destination address was not given (--to)".to_owned();
        let some = || FieldValue::SomeAddress { is_ipv4: self.is_ipv4(), reason: reason() };
        self.question.to.map_or_else(some, |to: IpAddr| FieldValue::Address(to))
    }

    fn meta(&self, key: &str) -> Option<FieldValue> {
        let comes_in = self.question.direction == PacketDirection::In;
        Some(match key {
            "iif" | "iifname" if comes_in => self.interface(),
            "oif" | "oifname" if !comes_in => self.interface(),
            // On the other side a packet has no interface: no name, and 0 for its index.
            "iif" | "iifname" | "oif" | "oifname" => FieldValue::Interface(String::new()),
            "l4proto" => FieldValue::exactly(NumberKind::Protocol, TCP),
            "nfproto" => FieldValue::exactly(NumberKind::Family, if self.is_ipv4() { 2 } else { 10 }),
            "protocol" => {
                FieldValue::exactly(NumberKind::EtherType, if self.is_ipv4() { 0x0800 } else { 0x86dd })
            }
            // An incoming packet has no socket yet: a SYN finds its listener only after the input
            // hook.
            "skuid" | "skgid" if comes_in => FieldValue::Absent,
            "skuid" => match self.question.uid {
                Some(uid) => FieldValue::exactly(NumberKind::User, uid),
                None => FieldValue::Unknown("it depends on the user of the socket (--uid)".to_owned()),
            },
            _ => return None,
        })
    }

    fn interface(&self) -> FieldValue {
        let question = self.question;
        match &question.interface {
            Some(name) => FieldValue::Interface(name.clone()),
            None => FieldValue::SomeInterface {
                but: question.loopback,
                reason: "the interface was not given (--interface)".to_owned(),
            },
        }
    }

    fn tracking(&self, key: &str) -> Option<FieldValue> {
        Some(match (key, &self.tracked) {
            (_, Tracked::Unknown(reason)) => FieldValue::Unknown(reason.clone()),
            ("state", Tracked::New) => FieldValue::exactly(NumberKind::State, 8),
            ("state", Tracked::Untracked) => FieldValue::exactly(NumberKind::State, 64),
            ("state", Tracked::NotYet) => FieldValue::exactly(NumberKind::State, 1),
            ("direction", Tracked::New) => FieldValue::exactly(NumberKind::Direction, 0),
            ("direction", _) => FieldValue::Absent,
            _ => return None,
        })
    }

    /// `fib daddr type`: what comes in goes to an address of this machine, and so does what leaves
    /// over loopback.
    fn route(&self, fib: &Json) -> Option<FieldValue> {
        let flags = fib.get("flags")?.as_array()?;
        let is_type = fib.get("result")? == "type" && flags.iter().eq(["daddr"].iter());
        let question = self.question;
        let is_local = question.direction == PacketDirection::In
            || question.interface.as_deref() == Some(question.loopback)
            || question.to.is_some_and(|to| to.is_loopback());
        is_type.then(|| FieldValue::exactly(NumberKind::AddressType, if is_local { LOCAL } else { UNICAST }))
    }
}
