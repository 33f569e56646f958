//! Finds the user of a connection. dlv serves its own user's processes only, and a proxy in between
//! defeats that check: dlv sees the proxy's user for every client.

#[cfg(all(fuzzing, target_os = "linux"))]
pub mod fuzzing;
mod local;
#[cfg(target_os = "linux")]
mod route;

use std::io;
use std::net::SocketAddr;

use tokio::net::UnixStream;

use crate::session::Transport;
use crate::sockets::{Ends, SocketOwner};
use crate::users::{is_one_user, sudo_uid};
pub(super) use local::own_addresses;
use system::System;

/// The uids whose processes on this machine may connect: ours, and under sudo the caller's. None of
/// them is the one that stands for all users whom our user namespace does not know.
#[derive(Debug)]
pub struct PeerUids {
    uids: Vec<u32>,
    system: System,
}

/// The system does not say which user a connection belongs to.
#[derive(Debug, thiserror::Error)]
#[error(
    "this system does not say which user a connection belongs to ({0}), so that other users of this machine could debug as you; \
     --only-same-user=false accepts that"
)]
pub struct CannotTell(io::Error);

/// Why a client of this machine is refused whose socket no process holds any more.
const CLOSED: &str = "no process holds the other end (it is closed already)";

impl PeerUids {
    /// The owners that this process was started for.
    ///
    /// # Errors
    /// If this system does not say which user a connection belongs to.
    pub fn of_this_process() -> Result<PeerUids, CannotTell> {
        let uid = nix::unistd::geteuid().as_raw();
        let system = System::new().map_err(CannotTell)?;
        let uids = std::iter::once(uid).chain(sudo_uid()).filter(|uid| is_one_user(*uid)).collect();
        Ok(PeerUids { uids, system })
    }

    /// Whether the process at the other end of a connection is on another machine, or belongs to
    /// one of them.
    ///
    /// The socket itself is looked for, whatever its address: if found, it is this machine's. If
    /// not, it is closed where the address is the machine's own, and another machine's otherwise.
    ///
    /// # Errors
    /// Says whose it is instead, or that it is unknown: a connection that is closed already has
    /// no owner.
    pub fn admit(&self, peer: SocketAddr, front: SocketAddr) -> Result<(), String> {
        match self.system.owner(Ends { peer, front }) {
            Ok(SocketOwner::Uid(uid)) if self.include(uid) => Ok(()),
            Ok(SocketOwner::Uid(uid)) => {
                let which =
                    if is_one_user(uid) { "" } else { ", as is all that is not of this user namespace" };
                Err(format!(
                    "it is user {uid}'s{which}; --only-same-user=false admits every user of this machine"
                ))
            }
            Ok(SocketOwner::NoProcess) if local::is_own(peer) => Err(CLOSED.to_owned()),
            Err(error) if local::is_own(peer) => Err(format!(
                "its user is unknown ({error}); --only-same-user=false admits every user of this machine"
            )),
            Ok(SocketOwner::NoProcess) | Err(_) => Ok(()),
        }
    }

    /// The same of a client that we have connected to, once it has spoken: before, its end may wait
    /// to be accepted.
    ///
    /// # Errors
    /// As [`PeerUids::admit`].
    pub async fn admit_dialled(&self, client: &Transport) -> Result<(), String> {
        match client {
            Transport::Tcp(stream) => {
                // Of one that has ended no byte is served.
                let Ok(1..) = stream.peek(&mut [0]).await else { return Ok(()) };
                let failed = |error: io::Error| error.to_string();
                self.admit(stream.peer_addr().map_err(failed)?, stream.local_addr().map_err(failed)?)
            }
            Transport::Unix(stream) => self.admit_credentials(stream),
            Transport::Stdio(..) => Ok(()),
        }
    }

    /// Whether the process at the other end of a Unix socket belongs to one of them.
    ///
    /// # Errors
    /// Says whose it is instead, or that it is unknown.
    pub fn admit_credentials(&self, client: &UnixStream) -> Result<(), String> {
        match client.peer_cred().map(|peer| peer.uid()) {
            Ok(uid) if self.include(uid) => Ok(()),
            Ok(uid) => Err(format!("it is user {uid}'s")),
            Err(error) => Err(format!("its user is unknown ({error})")),
        }
    }

    /// Whether this user is one of them.
    pub fn include(&self, uid: u32) -> bool {
        self.uids.contains(&uid)
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use super::{Ends, SocketOwner};
    use crate::sockets::kernel::Kernel;
    use crate::sockets::table;

    /// Linux: the kernel is asked for the one socket; where it cannot be asked, its tables are
    /// read.
    #[derive(Debug)]
    pub(super) struct System {
        pub(super) kernel: Option<Kernel>,
    }

    impl System {
        pub(super) fn new() -> io::Result<System> {
            let kernel = Kernel::open().inspect_err(|error| {
                tracing::debug!(target: "dlvgate::front", %error, "the kernel cannot be asked for one socket: its tables are read");
            });
            if let (Ok(kernel), Ok(own)) = (&kernel, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))) {
                // One that finds a socket of ours is believed later where it finds none.
                let no_peer = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
                let _ = own.local_addr().and_then(|peer| kernel.owner(Ends { peer, front: no_peer }));
            }
            Ok(System { kernel: kernel.ok() })
        }

        pub(super) fn owner(&self, ends: Ends) -> io::Result<SocketOwner> {
            let asked = self.kernel.as_ref().map(|kernel| kernel.owner(ends));
            match asked {
                Some(Ok(owner)) => Ok(owner),
                Some(Err(error)) => {
                    tracing::debug!(target: "dlvgate::front", %error, "the kernel does not list one socket: its tables are read");
                    Ok(table::owner(ends))
                }
                None => Ok(table::owner(ends)),
            }
        }
    }
}

#[cfg(target_os = "macos")]
mod system {
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener};

    use super::{Ends, SocketOwner};
    use crate::sockets::{pcblist, sysctl};

    /// macOS: the list of all TCP sockets is read.
    #[derive(Debug)]
    pub(super) struct System;

    impl System {
        /// # Errors
        /// If the list does not have a socket of our own as ours: it is read otherwise than it
        /// is written.
        pub(super) fn new() -> io::Result<System> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let no_peer = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            let owner = System.owner(Ends { peer: listener.local_addr()?, front: no_peer })?;
            match owner {
                SocketOwner::Uid(uid) if uid == nix::unistd::geteuid().as_raw() => Ok(System),
                other => Err(io::Error::other(format!("a socket of our own is said to be of {other:?}"))),
            }
        }

        pub(super) fn owner(&self, ends: Ends) -> io::Result<SocketOwner> {
            pcblist::owner_in(&sysctl::tcp_sockets()?, ends).map_err(io::Error::other)
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    use std::io;

    use super::{Ends, SocketOwner};

    /// The owners of connections cannot be found out.
    #[derive(Debug)]
    pub(super) struct System;

    impl System {
        pub(super) fn new() -> io::Result<System> {
            Err(io::Error::other("this system does not tell"))
        }

        pub(super) fn owner(&self, _: Ends) -> io::Result<SocketOwner> {
            Err(io::Error::other("this system does not tell"))
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
