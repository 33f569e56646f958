//! Peers: the addresses that may pass a gate.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The longest name of an interface (IFNAMSIZ, 16 with its end, on macOS and Linux).
const LONGEST_INTERFACE: usize = 15;

/// IPv4-mapped IPv6 addresses are `::ffff:0:0/96`.
const MAPPED_BITS: u8 = 96;

/// An address or a network, written `192.0.2.5`, `2001:db8::/32` or `fe80::1%en0`.
///
/// An IPv4-mapped address is folded into IPv4, which it is on the wire. A link-local one comes with
/// its interface: the same address is another machine's on another interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer {
    net: IpNet,
    interface: Option<String>,
}

/// The text names no peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// No address at all.
    #[error("`{0}` is not an address or a network; write 192.0.2.5, 192.0.2.0/24 or 2001:db8::/32")]
    NoAddress(String),
    /// A link-local address without its interface.
    #[error("`{0}` is link-local: say on which interface, as in fe80::1%en0")]
    NoInterface(String),
    /// An interface where none belongs, or one that no system has.
    #[error("`{0}` names an interface that cannot be: only a link-local address has one, as in fe80::1%en0")]
    BadInterface(String),
}

impl Peer {
    /// The addresses.
    pub fn net(&self) -> IpNet {
        self.net
    }

    /// The interface of a link-local peer: letters, digits, `.`, `_` and `-` only.
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// Whether this is one address of the loopback interface, or a network of such.
    pub fn is_loopback(&self) -> bool {
        match self.net {
            IpNet::V4(net) => net.addr().is_loopback() && net.prefix_len() >= 8,
            IpNet::V6(net) => net.addr().is_loopback() && net.prefix_len() == 128,
        }
    }

    /// Whether this address, on this interface where it is link-local, is the peer's.
    pub fn contains(&self, address: IpAddr, interface: Option<&str>) -> bool {
        self.net.contains(&address.to_canonical())
            && (self.interface.is_none() || self.interface.as_deref() == interface)
    }
}

impl TryFrom<IpAddr> for Peer {
    type Error = PeerError;

    /// One address. A link-local one is refused: it needs its interface.
    fn try_from(address: IpAddr) -> Result<Peer, PeerError> {
        address.to_string().parse()
    }
}

impl From<IpNet> for Peer {
    /// A network as it is, on any interface.
    fn from(net: IpNet) -> Peer {
        Peer { net, interface: None }
    }
}

impl FromStr for Peer {
    type Err = PeerError;

    /// `ADDR`, `ADDR/BITS`, `ADDR%INTERFACE` or `ADDR%INTERFACE/BITS` (RFC 4007, section 11). Bits
    /// beyond a network's own are dropped.
    fn from_str(text: &str) -> Result<Peer, PeerError> {
        let no_address = || PeerError::NoAddress(text.to_owned());
        let (head, bits) = text.split_once('/').map_or((text, None), |(head, bits)| (head, Some(bits)));
        let (address, interface) =
            head.split_once('%').map_or((head, None), |(address, zone)| (address, Some(zone)));
        let address: IpAddr = address.parse().map_err(|_| no_address())?;
        let net = match bits {
            None => IpNet::from(address.to_canonical()),
            Some(bits) => {
                let bits: u8 = bits.parse().map_err(|_| no_address())?;
                folded(IpNet::new(address, bits).map_err(|_| no_address())?.trunc())
            }
        };
        match (is_link_local(net), interface) {
            (true, None) => Err(PeerError::NoInterface(text.to_owned())),
            (true, Some(name)) if is_interface(name) => Ok(Peer { net, interface: Some(name.to_owned()) }),
            (_, Some(_)) => Err(PeerError::BadInterface(text.to_owned())),
            (false, None) => Ok(Peer { net, interface: None }),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.net.addr())?;
        if let Some(interface) = &self.interface {
            write!(f, "%{interface}")?;
        }
        if self.net.prefix_len() < self.net.max_prefix_len() {
            write!(f, "/{}", self.net.prefix_len())?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Peer {
    type Error = PeerError;

    fn try_from(text: String) -> Result<Peer, PeerError> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> String {
        peer.to_string()
    }
}

fn folded(net: IpNet) -> IpNet {
    match (net.addr().to_canonical(), net) {
        (IpAddr::V4(v4), IpNet::V6(v6)) if v6.prefix_len() >= MAPPED_BITS => {
            IpNet::new(v4.into(), v6.prefix_len() - MAPPED_BITS).unwrap_or(net)
        }
        _ => net,
    }
}

/// A network of which all addresses are link-local, fe80::/10.
fn is_link_local(net: IpNet) -> bool {
    matches!(net, IpNet::V6(v6) if v6.prefix_len() >= 10 && Ipv6Addr::is_unicast_link_local(&v6.addr()))
}

fn is_interface(name: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=LONGEST_INTERFACE).contains(&name.len()) && name.bytes().all(is_of_a_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> Peer {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_and_networks_are_taken() {
        for (text, printed) in [
            ("192.0.2.5", "192.0.2.5"),
            ("192.0.2.5/24", "192.0.2.0/24"),
            ("::1", "::1"),
            ("::ffff:192.0.2.5", "192.0.2.5"),
            ("::ffff:192.0.2.5/120", "192.0.2.0/24"),
            ("::ffff:0:0/90", "::ffc0:0:0/90"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("fe80::1%en0", "fe80::1%en0"),
            ("fe80::1%en0/64", "fe80::%en0/64"),
        ] {
            assert_eq!(peer(text).to_string(), printed, "{text}");
            assert_eq!(peer(printed), peer(text));
        }
    }

    #[test]
    fn invalid_peer_is_refused_with_examples() {
        for (text, word) in [
            ("laptop", "192.0.2.0/24"),
            ("192.0.2.5/33", "192.0.2.0/24"),
            ("fe80::1", "fe80::1%en0"),
            ("192.0.2.5%en0", "link-local"),
            ("fe80::1%", "link-local"),
            ("fe80::1%en0 } pass all", "link-local"),
            ("fe80::1%abcdefghijklmnop", "link-local"),
            ("", "not an address"),
        ] {
            let refused = text.parse::<Peer>().unwrap_err().to_string();
            assert!(refused.contains(word), "{text}: {refused}");
        }
    }

    #[test]
    fn a_link_local_peer_is_one_on_its_interface_only() {
        let address = "fe80::1".parse().unwrap();
        assert!(peer("fe80::1%en0").contains(address, Some("en0")));
        assert!(!peer("fe80::1%en0").contains(address, Some("en1")));
        assert!(!peer("fe80::1%en0").contains(address, None));
        assert!(peer("192.0.2.0/24").contains("::ffff:192.0.2.9".parse().unwrap(), Some("en0")));
    }

    #[test]
    fn loopback_is_the_whole_of_a_peer_or_not_at_all() {
        assert!(peer("127.0.0.1").is_loopback() && peer("127.0.0.0/8").is_loopback());
        assert!(peer("::1").is_loopback() && !peer("0.0.0.0/0").is_loopback() && !peer("::/0").is_loopback());
    }
}
