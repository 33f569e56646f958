//! Where a dlv listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// An address of dlv's. It is written as dlv's `--listen` takes it: `127.0.0.1:2345`,
/// `unix:/run/user/1000/dlv.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A port.
    Tcp(SocketAddr),
    /// A Unix socket's path: nothing in the network leads to it.
    Unix(Arc<Path>),
}

impl Address {
    /// No place yet: any free port of 127.0.0.1.
    pub const ANY: Address = Address::loopback(0);

    /// This port of 127.0.0.1.
    pub const fn loopback(port: u16) -> Address {
        Address::Tcp(SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), port))
    }

    /// The port's address; a Unix socket has none.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) => Some(*address),
            Address::Unix(_) => None,
        }
    }

    /// As dlv writes it behind `listening at: `: a Unix socket is its bare path there.
    pub(super) fn of_ready_line(text: &str) -> Option<Address> {
        if text.starts_with('/') {
            return Some(Address::Unix(Path::new(text).into()));
        }
        let mut address: SocketAddr = text.parse().ok()?;
        if address.ip().is_unspecified() {
            // dlv prints `[::]` for a listener on both families; 127.0.0.1 reaches it even without
            // IPv6.
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        Some(Address::Tcp(address))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Tcp(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
