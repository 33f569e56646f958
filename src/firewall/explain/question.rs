//! The packet that is asked about.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

/// Which way the packet goes, seen from this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PacketDirection {
    /// The packet arrives here.
    #[default]
    In,
    /// The packet leaves from here.
    Out,
}

impl fmt::Display for PacketDirection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PacketDirection::In => "in",
            PacketDirection::Out => "out",
        })
    }
}

/// A TCP SYN, whole or in fragments, as far as it is known. Missing fields stay open: a rule that
/// depends on one makes the answer unknown.
#[derive(Clone, Debug, Serialize)]
pub struct PacketQuery {
    /// The port that the connection goes to.
    pub port: u16,
    /// Where the connection comes from.
    pub from: IpAddr,
    /// Where from exactly; without it, any port from 1024 up that no connection uses yet.
    pub from_port: Option<u16>,
    /// The address that the connection goes to.
    pub to: Option<IpAddr>,
    /// The interface; without it, one that is not the loopback interface.
    pub interface: Option<String>,
    /// Seen from this machine.
    pub direction: PacketDirection,
    /// The user of the socket on this machine.
    pub uid: Option<u32>,
    /// Whether the packet comes in IP fragments.
    pub fragments: bool,
    /// The name of the loopback interface.
    #[serde(skip)]
    pub loopback: &'static str,
}

impl PacketQuery {
    /// A question about a packet that comes in, with what follows from the address alone: an
    /// IPv4-mapped address is IPv4 on the wire, and what comes from a loopback address goes to one,
    /// over the loopback interface.
    pub fn new(loopback: &'static str, port: u16, from: IpAddr) -> PacketQuery {
        let from = from.to_canonical();
        let is_local = from.is_loopback();
        PacketQuery {
            port,
            from,
            from_port: None,
            to: is_local.then(|| match from {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            }),
            interface: is_local.then(|| loopback.to_owned()),
            direction: PacketDirection::In,
            uid: None,
            fragments: false,
            loopback,
        }
    }

    /// Whether the packet is on this interface. `None`: the question does not say.
    pub(in crate::firewall) fn is_on(&self, name: &str) -> Option<bool> {
        match self.interface.as_deref() {
            Some(own) => Some(own == name),
            None => (name == self.loopback).then_some(false),
        }
    }
}

impl fmt::Display for PacketQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pieces = if self.fragments { " in fragments" } else { "" };
        write!(f, "a TCP SYN{pieces} from {}", self.from)?;
        if let Some(port) = self.from_port {
            write!(f, " port {port}")?;
        }
        f.write_str(" to ")?;
        if let Some(to) = self.to {
            write!(f, "{to} ")?;
        }
        write!(f, "port {}, {} on ", self.port, self.direction)?;
        match &self.interface {
            Some(name) => f.write_str(name)?,
            None => write!(f, "any interface but {}", self.loopback)?,
        }
        match self.uid {
            Some(uid) => write!(f, ", for user {uid}"),
            None => Ok(()),
        }
    }
}
