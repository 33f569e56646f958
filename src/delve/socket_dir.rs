//! The private folder in which dlv's Unix sockets lie.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

use crate::variables;

/// What the names of these folders begin with, and of nothing else that is ours.
const PREFIX: &str = "dlvgate-socket-";

/// Bytes of the longest path that a Unix socket may have (`sun_path`, with its end: 104 on macOS,
/// 108 on Linux).
const LONGEST: usize = 103;

/// How often a folder is made: one that is not locked yet may be taken for a left one, by another
/// dlvgate that starts.
const TRIES: u32 = 3;

/// A folder that this user alone may enter, removed with this. It is locked while it is in use, so
/// that the next start recognizes a folder that a killed dlvgate has left.
#[derive(Debug)]
pub(super) struct SocketDir {
    /// Released after the folder is gone.
    folder: TempDir,
    _lock: Flock<File>,
}

impl SocketDir {
    /// Makes one in `$XDG_RUNTIME_DIR`, where that is this user's alone, else in the folder for
    /// temporary files; and removes there what killed ones have left.
    ///
    /// # Errors
    /// If no folder can be made, or a socket in it would have too long a name.
    pub(super) fn new() -> io::Result<SocketDir> {
        let place = runtime_folder().unwrap_or_else(variables::temporary);
        sweep(&place);
        let mut tries = 1;
        let folder = loop {
            match SocketDir::make_in(&place) {
                Ok(folder) => break folder,
                Err(error) if tries == TRIES => return Err(error),
                Err(_) => tries += 1,
            }
        };
        let path = folder.socket(u64::MAX);
        if path.to_str().is_none() || path.as_os_str().len() > LONGEST {
            let said = format!(
                "{} is not a valid name for a Unix socket, which has at most {LONGEST} bytes of UTF-8: set TMPDIR to a shorter one",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, said));
        }
        Ok(folder)
    }

    fn make_in(place: &Path) -> io::Result<SocketDir> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        let lock = lock(folder.path())?;
        let folder = SocketDir { folder, _lock: lock };
        if folder.is_there() { Ok(folder) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// The path of a socket.
    pub(super) fn socket(&self, number: u64) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    /// Whether it is where it was made: those who clean up temporary files may have taken it away.
    pub(super) fn is_there(&self) -> bool {
        self.folder.path().is_dir()
    }
}

/// The folder that a login session gives its user, which is gone when the user has logged out.
fn runtime_folder() -> Option<PathBuf> {
    variables::folder("XDG_RUNTIME_DIR").filter(|path| is_ours_alone(path))
}

fn is_ours_alone(path: &Path) -> bool {
    let us = nix::unistd::geteuid().as_raw();
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == us && meta.mode() & 0o077 == 0)
}

fn lock(folder: &Path) -> io::Result<Flock<File>> {
    let file = File::open(folder)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| error.into())
}

/// Removes our folders that no process has locked.
fn sweep(place: &Path) {
    let Ok(entries) = std::fs::read_dir(place) else { return };
    let is_ours = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with(PREFIX));
    for path in entries.flatten().filter(|entry| is_ours(&entry.file_name())).map(|entry| entry.path()) {
        if !is_ours_alone(&path) || !has_sockets_alone(&path) {
            continue;
        }
        // Held until it is gone.
        if let Ok(_lock) = lock(&path) {
            tracing::debug!(target: "dlvgate::delve", folder = %path.display(), "removed what a killed dlvgate has left");
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

/// What dlvgate makes has nothing else in it: another program's folder of such a name is not
/// touched.
fn has_sockets_alone(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = |entry: io::Result<std::fs::DirEntry>| {
        entry.and_then(|entry| entry.file_type()).is_ok_and(|kind| kind.is_socket())
    };
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.all(is_socket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn folder_is_private_and_removed_with_its_content() {
        let folder = SocketDir::new().unwrap();
        let path = folder.socket(1);
        let _listener = UnixListener::bind(&path).unwrap();
        let inside = path.parent().unwrap().to_owned();
        assert_eq!(inside.metadata().unwrap().mode() & 0o777, 0o700);
        assert!(folder.is_there());
        drop(folder);
        assert!(!inside.exists());
    }

    #[test]
    fn sweep_removes_only_unlocked_folders() {
        let place = tempfile::tempdir().unwrap();
        let make = |name: &str, mode| {
            let path = place.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let left = make("dlvgate-socket-left", 0o700);
        drop(UnixListener::bind(left.join("1")).unwrap());
        let held = make("dlvgate-socket-held", 0o700);
        let _held = lock(&held).unwrap();
        let with_files = make("dlvgate-socket-files", 0o700);
        std::fs::write(with_files.join("notes"), "mine").unwrap();
        let others = [held, with_files, make("dlvgate-socket-open", 0o755), make("dlvgate-demo", 0o700)];
        sweep(place.path());
        assert!(!left.exists());
        for path in others {
            assert!(path.exists(), "{}", path.display());
        }
    }
}
