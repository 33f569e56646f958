//! The slots: the few names that gates' anchors have.
//!
//! An anchor of macOS stays for good once there were rules in it (since macOS 13.1 even when it is
//! empty), so names are used again: a gate takes the first slot that no guard holds and that has no
//! rules. The holder of a slot has a lock on its file, beside the journals; a lock ends with its
//! process, and the rules of a killed one keep the slot from being taken.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};

/// How many there are, for all guards: three digits, with which pf's log holds an anchor's whole
/// name. A guard has at most 64 gates.
pub(super) const SLOTS: u16 = 1000;

/// How the files of the locks begin.
const FILE: &str = "slot.";

/// The folder of the locks.
pub(super) struct Slots {
    folder: PathBuf,
}

/// A slot that this process holds.
pub(super) struct AnchorSlot {
    pub(super) number: u16,
    path: PathBuf,
    _lock: Flock<File>,
}

impl Slots {
    pub(super) fn new(folder: &Path) -> Slots {
        Slots { folder: folder.to_owned() }
    }

    /// Takes the slot; `None`: another process holds it.
    pub(super) fn hold(&self, number: u16) -> io::Result<Option<AnchorSlot>> {
        let path = self.folder.join(format!("{FILE}{number:03}"));
        loop {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
            // A pfctl that outlives a killed guard has the lock too: until it ends, it may load
            // what it was fed.
            fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty()))?;
            let lock = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => lock,
                Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
                Err((_, error)) => return Err(error.into()),
            };
            // The last holder removes the file before the lock ends: then this lock is on a file
            // that is gone.
            let own = lock.metadata()?.ino();
            if fs::symlink_metadata(&path).is_ok_and(|there| there.ino() == own) {
                return Ok(Some(AnchorSlot { number, path, _lock: lock }));
            }
        }
    }

    /// Removes the files that processes which were killed have left.
    pub(super) fn remove_stale(&self) {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let numbers = names.filter_map(|name| name.to_str()?.strip_prefix(FILE)?.parse().ok());
        for number in numbers {
            // Held for a moment, and removed as by any holder.
            let _ = self.hold(number);
        }
    }
}

impl Drop for AnchorSlot {
    /// The file goes while it is locked, so that no other can have taken it.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slot_is_held_once_and_its_file_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let slots = Slots::new(folder.path());
        let held = slots.hold(7).unwrap().expect("it is free");
        assert_eq!(held.number, 7);
        assert!(Slots::new(folder.path()).hold(7).unwrap().is_none());
        assert!(slots.hold(8).unwrap().is_some());
        drop(held);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(slots.hold(7).unwrap().is_some());
    }

    #[test]
    fn stale_slot_is_removed_and_a_held_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let slots = Slots::new(folder.path());
        let _held = slots.hold(1).unwrap().expect("it is free");
        fs::write(folder.path().join("slot.002"), "").unwrap();
        slots.remove_stale();
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(names, ["slot.001"]);
    }

    #[test]
    fn slot_of_a_folder_that_is_not_there_is_an_error() {
        assert!(Slots::new(Path::new("/nonexistent")).hold(0).is_err());
    }
}
