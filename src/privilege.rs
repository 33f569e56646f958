//! Giving root back: who starts dlvgate with sudo wants a gate, and not dlv and their program to
//! run as root.

mod groups;

use std::ffi::CString;
use std::io;
use std::path::PathBuf;

use nix::unistd::{Gid, Uid, User};

use crate::users;

/// The user who called sudo.
#[derive(Clone, Debug)]
pub struct Caller {
    uid: Uid,
    gid: Gid,
    name: CString,
    home: PathBuf,
}

impl Caller {
    /// The user who runs this with sudo; `None` if we are not root, or root by ourselves.
    pub fn of_sudo() -> Option<Caller> {
        let uid = users::sudo_uid().filter(|uid| *uid != 0)?;
        let user = User::from_uid(Uid::from_raw(uid)).ok()??;
        let name = CString::new(user.name).ok()?;
        Some(Caller { uid: user.uid, gid: user.gid, name, home: user.dir })
    }

    /// Becomes this user, for good, in all threads.
    ///
    /// # Errors
    /// If the system refuses, or root could be had again.
    pub fn become_for_good(&self) -> io::Result<()> {
        groups::take(&self.name, self.gid)?;
        nix::unistd::setgid(self.gid)?;
        nix::unistd::setuid(self.uid)?;
        match nix::unistd::setuid(Uid::from_raw(0)) {
            Ok(()) => Err(io::Error::other("root can be had again")),
            Err(_) => Ok(()),
        }
    }

    /// Does something as this user, in all threads, and is root again afterwards: files made
    /// meanwhile are the user's.
    ///
    /// # Errors
    /// If the system refuses either.
    pub fn meanwhile<T>(&self, action: impl FnOnce() -> T) -> io::Result<T> {
        nix::unistd::seteuid(self.uid)?;
        let done = action();
        nix::unistd::seteuid(Uid::from_raw(0))?;
        Ok(done)
    }

    /// This user's home folder.
    pub fn home(&self) -> &std::path::Path {
        &self.home
    }

    /// The variables in which sudo puts root, as this user has them.
    pub fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let name = self.name.to_string_lossy().into_owned();
        vec![
            ("HOME", self.home.clone().into_os_string()),
            ("USER", name.clone().into()),
            ("LOGNAME", name.into()),
        ]
    }
}

impl std::fmt::Display for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (user {})", self.name.to_string_lossy(), self.uid)
    }
}
