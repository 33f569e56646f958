//! The addresses on the command line, as Go programs take them.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;
use std::str::FromStr;

use nix::libc;
use socket2::{Domain, Protocol, Socket, Type};

/// `HOST:PORT`, `[V6]:PORT`, or `:PORT` for every address of this machine. Not resolved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenAddress {
    host: String,
    port: u16,
}

impl ListenAddress {
    /// The host as it was written, without brackets; empty for every address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Where clients are served: at an address, or at a socket that we were started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address to listen on.
    At(ListenAddress),
    /// `fd:N`: a socket that listens already, as systemd (`sd_listen_fds(3)`) and inetd-like
    /// programs pass it.
    Passed(RawFd),
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Listen, String> {
        match text.strip_prefix("fd:").map(str::parse) {
            Some(Ok(number @ 3..)) => Ok(Listen::Passed(number)),
            Some(_) => {
                Err(format!("`{text}`: write fd:N, N being 3 or more; systemd passes the first socket as 3"))
            }
            // A port alone: of this machine only.
            None if is_number(text) => format!("127.0.0.1:{text}").parse().map(Listen::At),
            None => text.parse().map(Listen::At),
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Listen::At(address) => address.fmt(f),
            Listen::Passed(number) => write!(f, "fd:{number}"),
        }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<ListenAddress, String> {
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(format!("`{text}` has no port; write HOST:PORT, such as 127.0.0.1:2345"));
        };
        let number = Some(port).filter(|port| is_number(port)).and_then(|port| port.parse().ok());
        let port = number.ok_or_else(|| format!("`{port}` is not a port; ports are 0 to 65535"))?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(v6) => v6,
            None if host.contains(':') => {
                return Err(format!("an IPv6 address goes into brackets: [{host}]:{port}"));
            }
            None => host,
        };
        Ok(ListenAddress { host: host.to_owned(), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Looks up where to listen; of several addresses an IPv4 one is taken, which every client can
/// write down. Without a host it is every address, of IPv4 and IPv6, as for Go's programs: `[::]`,
/// which [`Bound`](super::Bound) takes for both.
///
/// # Errors
/// If the name has no address.
pub async fn resolve(address: &ListenAddress) -> io::Result<SocketAddr> {
    if address.host.is_empty() {
        return Ok(every(address.port, Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).err()));
    }
    look_up(&address.host, address.port).await
}

/// Looks up where to connect. No host, or an unspecified address, is this machine, as for Go's
/// programs.
///
/// # Errors
/// If the name has no address.
pub async fn resolve_peer(address: &ListenAddress) -> io::Result<SocketAddr> {
    let host = if address.host.is_empty() { "127.0.0.1" } else { &address.host };
    let mut found = look_up(host, address.port).await?;
    if found.ip().is_unspecified() {
        found.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(found)
}

/// Every address. A kernel without IPv6 has none that IPv4 would leave out; whatever else keeps a
/// socket of IPv6 from being made is an error of its own, later.
fn every(port: u16, no_ipv6: Option<io::Error>) -> SocketAddr {
    match no_ipv6.and_then(|error| error.raw_os_error()) {
        Some(libc::EAFNOSUPPORT) => {
            tracing::warn!(target: "dlvgate::front", "this system has no IPv6: every address is every IPv4 address");
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
        }
        _ => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
    }
}

async fn look_up(host: &str, port: u16) -> io::Result<SocketAddr> {
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    let first = found.iter().find(|address| address.is_ipv4()).or(found.first());
    first.copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_in_go() {
        for text in ["127.0.0.1:2345", "[::1]:0", "localhost:2345", ":2345"] {
            assert_eq!(text.parse::<ListenAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_passed_socket_is_named_by_its_number() {
        assert_eq!("fd:3".parse::<Listen>().unwrap(), Listen::Passed(3));
        assert_eq!("127.0.0.1:3".parse::<Listen>().unwrap().to_string(), "127.0.0.1:3");
        assert_eq!("2345".parse::<Listen>().unwrap().to_string(), "127.0.0.1:2345", "a port alone");
        assert!("70000".parse::<Listen>().unwrap_err().contains("0 to 65535"));
        for text in ["fd:0", "fd:2", "fd:-1", "fd:x", "fd:"] {
            assert!(text.parse::<Listen>().unwrap_err().contains("3 or more"), "{text}");
        }
    }

    #[test]
    fn mistakes_come_back_with_the_right_spelling() {
        for (text, says) in [
            ("2345", "127.0.0.1:2345"),
            ("::1:80", "[::1]:80"),
            ("localhost:http", "0 to 65535"),
            ("h:70000", "0 to 65535"),
            ("h:+70", "0 to 65535"),
        ] {
            let refused = text.parse::<ListenAddress>().unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[tokio::test]
    async fn no_host_is_every_address_of_both_families() {
        assert_eq!(resolve(&":7".parse().unwrap()).await.unwrap().to_string(), "[::]:7");
        assert_eq!(resolve(&"0.0.0.0:7".parse().unwrap()).await.unwrap().to_string(), "0.0.0.0:7");
    }

    #[test]
    fn kernel_without_ipv6_has_every_ipv4_address() {
        let failed = |errno| Some(io::Error::from_raw_os_error(errno));
        assert_eq!(every(7, failed(libc::EAFNOSUPPORT)).to_string(), "0.0.0.0:7");
        assert_eq!(every(7, failed(libc::EMFILE)).to_string(), "[::]:7", "that is no matter of the family");
    }

    #[tokio::test]
    async fn unspecified_peer_is_this_machine() {
        for text in [":7", "0.0.0.0:7", "[::]:7"] {
            assert_eq!(
                resolve_peer(&text.parse().unwrap()).await.unwrap().to_string(),
                "127.0.0.1:7",
                "{text}"
            );
        }
        assert_eq!(resolve_peer(&"[::1]:7".parse().unwrap()).await.unwrap().to_string(), "[::1]:7");
    }
}
