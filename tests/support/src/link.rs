//! Two hosts on a wire: a network namespace each, joined by a veth pair.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::namespace::Namespace;

/// The server's IPv4 address.
pub const SERVER: &str = "192.0.2.1";
/// The server's IPv6 address.
pub const SERVER_V6: &str = "2001:db8::1";
/// The peer's own, from which it connects by itself.
pub const PEER: &str = "192.0.2.5";
/// The peer's own IPv6 address.
pub const PEER_V6: &str = "2001:db8::5";
/// A second address of the peer's host.
pub const OTHER: &str = "192.0.2.6";
/// A second IPv6 address of the peer's host.
pub const OTHER_V6: &str = "2001:db8::6";
/// A third one, beyond the /28 in which the others are.
pub const BEYOND: &str = "192.0.2.17";

/// How long a connection attempt is watched whose packets may be dropped without a word.
pub const DROPPED: Duration = Duration::from_millis(700);

/// The two hosts.
pub struct Link {
    /// The host of the server.
    pub server: Namespace,
    /// The host of the peer, with more addresses.
    pub peer: Namespace,
}

impl Link {
    /// A wire with both ends up, or `None` if this user cannot make one.
    pub fn new() -> Option<Self> {
        let (server, peer) = (Namespace::new()?, Namespace::new()?);
        server.ip(&["link", "add", "wire0", "type", "veth", "peer", "name", "wire0", "netns", peer.name()]);
        for (namespace, addresses) in
            [(&server, &[SERVER, SERVER_V6][..]), (&peer, &[PEER, OTHER, BEYOND, PEER_V6, OTHER_V6][..])]
        {
            for address in addresses {
                let with_bits =
                    if address.contains(':') { format!("{address}/64") } else { format!("{address}/24") };
                // Without the wait in which an address might turn out to be another host's. Of
                // several IPv6 addresses the preferred one is taken: the first.
                let lifetime = if *address == OTHER_V6 { "0" } else { "forever" };
                let mut words = vec!["addr", "add", &with_bits, "dev", "wire0"];
                if address.contains(':') {
                    words.extend(["nodad", "preferred_lft", lifetime]);
                }
                namespace.ip(&words);
            }
            namespace.ip(&["link", "set", "wire0", "addrgenmode", "none"]);
            namespace.ip(&["link", "set", "wire0", "up"]);
        }
        server.ip(&["addr", "add", "fe80::1/64", "dev", "wire0", "nodad"]);
        peer.ip(&["addr", "add", "fe80::5/64", "dev", "wire0", "nodad"]);
        Some(Self { server, peer })
    }

    /// Connects from an address of the peer's host.
    pub fn connect(&self, from: &str, to: SocketAddr) -> io::Result<TcpStream> {
        self.peer.inside(|| connect(from, to))
    }
}

/// Connects from this address, in the namespace of the thread.
pub fn connect(from: &str, to: SocketAddr) -> io::Result<TcpStream> {
    let from: IpAddr = from.parse().expect("an address");
    connect_from(SocketAddr::new(from, 0), to)
}

/// The same, from this port.
pub fn connect_from(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
    socket.bind(&from.into())?;
    socket.connect_timeout(&to.into(), DROPPED)?;
    Ok(socket.into())
}
