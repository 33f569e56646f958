//! The folders in which servers have their control sockets.
//!
//! `$XDG_RUNTIME_DIR/dlvgate`, where the login session has such a folder, else `dlvgate-UID` in the
//! folder for temporary files. Each is its user's alone: mode 700, and no link.

use std::fs::{DirBuilder, DirEntry};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;

use crate::variables;

/// Its name in a folder that is its user's alone already.
const NAME: &str = "dlvgate";

/// Where temporary files are, whatever TMPDIR says: a server and `dlvgate ps` may differ in it.
const TEMPORARY: &str = "/tmp";

/// Mode of the folder: its user alone may read and change it.
const PRIVATE: u32 = 0o700;

/// How long a process that listens at a name may take to accept: one that is stopped does not.
const PATIENCE: Duration = Duration::from_millis(100);

/// The places of a user's folder, the best one first.
pub(super) fn of_user(uid: u32) -> Vec<PathBuf> {
    let login = variables::folder("XDG_RUNTIME_DIR").into_iter().chain([format!("/run/user/{uid}").into()]);
    let login = login.filter(|path| is_private(path, uid)).map(|path| path.join(NAME));
    let temporary = [variables::temporary(), TEMPORARY.into()];
    let temporary = temporary.into_iter().map(|path| path.join(format!("{NAME}-{uid}")));
    let mut places: Vec<PathBuf> = Vec::new();
    for path in login.chain(temporary) {
        if !places.contains(&path) {
            places.push(path);
        }
    }
    places
}

/// The sockets in a user's folder; none where it is missing, or not this user's alone.
pub(super) fn sockets(folder: &Path, uid: u32) -> Vec<PathBuf> {
    if !is_private(folder, uid) {
        return Vec::new();
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_socket = |entry: &DirEntry| entry.file_type().is_ok_and(|kind| kind.is_socket());
    let mut sockets: Vec<PathBuf> = entries.filter(is_socket).map(|entry| entry.path()).collect();
    sockets.sort();
    sockets
}

/// Removes the sockets at which no process listens any more, and the folder if it is empty then.
pub(super) async fn sweep(folder: &Path, uid: u32) {
    let mut found = false;
    for socket in sockets(folder, uid) {
        found = true;
        let connected = tokio::time::timeout(PATIENCE, UnixStream::connect(&socket)).await;
        if matches!(connected, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused) {
            let _ = std::fs::remove_file(&socket);
        }
    }
    if found {
        let _ = std::fs::remove_dir(folder);
    }
}

/// Whether a socket has its name, and listens therefore.
pub(super) fn is_named(socket: &Path) -> bool {
    socket.extension().is_some_and(|extension| extension == "sock")
}

/// A name for this process's socket. A process of another PID namespace may have the same id and
/// use the same folder: a name at which one listens is not taken.
pub(super) async fn free_name(folder: &Path) -> PathBuf {
    let pid = std::process::id();
    let mut name = folder.join(format!("{pid}.sock"));
    let mut number = 0_u32;
    while !is_free(tokio::time::timeout(PATIENCE, UnixStream::connect(&name)).await) {
        number += 1;
        name = folder.join(format!("{pid}-{number}.sock"));
    }
    name
}

/// No process listens at a name, so far as the system says.
fn is_free(connected: Result<io::Result<UnixStream>, tokio::time::error::Elapsed>) -> bool {
    use io::ErrorKind::{ConnectionRefused, InvalidInput, NotFound};
    matches!(connected, Ok(Err(error)) if matches!(error.kind(), ConnectionRefused | InvalidInput | NotFound))
}

/// Makes a folder, if it is missing.
///
/// # Errors
/// If it cannot be made, or is not this user's alone.
pub(super) fn make_private(path: &Path, uid: u32) -> io::Result<()> {
    match DirBuilder::new().mode(PRIVATE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    if is_private(path, uid) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not this user's alone (mode 700)"))
}

fn is_private(path: &Path, uid: u32) -> bool {
    path.symlink_metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == uid && meta.mode() & 0o077 == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_a_private_folder_is_used() {
        let place = tempfile::tempdir().unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        let folder = place.path().join("dlvgate");
        make_private(&folder, uid).unwrap();
        make_private(&folder, uid).unwrap();
        assert_eq!(folder.metadata().unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(make_private(&folder, uid).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let link = place.path().join("link");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        assert!(make_private(&link, uid).is_err());
        assert!(make_private(&folder, uid + 1).is_err());
    }

    #[tokio::test]
    async fn a_name_at_which_another_listens_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        let first = free_name(folder.path()).await;
        let listener = UnixListener::bind(&first).unwrap();
        let second = free_name(folder.path()).await;
        assert_ne!(first, second);
        std::fs::write(folder.path().join("notes"), "").unwrap();
        let uid = nix::unistd::geteuid().as_raw();
        assert_eq!(sockets(folder.path(), uid), std::slice::from_ref(&first));
        assert!(sockets(folder.path(), uid + 1).is_empty());
        drop(listener);
        assert_eq!(free_name(folder.path()).await, first, "its process is gone");
    }
}
