//! The addresses on the command line, as Go programs take them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::str::FromStr;

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
}

/// Where clients are served: at an address, or at a socket that we were started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address to listen on.
    At(ListenAddress),
    /// `fd:N`: a socket that listens already, as systemd (`sd_listen_fds(3)`) and inetd-like programs pass it.
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
            None => text.parse().map(Listen::At),
        }
    }
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
        let port = port.parse().map_err(|_| format!("`{port}` is no port; ports are 0 to 65535"))?;
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

/// Looks the host up; of several addresses an IPv4 one is taken, which every client can write down.
///
/// # Errors
/// Where the name has no address.
pub async fn resolve(address: &ListenAddress) -> io::Result<SocketAddr> {
    let host = if address.host.is_empty() { "0.0.0.0" } else { &address.host };
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, address.port)).await?.collect();
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
        ] {
            let refused = text.parse::<ListenAddress>().unwrap_err();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[tokio::test]
    async fn an_empty_host_is_every_address() {
        assert_eq!(resolve(&":7".parse().unwrap()).await.unwrap().to_string(), "0.0.0.0:7");
    }
}
