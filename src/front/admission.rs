//! Who may connect. A debugger runs arbitrary code for whoever reaches it.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// The networks whose addresses may connect; loopback's only where none is named.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    allowed: Vec<IpNet>,
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
    pub fn new(front: IpAddr, allowed: Vec<IpNet>) -> Result<Admission, OpenToAll> {
        if allowed.is_empty() && !front.to_canonical().is_loopback() {
            return Err(OpenToAll { front });
        }
        Ok(Admission { allowed })
    }

    /// Whether this address may connect. An IPv4-mapped address counts as the IPv4 address that it is.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        if self.allowed.is_empty() {
            peer.is_loopback()
        } else {
            self.allowed.iter().any(|net| net.contains(&peer))
        }
    }
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
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
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
        assert!(admission.admits(ip("127.0.0.1")) && admission.admits(ip("::1")));
        assert!(!admission.admits(ip("192.0.2.5")));
    }

    #[test]
    fn who_is_named_may_connect_and_nobody_else() {
        let admission = Admission::new(ip("0.0.0.0"), vec!["192.0.2.0/24".parse().unwrap()]).unwrap();
        assert!(admission.admits(ip("192.0.2.5")) && admission.admits(ip("::ffff:192.0.2.5")));
        assert!(!admission.admits(ip("127.0.0.1")) && !admission.admits(ip("192.0.3.5")));
    }
}
