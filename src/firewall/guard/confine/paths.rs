//! Landlock: which files the guard, and what it starts, may touch.
//!
//! Nothing can be run but the packet filter's own program and its loader. Nothing can be written
//! but the journals.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use super::error::ConfineError;
use super::loader;
use super::unavailable::is_not_here;

/// The newest version whose rights are known here. An older kernel takes those that it knows.
const NEWEST: ABI = ABI::V6;

/// Where programs have their libraries. The loader runs what it can read, and so programs that are
/// there too.
const LIBRARIES: [&str; 5] = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];

/// What the loader, the C library and nft look up: names of users, services, protocols, marks. No
/// secret is in any.
const LOOKED_UP: [&str; 18] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/ld-musl-x86_64.path",
    "/etc/ld-musl-aarch64.path",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/services",
    "/etc/protocols",
    "/etc/ethertypes",
    "/etc/localtime",
    "/etc/iproute2",
    "/usr/share/iproute2",
    "/etc/connlabel.conf",
    "/etc/xtables",
    "/etc/nftables",
];

/// What `firewall install` has written for the guard to read.
const OWN: [&str; 2] = ["/etc/dlvgate", "/var/lib/dlvgate"];

/// What the kernel says of processes, sockets and itself.
const KERNEL: [&str; 4] = ["/proc", "/sys/devices/system/cpu", "/dev/urandom", "/dev/random"];

/// Confines this process; a kernel before 5.13, or one that was started without Landlock, has
/// nothing to do it with.
pub(super) fn confine(journals: &Path, program: &Path) -> Result<(), ConfineError> {
    let status = restrict(journals, program)
        .map_err(|error| ConfineError::Unconfined { by: "Landlock", said: error.to_string() })?;
    if status == RulesetStatus::NotEnforced {
        is_not_here("Landlock");
    }
    Ok(())
}

fn restrict(journals: &Path, program: &Path) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::from_read(NEWEST) & !AccessFs::Execute;
    let run: BitFlags<AccessFs> = AccessFs::Execute | AccessFs::ReadFile;
    let write = read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeReg | AccessFs::RemoveFile;
    let programs = [Some(program.to_owned()), loader::of(program)].into_iter().flatten();
    let readable = [&LIBRARIES[..], &LOOKED_UP, &OWN, &KERNEL].concat();
    let writable = [journals.to_owned(), PathBuf::from("/dev/null")].into_iter().chain(of_tests());
    // A path that is not there has no rule.
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::ConnectTcp)? // bound is a port to see whether dlv listens there
        .scope(Scope::from_all(NEWEST))?
        .create()?
        .add_rules(path_beneath_rules(programs, run))?
        .add_rules(path_beneath_rules(readable, read))?
        .add_rules(path_beneath_rules(writable, write))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// Where a debug build waits at a point, it makes a file.
#[cfg(debug_assertions)]
fn of_tests() -> Option<PathBuf> {
    let asked = std::env::var("DLVGATE_FAULT_POINT").ok()?;
    let (_, file) = asked.split_once('=')?;
    Some(Path::new(file).parent()?.to_owned())
}

#[cfg(not(debug_assertions))]
fn of_tests() -> Option<PathBuf> {
    None
}
