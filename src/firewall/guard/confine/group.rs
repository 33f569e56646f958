//! The control group: the owner of the caller's group can freeze or kill the processes in it.

use std::fs;
use std::io;
use std::path::Path;

use super::super::caller::{self, GROUPS};
use super::super::root_owned::check_owners;
use super::error::ConfineError;
use super::unavailable::is_not_here;

/// Where control groups of version 2 are; it is one where it has this file.
const MOUNTED: &str = "/sys/fs/cgroup/cgroup.controllers";

/// Guards of one user there, whose processes and memory the limits of their own group do not count.
/// Their gates need 16 at most.
const MOST: usize = 64;

/// Moves this process out of the caller's group, where that can be had.
pub(super) fn leave() -> Result<(), ConfineError> {
    let uid = caller::uid();
    if uid == 0 || !nix::unistd::geteuid().is_root() || !Path::new(MOUNTED).exists() {
        return Ok(());
    }
    let group = Path::new(GROUPS).join(uid.to_string());
    match enter(&group) {
        Ok(others) if others < MOST => Ok(()),
        Ok(others) => {
            let said = io::Error::other(format!("user {uid} has {others} guards already"));
            Err(ConfineError::Surroundings { what: "control group", said })
        }
        // A container's are there to be read, mostly.
        Err(_) => {
            is_not_here("control group to be had");
            Ok(())
        }
    }
}

/// Returns how many processes were in it before.
fn enter(group: &Path) -> io::Result<usize> {
    fs::create_dir_all(group)?;
    check_owners(group).map_err(io::Error::other)?;
    let processes = group.join("cgroup.procs");
    let others = fs::read_to_string(&processes)?.lines().count();
    if others < MOST {
        fs::write(processes, "0")?; // this one
    }
    Ok(others)
}
