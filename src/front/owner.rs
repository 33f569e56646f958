//! Whose connection it is. dlv serves its own user's processes only, and a proxy in between would take that check
//! away: dlv sees the proxy's user, whoever the client is.

#[cfg(all(fuzzing, target_os = "linux"))]
pub mod fuzzing;

use std::io;
use std::net::SocketAddr;

use crate::sockets::{Ends, Owner};
use system::System;

/// The uids whose processes may connect over loopback: ours, and under sudo that of whoever called it.
#[derive(Debug)]
pub struct Owners {
    uids: Vec<u32>,
    system: System,
}

/// Nobody tells whose a connection is.
#[derive(Debug, thiserror::Error)]
#[error(
    "nobody can tell whose a connection over loopback is ({0}), so that other users of this machine could debug as you; \
     --only-same-user=false accepts that"
)]
pub struct CannotTell(io::Error);

impl Owners {
    /// The owners that this process was started for.
    ///
    /// # Errors
    /// Where this system does not tell whose a connection is.
    pub fn of_this_process() -> Result<Owners, CannotTell> {
        let uid = nix::unistd::geteuid().as_raw();
        let caller = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok()).filter(|_| uid == 0);
        let system = System::new().map_err(CannotTell)?;
        Ok(Owners { uids: std::iter::once(uid).chain(caller).collect(), system })
    }

    /// Whether the process at the other end of an accepted loopback connection belongs to one of them.
    ///
    /// # Errors
    /// Says whose it is instead, or that nobody can tell: a connection that is closed already has no owner.
    pub fn admit(&self, peer: SocketAddr, front: SocketAddr) -> Result<(), String> {
        match self.system.owner(Ends { peer, front }) {
            Ok(Owner::Uid(uid)) if self.include(uid) => Ok(()),
            Ok(Owner::Uid(uid)) => {
                Err(format!("it is user {uid}'s; --only-same-user=false lets everybody on this machine in"))
            }
            Ok(Owner::Nobody) => Err("nobody's connection (it is closed already)".to_owned()),
            Err(error) => Err(format!(
                "nobody can tell whose it is ({error}); --only-same-user=false lets everybody on this machine in"
            )),
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

    use super::{Ends, Owner};
    use crate::sockets::kernel::Kernel;
    use crate::sockets::table;

    /// Linux: the kernel is asked for the one socket; where it cannot be asked, its tables are read.
    #[derive(Debug)]
    pub(super) struct System {
        pub(super) kernel: Option<Kernel>,
    }

    impl System {
        pub(super) fn new() -> io::Result<System> {
            let kernel = Kernel::open().inspect_err(|error| {
                tracing::debug!(target: "dlvgate::front", %error, "the kernel cannot be asked for one socket: its tables are read");
            });
            Ok(System { kernel: kernel.ok() })
        }

        pub(super) fn owner(&self, ends: Ends) -> io::Result<Owner> {
            let asked = self.kernel.as_ref().map(|kernel| kernel.owner(ends));
            match asked {
                Some(Ok(owner)) => Ok(owner),
                Some(Err(error)) => {
                    tracing::debug!(target: "dlvgate::front", %error, "the kernel does not tell of one socket: its tables are read");
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

    use super::{Ends, Owner};
    use crate::sockets::{pcblist, sysctl};

    /// macOS: the list of all TCP sockets is read.
    #[derive(Debug)]
    pub(super) struct System;

    impl System {
        /// # Errors
        /// Where the list does not have a socket of our own as ours: it is read otherwise than it is written.
        pub(super) fn new() -> io::Result<System> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
            let owner = System.owner(Ends { peer: listener.local_addr()?, front: nobody })?;
            match owner {
                Owner::Uid(uid) if uid == nix::unistd::geteuid().as_raw() => Ok(System),
                other => Err(io::Error::other(format!("a socket of our own is said to be of {other:?}"))),
            }
        }

        pub(super) fn owner(&self, ends: Ends) -> io::Result<Owner> {
            pcblist::owner_in(&sysctl::tcp_sockets()?, ends).map_err(io::Error::other)
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    use std::io;

    use super::{Ends, Owner};

    /// Nobody is asked.
    #[derive(Debug)]
    pub(super) struct System;

    impl System {
        pub(super) fn new() -> io::Result<System> {
            Err(io::Error::other("this system does not tell"))
        }

        pub(super) fn owner(&self, _: Ends) -> io::Result<Owner> {
            Ok(Owner::Nobody)
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
