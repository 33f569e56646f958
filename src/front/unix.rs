//! A front on a Unix socket.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};
use tokio::net::{UnixListener, UnixStream};

/// A socket's file, which only we may connect to. It is removed with this, as Go removes its own.
#[derive(Debug)]
pub struct SocketFile {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: the file that is ours.
    made: (u64, u64),
}

impl SocketFile {
    /// Makes it and lets clients connect.
    ///
    /// # Errors
    /// If there is something at `path` already, or no file can be made there.
    pub fn bind(path: &Path) -> io::Result<SocketFile> {
        // A user who may write to the file may connect. No other thread makes files meanwhile.
        let usual = umask(Mode::from_bits_truncate(0o177));
        let bound = UnixListener::bind(path);
        umask(usual);
        let (listener, path) = (bound?, std::path::absolute(path)?);
        let made = identity(&path)?;
        Ok(SocketFile { listener, path, made })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another process may have put its own socket there.
        if identity(&self.path).is_ok_and(|there| there == self.made) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn socket_file_is_private_and_removed_with_its_front() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dlv.sock");
        let socket = SocketFile::bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SocketFile::bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn socket_of_another_process_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dlv.sock");
        let ours = SocketFile::bind(&path).unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        let _theirs = SocketFile::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
    }
}
