//! Whose connection it is. dlv serves its own user's processes only, and a proxy in between would take that check
//! away: dlv sees the proxy's user, whoever the client is.

#[cfg(all(fuzzing, target_os = "linux"))]
pub mod fuzzing;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod sock_diag;
#[cfg(target_os = "linux")]
mod table;

use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use system::System;
#[cfg(target_os = "linux")]
pub(crate) use table::address as socket_address;

/// The uids whose processes may connect over loopback: ours, and under sudo that of whoever called it.
#[derive(Debug)]
pub struct Owners {
    uids: Vec<u32>,
    system: System,
}

/// An accepted connection from its client's side.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
struct Ends {
    /// The client's own end: the socket that is asked for.
    peer: SocketAddr,
    /// Where it is connected to.
    front: SocketAddr,
}

/// What the system says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// A process of this user holds it.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Uid(u32),
    /// No process holds it: what is left of a closed socket counts as root's in the kernel's tables, whoever's it was.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code))]
    Nobody,
    /// This system does not tell.
    #[cfg_attr(target_os = "linux", allow(dead_code))]
    Unchecked,
}

impl Owners {
    /// The owners that this process was started for.
    pub fn of_this_process() -> Owners {
        let uid = nix::unistd::geteuid().as_raw();
        let caller = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok()).filter(|_| uid == 0);
        Owners { uids: std::iter::once(uid).chain(caller).collect(), system: System::new() }
    }

    /// Whether the process at the other end of an accepted loopback connection belongs to one of them.
    ///
    /// # Errors
    /// Says whose it is instead, or that nobody can tell: a connection that is closed already has no owner.
    pub fn admit(&self, peer: SocketAddr, front: SocketAddr) -> Result<(), String> {
        match self.system.owner(Ends { peer, front }) {
            Owner::Uid(uid) if self.include(uid) => Ok(()),
            Owner::Uid(uid) => {
                Err(format!("it is user {uid}'s; --only-same-user=false lets everybody on this machine in"))
            }
            Owner::Unchecked => Ok(()),
            Owner::Nobody => Err("nobody's connection (it is closed already)".to_owned()),
        }
    }

    /// Whether this user is one of them.
    pub fn include(&self, uid: u32) -> bool {
        self.uids.contains(&uid)
    }

    /// Whether this system tells whose a connection is.
    pub fn can_be_told() -> bool {
        cfg!(target_os = "linux")
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::kernel::Kernel;
    use super::{Ends, Owner, table};

    /// Linux: the kernel is asked for the one socket; where it cannot be asked, its tables are read.
    #[derive(Debug)]
    pub(super) struct System {
        pub(super) kernel: Option<Kernel>,
    }

    impl System {
        pub(super) fn new() -> System {
            let kernel = Kernel::open().inspect_err(|error| {
                tracing::debug!(target: "dlvgate::front", %error, "the kernel cannot be asked for one socket: its tables are read");
            });
            System { kernel: kernel.ok() }
        }

        pub(super) fn owner(&self, ends: Ends) -> Owner {
            let asked = self.kernel.as_ref().map(|kernel| kernel.owner(ends));
            match asked {
                Some(Ok(owner)) => owner,
                Some(Err(error)) => {
                    tracing::debug!(target: "dlvgate::front", %error, "the kernel does not tell of one socket: its tables are read");
                    table::owner(ends)
                }
                None => table::owner(ends),
            }
        }
    }
}

/// Elsewhere nobody is asked; the log says so when the server starts.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct System;

#[cfg(not(target_os = "linux"))]
impl System {
    fn new() -> System {
        System
    }

    fn owner(&self, _: Ends) -> Owner {
        Owner::Unchecked
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
