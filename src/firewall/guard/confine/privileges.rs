//! Drops root's capabilities, all but one.

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set, clear_ambient_capability_set,
    no_new_privs, remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::error::ConfineError;
use super::unavailable::is_not_here;

/// nft's. Journals need none: their folder is root's, and the guard's user is root. It signals only
/// what it has started.
const KEPT: CapabilitySet = CapabilitySet::NET_ADMIN;

/// Capabilities that a kernel may know; it refuses those that it does not.
const MOST: u32 = 64;

/// Gives up all capabilities but [`KEPT`], for good: in the bounding set too, and with
/// `no_new_privs`, so that no program that is run gets any back.
pub(super) fn give_up() -> Result<(), ConfineError> {
    let failed = |said: rustix::io::Errno| unconfined(said.to_string());
    let before = capabilities(None).map_err(failed)?;
    if clear_ambient_capability_set().is_err() {
        is_not_here("ambient capabilities"); // before Linux 4.3
    }
    if before.effective.contains(CapabilitySet::SETPCAP) {
        empty_the_bounding_set().map_err(failed)?;
    }
    let kept = before.permitted & KEPT;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(failed)?;
    set_no_new_privs(true).map_err(failed)?;
    let after = capabilities(None).map_err(failed)?;
    if after != sets || !no_new_privs().map_err(failed)? {
        return Err(unconfined(format!("they are {after:?}")));
    }
    Ok(())
}

fn empty_the_bounding_set() -> Result<(), rustix::io::Errno> {
    let all = (0..MOST).map(|number| CapabilitySet::from_bits_retain(1 << number));
    for one in all.filter(|one| !KEPT.contains(*one)) {
        match capability_is_in_bounding_set(one) {
            Ok(true) => remove_capability_from_bounding_set(one)?,
            Ok(false) => {}
            Err(rustix::io::Errno::INVAL) => break, // the kernel's last is before it
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn unconfined(said: String) -> ConfineError {
    ConfineError::Unconfined { by: "capabilities", said }
}
