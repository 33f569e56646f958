//! A front on a Unix socket.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};
use tokio::net::{UnixListener, UnixStream};

/// A socket's file, which only we may connect to. It is removed with this, as Go removes its own.
#[derive(Debug)]
pub struct SocketFile {
    listener: UnixListener,
    path: PathBuf,
}

impl SocketFile {
    /// Makes it and lets clients connect.
    ///
    /// # Errors
    /// Where there is something at `path` already, or no file can be made there.
    pub fn bind(path: &Path) -> io::Result<SocketFile> {
        // Whoever may write to the file may connect. Nothing else in this process makes files meanwhile.
        let usual = umask(Mode::from_bits_truncate(0o177));
        let bound = UnixListener::bind(path);
        umask(usual);
        Ok(SocketFile { listener: bound?, path: std::path::absolute(path)? })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put something else there.
        if self.path.symlink_metadata().is_ok_and(|meta| meta.file_type().is_socket()) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_socket_is_its_user_s_alone_and_goes_with_its_front() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dlv.sock");
        let socket = SocketFile::bind(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(SocketFile::bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists());
    }
}
