//! An address that is ours.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::libc;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::privilege::Caller;

/// Connections that may be waiting to be accepted: a port scanner must not crowd a client out.
const BACKLOG: i32 = 128;

/// How often a free port of both families is looked for: one that IPv4 has free may be taken in
/// IPv6.
const TRIES: usize = 16;

/// An address that is ours, at which no client can connect yet.
pub struct Bound {
    socket: Socket,
    /// Loopback of IPv6, besides that of IPv4.
    besides: Option<Socket>,
    address: SocketAddr,
}

impl Bound {
    /// Takes `address`; port 0 lets the system choose. `[::]` is every address of both families:
    /// where one of them cannot be had, neither is. The steps before
    /// [`Front::on`](super::Front::on) may be slow: a client is refused meanwhile, as before, and
    /// does not wait.
    ///
    /// # Errors
    /// If the system refuses the address.
    pub fn new(address: SocketAddr) -> io::Result<Bound> {
        Bound::of(Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?, address)
    }

    /// The same under sudo, with a socket that is the caller's, as the front will be: the guard
    /// holds its caller to their own.
    ///
    /// # Errors
    /// As [`Bound::new`], or where the caller's user cannot be taken on and put off again.
    pub fn new_of(caller: &Caller, address: SocketAddr) -> io::Result<Bound> {
        let (domain, protocol) = (Domain::for_address(address), Some(Protocol::TCP));
        Bound::of(caller.meanwhile(|| Socket::new(domain, Type::STREAM, protocol))??, address)
    }

    fn of(socket: Socket, address: SocketAddr) -> io::Result<Bound> {
        if address.is_ipv6() && address.ip().is_unspecified() {
            // whatever the system's own default is (Linux: net.ipv6.bindv6only)
            socket.set_only_v6(false)?;
        }
        // a server that was just stopped leaves connections in TIME_WAIT
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        let address = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Bound { socket, besides: None, address })
    }

    /// Takes loopback of both families at the same port, as far as this machine has both.
    ///
    /// # Errors
    /// If the system refuses one of them.
    pub fn loopback(port: u16) -> io::Result<Bound> {
        let mut tries = 1;
        loop {
            let bound = Bound::new(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
            match Bound::new(SocketAddr::from((Ipv6Addr::LOCALHOST, bound.address.port()))) {
                Ok(other) => return Ok(Bound { besides: Some(other.socket), ..bound }),
                Err(error) if is_without_ipv6(&error) => return Ok(bound),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && port == 0 && tries < TRIES => {
                    tries += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A socket that we were started with, and at which clients may connect already.
    ///
    /// # Errors
    /// If it is not a TCP socket, or has no address.
    pub fn passed(descriptor: OwnedFd) -> io::Result<Bound> {
        let socket = Socket::from(descriptor);
        let address = socket.local_addr()?.as_socket();
        match address {
            Some(address) if socket.r#type()? == Type::STREAM && address.port() != 0 => {
                socket.set_nonblocking(true)?;
                Ok(Bound { socket, besides: None, address })
            }
            _ => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a TCP socket that has an address"))
            }
        }
    }

    /// The socket, for the guard, which has to see whose it is and where it is bound. A front that
    /// needs a gate has one alone.
    pub fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The address that it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as clients write it down. Some know no IPv6 address in a ready line (LSP4IJ:
    /// `[\w\.]+`), so a front of both families has its IPv4 one.
    pub fn name(&self) -> SocketAddr {
        match self.address.ip() {
            IpAddr::V6(_) if self.takes_both() => {
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, self.address.port()))
            }
            _ => self.address,
        }
    }

    /// Whether it is every address of both families. One that was passed may be of IPv6 alone.
    pub(super) fn takes_both(&self) -> bool {
        let ip = self.address.ip();
        ip.is_ipv6() && ip.is_unspecified() && !self.socket.only_v6().unwrap_or(true)
    }

    /// Lets clients connect: at the address, and at the second one if there is one.
    pub(super) fn listen(self) -> io::Result<(TcpListener, Option<TcpListener>)> {
        Ok((listen(self.socket)?, self.besides.map(listen).transpose()?))
    }
}

/// Whether a machine has no such address because it has no IPv6: the kernel, or loopback, is
/// without.
fn is_without_ipv6(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener as Listener;

    use super::*;
    use crate::front::Allowlist;

    #[test]
    fn every_address_is_both_families_or_none() {
        let Ok(bound) = Bound::new("[::]:0".parse().unwrap()) else { return }; // no IPv6 here
        assert_eq!(bound.name(), SocketAddr::from(([0, 0, 0, 0], bound.address().port())));
        for taken in ["127.0.0.1:0", "[::1]:0"] {
            let other = Listener::bind(taken).unwrap();
            let every = SocketAddr::from((Ipv6Addr::UNSPECIFIED, other.local_addr().unwrap().port()));
            assert_eq!(
                Bound::new(every).err().map(|error| error.kind()),
                Some(io::ErrorKind::AddrInUse),
                "{taken}"
            );
        }
    }

    #[test]
    fn passed_socket_of_ipv6_alone_takes_no_ipv4() {
        if Listener::bind("[::1]:0").is_err() {
            return; // no IPv6 here
        }
        for only_v6 in [false, true] {
            let socket = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
            socket.set_only_v6(only_v6).unwrap();
            socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()).unwrap();
            let bound = Bound::passed(socket.into()).unwrap();
            assert_eq!((bound.takes_both(), bound.name().is_ipv6()), (!only_v6, only_v6));
            let of_ipv4 = Allowlist::passed(&bound, vec!["192.0.2.5".parse().unwrap()]);
            assert_eq!(of_ipv4.is_err(), only_v6);
            assert!(Allowlist::passed(&bound, vec!["2001:db8::5".parse().unwrap()]).is_ok());
        }
    }

    #[test]
    fn mapped_address_is_bound() {
        if Listener::bind("[::1]:0").is_err() {
            return; // no IPv6 here
        }
        let bound = Bound::new("[::ffff:127.0.0.1]:0".parse().unwrap()).unwrap();
        assert!(bound.address().ip().to_canonical().is_loopback());
    }

    #[test]
    fn loopback_is_both_families_or_none() {
        let bound = Bound::loopback(0).unwrap();
        assert_eq!(bound.besides.is_some(), Listener::bind("[::1]:0").is_ok());
        let Ok(other) = Listener::bind("[::1]:0") else { return };
        let refused = Bound::loopback(other.local_addr().unwrap().port()).err();
        assert_eq!(refused.map(|error| error.kind()), Some(io::ErrorKind::AddrInUse));
    }
}
