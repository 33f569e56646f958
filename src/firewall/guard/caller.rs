//! Finds the guard's user, and that user's limits, once at the start.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use super::limits::{CallerLimits, Surroundings};
use super::passed::{PassedSockets, check};
use super::policy::{Allowance, POLICY, Policies};
use super::root_owned::check_owners;
use crate::sockets::{Occupant, Ports};
use crate::users;

/// Bytes of the policy's file: a thousand users, each with a few ranges and networks.
const POLICY_LIMIT: u64 = 256 * 1024;

/// The control group below which each user's guards are in one that is root's.
pub(in crate::firewall) const GROUPS: &str = "/sys/fs/cgroup/dlvgate";

/// The user for whom we are root: sudo says who called it.
pub(super) fn uid() -> u32 {
    users::sudo_uid().unwrap_or_else(|| nix::unistd::getuid().as_raw())
}

/// What this user is held to. `passed`: the sockets that come with requests.
///
/// # Errors
/// If root's policy is there and is not to be believed: then nothing is opened.
pub(super) fn limits(uid: u32, passed: PassedSockets) -> Result<CallerLimits, String> {
    // Without root the guard has no power over other users.
    if uid == 0 || !nix::unistd::geteuid().is_root() {
        return Ok(CallerLimits::none(uid));
    }
    if !users::is_one_user(uid) {
        return Err(format!(
            "user {uid} stands for every user whom this user namespace does not know: the owner of a port is unknown"
        ));
    }
    // The name by which sudoers, too, knows the caller.
    let name = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
    let (user, allowance) = match name {
        Some(name) => (name.clone(), policies(Path::new(POLICY))?.of(&name)),
        // Without a name there is nothing to look up; what root restricts by name must not be had
        // without.
        None if Path::new(POLICY).exists() => {
            return Err(format!("sudo does not say the caller's name, for which {POLICY} has a policy"));
        }
        None => (format!("user {uid}"), Allowance::default()),
    };
    let surroundings = ThisSystem { ports: Ports::new(), passed };
    Ok(CallerLimits::of(uid, user, allowance, Box::new(surroundings)))
}

/// What root lets users open; nothing is said where there is no file.
///
/// # Errors
/// If the file could have been written by others than root, or has anything that is not known.
pub(in crate::firewall) fn policies(path: &Path) -> Result<Policies, String> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Policies::default());
        }
        meta => meta,
    };
    let unread =
        |why: String| format!("the policy {} is not obeyed, and nothing is opened: {why}", path.display());
    let meta = meta.map_err(|error| unread(error.to_string()))?;
    check_owners(path).map_err(|error| unread(error.to_string()))?;
    if meta.len() > POLICY_LIMIT {
        return Err(unread(format!("it is larger than {POLICY_LIMIT} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| unread(error.to_string()))?;
    Policies::parse(&text).map_err(|why| unread(format!("{why}. `sudo dlvgate firewall install` writes it")))
}

/// The system itself.
struct ThisSystem {
    ports: Ports,
    passed: PassedSockets,
}

impl Surroundings for ThisSystem {
    fn at(&self, ports: &[u16]) -> io::Result<Vec<Occupant>> {
        self.ports.at(ports)
    }

    fn has_interface(&self, name: &str) -> bool {
        nix::net::if_::if_nametoindex(name).is_ok()
    }

    fn passed(&self, port: u16, uid: u32) -> Result<IpAddr, String> {
        let socket = self.passed.take().ok_or_else(|| {
            format!(
                "the socket for port {port} has not come: sudo that logs input (log_input in sudoers) does not pass it on; a \
                 `Defaults!{} !log_input` lets it",
                super::HELPER
            )
        })?;
        let socket =
            socket.descriptor().ok_or_else(|| format!("the socket for port {port} is closed already"))?;
        check(socket, port, uid)
    }

    fn forget_passed(&self) {
        self.passed.forget();
    }
}
