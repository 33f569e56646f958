//! In which network namespace a socket is: a user may make one of their own, with every port to
//! themselves.

use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::getsockopt;
use nix::{getsockopt_impl, sockopt_impl};
use socket2::{Domain, Socket, Type};

sockopt_impl!(
    /// The number of a socket's network namespace (Linux 5.14), which no other has before the next
    /// boot.
    NetnsCookie,
    GetOnly,
    libc::SOL_SOCKET,
    libc::SO_NETNS_COOKIE,
    u64
);

/// Whether the socket is in the network namespace of this process; `None`: this kernel does not
/// tell.
pub(crate) fn is_of_this_network(socket: impl AsFd) -> io::Result<Option<bool>> {
    // Any socket of ours. The guard may make those of TCP.
    let own = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    match (getsockopt(&socket, NetnsCookie), getsockopt(&own, NetnsCookie)) {
        (Ok(theirs), Ok(ours)) => Ok(Some(theirs == ours)),
        (Err(Errno::ENOPROTOOPT), _) => Ok(None),
        (Err(errno), _) | (_, Err(errno)) => Err(errno.into()),
    }
}
