//! Decides which addresses may connect, because a debugger runs arbitrary code for its client.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;

use super::bound::Bound;
use super::peer_uid::own_addresses;
use crate::firewall::Peer;

/// The networks whose addresses may connect; loopback's only where none is named.
#[derive(Clone, Debug, Default)]
pub struct Allowlist {
    allowed: Vec<Peer>,
}

/// Clients that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum UnusableAllowlist {
    /// Everybody could connect.
    #[error(
        "{front} can be reached from other machines, and anyone who connects to a debugger can run any program here. \
         Say who may: --allow ADDRESS or --allow NETWORK/BITS (repeat it for more); or listen on loopback, 127.0.0.1, \
         and reach it through `ssh -L`"
    )]
    OpenToAll {
        /// Where clients connect.
        front: IpAddr,
    },
    /// One that is allowed never could.
    #[error("--allow {peer}: {never}")]
    Never {
        /// The allowed peer.
        peer: Peer,
        /// Why they cannot connect.
        never: Never,
    },
}

/// Why an address can never connect to a front.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Never {
    /// It is of another family.
    #[error(
        "an {} address can never connect to {front}, which takes {} only; `--listen :PORT` takes both",
        if front.is_ipv4() { "IPv6" } else { "IPv4" },
        if front.is_ipv4() { "IPv4" } else { "IPv6" }
    )]
    OtherFamily {
        /// Where clients connect.
        front: IpAddr,
    },
    /// It is another machine's, and only this one's own can.
    #[error(
        "another machine can never connect to {front}; listen on an address that it can reach, or on all: `--listen :PORT`"
    )]
    OtherMachine {
        /// Where clients connect.
        front: IpAddr,
    },
    /// No machine has it.
    #[error(
        "no client has such an address; name the client's own, such as 192.0.2.5, or its network, such as 192.0.2.0/24"
    )]
    NoMachine,
}

impl Allowlist {
    /// The admission of a front on `front`.
    ///
    /// # Errors
    /// If the front is not a loopback address and no peer is named, or one that can never
    /// connect.
    pub fn new(front: IpAddr, allowed: Vec<Peer>) -> Result<Allowlist, UnusableAllowlist> {
        Allowlist::at(front, front.is_ipv6() && front.is_unspecified(), allowed)
    }

    /// As [`Allowlist::new`], for a front that another program has bound, and that may take one
    /// family only.
    ///
    /// # Errors
    /// As [`Allowlist::new`].
    pub fn passed(front: &Bound, allowed: Vec<Peer>) -> Result<Allowlist, UnusableAllowlist> {
        Allowlist::at(front.address().ip(), front.takes_both(), allowed)
    }

    fn at(front: IpAddr, takes_both: bool, allowed: Vec<Peer>) -> Result<Allowlist, UnusableAllowlist> {
        let front = front.to_canonical();
        if allowed.is_empty() && !front.is_loopback() {
            return Err(UnusableAllowlist::OpenToAll { front });
        }
        if let Some((peer, never)) =
            allowed.iter().find_map(|peer| Some((peer, never(front, takes_both, peer)?)))
        {
            return Err(UnusableAllowlist::Never { peer: peer.clone(), never });
        }
        Ok(Allowlist { allowed })
    }

