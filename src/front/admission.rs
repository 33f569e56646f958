//! Who may connect. A debugger runs arbitrary code for whoever reaches it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::firewall::Peer;

/// The networks whose addresses may connect; loopback's only where none is named.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    allowed: Vec<Peer>,
}

/// A front that anybody could connect to.
#[derive(Debug, thiserror::Error)]
#[error(
    "{front} can be reached from other machines, and whoever connects to a debugger can run any program here. \
     Say who may: --allow ADDRESS or --allow NETWORK/BITS (repeat it for more); or listen on loopback, 127.0.0.1, \
     and reach it through `ssh -L`"
)]
pub struct OpenToAll {
    front: IpAddr,
}

impl Admission {
    /// The admission of a front on `front`.
    ///
    /// # Errors
    /// Where the front is not a loopback address and nobody is named.
    pub fn new(front: IpAddr, allowed: Vec<Peer>) -> Result<Admission, OpenToAll> {
        if allowed.is_empty() && !front.to_canonical().is_loopback() {
            return Err(OpenToAll { front });
        }
        Ok(Admission { allowed })
    }

    /// Whether `--allow` says who may connect.
    pub(super) fn names_somebody(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// Whether this address may connect. An IPv4-mapped address counts as the IPv4 address that it is, and a link-local
    /// one is known with the interface that it came through.
    pub fn admits(&self, client: SocketAddr) -> bool {
        if self.allowed.is_empty() {
            return client.ip().to_canonical().is_loopback();
        }
        let interface = interface(client);
        self.allowed.iter().any(|peer| peer.contains(client.ip(), interface.as_deref()))
    }
}

/// The interface that a link-local address came through.
fn interface(client: SocketAddr) -> Option<String> {
    let SocketAddr::V6(address) = client else { return None };
    let index = Some(address.scope_id()).filter(|index| *index != 0)?;
    nix::net::if_::if_indextoname(index).ok()?.into_string().ok()
}

impl fmt::Display for Admission {
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
            let refused = Admission::new(ip(front), Vec::new()).unwrap_err().to_string();
            assert!(refused.contains("--allow") && refused.contains(front), "{refused}");
        }
    }

    #[test]
    fn loopback_admits_loopback_only() {
        let admission = Admission::new(ip("127.0.0.1"), Vec::new()).unwrap();
        assert!(admission.admits(from("127.0.0.1")) && admission.admits(from("::1")));
        assert!(!admission.admits(from("192.0.2.5")));
    }

    #[test]
    fn who_is_named_may_connect_and_nobody_else() {
        let admission = Admission::new(ip("0.0.0.0"), vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        assert!(admission.admits(from("192.0.2.5")) && admission.admits(from("::ffff:192.0.2.5")));
        assert!(!admission.admits(from("127.0.0.1")) && !admission.admits(from("192.0.3.5")));
    }

    #[test]
    fn a_link_local_client_is_known_with_its_interface() {
        let admission = Admission::new(ip("::"), vec!["fe80::1%lo".parse().unwrap()]).unwrap();
        let index =
            nix::net::if_::if_nametoindex("lo").or_else(|_| nix::net::if_::if_nametoindex("lo0")).unwrap();
        let through = |scope| SocketAddr::V6(SocketAddrV6::new("fe80::1".parse().unwrap(), 50000, 0, scope));
        assert_eq!(admission.admits(through(index)), nix::net::if_::if_nametoindex("lo").is_ok());
        assert!(!admission.admits(through(index + 1)) && !admission.admits(through(0)));
    }
}
