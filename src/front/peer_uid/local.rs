//! Whether an address is one of this machine's own. Asked only for a connection whose other end no
//! socket here is.

use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;

/// Whether the kernel would deliver packets for this address to this machine, or an interface has
/// it. If that cannot be found out, it counts as the machine's own: then the client's user has to
/// be known.
pub(super) fn is_own(address: SocketAddr) -> bool {
    let ip = plain(address.ip());
    ip.is_loopback() || is_routed_here(ip, address) || is_on_an_interface(ip)
}

/// An address as it is on the wire: IPv4 as such, and a link-local one without the interface's
/// number, which BSD's kernels keep in its second group.
fn plain(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            let [first, _, rest @ ..] = v6.segments();
            let [c, d, e, f, g, h] = rest;
            IpAddr::from([first, 0, c, d, e, f, g, h])
        }
        other => other,
    }
}

fn is_on_an_interface(ip: IpAddr) -> bool {
    own_addresses().is_none_or(|all| all.contains(&ip))
}

/// The addresses of this machine's interfaces; empty if the system does not say.
pub(in crate::front) fn own_addresses() -> Option<Vec<IpAddr>> {
    let all = getifaddrs().ok()?.filter_map(|interface| {
        let storage = interface.address?;
        let v4 = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        let v6 = storage.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip()));
        v4.or(v6).map(plain)
    });
    Some(all.collect())
}

/// A whole network can be local to Linux without being any interface's (`ip route add local
/// 192.0.2.0/24 dev lo`).
#[cfg(target_os = "linux")]
fn is_routed_here(ip: IpAddr, address: SocketAddr) -> bool {
    let interface = match address {
        SocketAddr::V6(address) => address.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    super::route::is_local(ip, interface).unwrap_or(true)
}

#[cfg(not(target_os = "linux"))]
fn is_routed_here(_: IpAddr, _: SocketAddr) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    fn at(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 50000)
    }

    #[test]
    fn loopback_is_own_and_documentation_is_not() {
        for own in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(is_own(at(own)), "{own}");
        }
        for other in ["198.51.100.7", "2001:db8:9::7", "::ffff:198.51.100.7", "8.8.8.8"] {
            assert!(!is_own(at(other)), "{other}");
        }
    }

    #[test]
    fn address_that_can_be_bound_is_own() {
        for interface in getifaddrs().unwrap() {
            let Some(storage) = interface.address else { continue };
            let Some(own) = storage.as_sockaddr_in().map(|own| SocketAddr::from((own.ip(), 0))) else {
                continue;
            };
            if UdpSocket::bind(own).is_ok() {
                assert!(is_own(own), "{own}");
            }
        }
    }
}