    /// Whether `--allow` says who may connect.
    pub(super) fn names_peers(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Whether this address may connect. An IPv4-mapped address counts as the IPv4 address that it
    /// is, and a link-local one is known with the interface that it came through.
    pub fn admits(&self, client: SocketAddr) -> bool {
        if self.allowed.is_empty() {
            return client.ip().to_canonical().is_loopback();
        }
        let interface = interface(client);
        self.allowed.iter().any(|peer| peer.contains(client.ip(), interface.as_deref()))
    }
}

/// Why this peer can never connect to a front.
fn never(front: IpAddr, takes_both: bool, peer: &Peer) -> Option<Never> {
    let net = peer.net();
    let is_one = net.prefix_len() == net.max_prefix_len();
    if net.addr().is_multicast() || (is_one && net.addr().is_unspecified()) {
        Some(Never::NoMachine)
    } else if !takes_both && net.addr().is_ipv4() != front.is_ipv4() {
        Some(Never::OtherFamily { front })
    } else if front.is_loopback() && !has_own(net) {
        Some(Never::OtherMachine { front })
    } else {
        None
    }
}

/// Whether a network has an address of this machine, from which it can connect to its loopback.
fn has_own(net: IpNet) -> bool {
    Peer::from(net).is_loopback()
        || net.contains(&IpAddr::from(Ipv4Addr::LOCALHOST))
        || net.contains(&IpAddr::from(Ipv6Addr::LOCALHOST))
        || own_addresses().is_none_or(|all| all.iter().any(|own| net.contains(own)))
}

/// The interface that a link-local address came through.
fn interface(client: SocketAddr) -> Option<String> {
    let SocketAddr::V6(address) = client else { return None };
    let index = Some(address.scope_id()).filter(|index| *index != 0)?;
    nix::net::if_::if_indextoname(index).ok()?.into_string().ok()
}

impl fmt::Display for Allowlist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.allowed.is_empty() {
            return f.write_str("only this machine may connect");
        }
        f.write_str("only --allow")?;
        self.allowed.iter().try_for_each(|net| write!(f, " {net}"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV6;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn from(text: &str) -> SocketAddr {
        SocketAddr::new(ip(text), 50000)
    }

    #[test]
    fn a_front_for_everybody_is_refused() {
        for front in ["0.0.0.0", "::", "192.0.2.1", "fe80::1"] {
            let refused = Allowlist::new(ip(front), Vec::new()).unwrap_err().to_string();
            assert!(refused.contains("--allow") && refused.contains(front), "{refused}");
        }
    }

    #[test]
    fn loopback_admits_loopback_only() {
        let allowlist = Allowlist::new(ip("127.0.0.1"), Vec::new()).unwrap();
        assert!(allowlist.admits(from("127.0.0.1")) && allowlist.admits(from("::1")));
        assert!(!allowlist.admits(from("192.0.2.5")));
    }

    #[test]
    fn only_named_addresses_may_connect() {
        let allowlist = Allowlist::new(ip("0.0.0.0"), vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        assert!(allowlist.admits(from("192.0.2.5")) && allowlist.admits(from("::ffff:192.0.2.5")));
        assert!(!allowlist.admits(from("127.0.0.1")) && !allowlist.admits(from("192.0.3.5")));
    }

    #[test]
    fn peer_that_can_never_connect_is_refused() {
        for (front, peer, why) in [
            ("0.0.0.0", "2001:db8::5", "`--listen :PORT` takes both"),
            ("192.0.2.1", "::/0", "IPv4 only"),
            ("127.0.0.1", "::1", "IPv4 only"),
            ("2001:db8::1", "192.0.2.0/24", "IPv6 only"),
            ("::1", "127.0.0.1", "IPv6 only"),
            ("127.0.0.1", "203.0.113.7", "another machine"),
            ("::1", "2001:db8:77::/48", "another machine"),
            ("::", "0.0.0.0", "the client's own"),
            ("::", "::", "the client's own"),
            ("0.0.0.0", "224.0.0.0/4", "no client"),
        ] {
            let refused = Allowlist::new(ip(front), vec![peer.parse().unwrap()]).unwrap_err().to_string();
            assert!(refused.contains(why) && refused.contains(&format!("--allow {peer}: ")), "{refused}");
        }
        for (front, peer) in [
            ("::", "192.0.2.5"),
            ("::", "2001:db8::5"),
            ("0.0.0.0", "0.0.0.0/0"),
            ("::ffff:192.0.2.1", "192.0.2.5"),
            ("127.0.0.1", "127.0.0.2"),
            ("127.0.0.1", "0.0.0.0/0"),
            ("2001:db8::1", "fe80::5%wire0"),
        ] {
            assert!(Allowlist::new(ip(front), vec![peer.parse().unwrap()]).is_ok(), "{peer} to {front}");
        }
    }

    #[test]
    fn a_link_local_client_is_known_with_its_interface() {
        let allowlist = Allowlist::new(ip("::"), vec!["fe80::1%lo".parse().unwrap()]).unwrap();
        let index =
            nix::net::if_::if_nametoindex("lo").or_else(|_| nix::net::if_::if_nametoindex("lo0")).unwrap();
        let through = |scope| SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 50000, 0, scope));
        assert_eq!(allowlist.admits(through(index)), nix::net::if_::if_nametoindex("lo").is_ok());
        assert!(!allowlist.admits(through(index + 1)) && !allowlist.admits(through(0)));
    }
}
