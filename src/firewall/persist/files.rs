//! Files of the system: read, hashed, written beside and renamed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::PersistError;
use crate::sha256::sha256;

/// A file as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    /// The permission bits.
    pub(super) mode: u32,
}

impl Content {
    pub(super) fn sha256(&self) -> String {
        sha256(&self.bytes)
    }
}

/// The file, or `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Content>, PersistError> {
    let failed = |said| PersistError::Io { path: path.to_owned(), said };
    let bytes = match fs::read(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        bytes => bytes.map_err(failed)?,
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode() & 0o7777;
    Ok(Some(Content { bytes, mode }))
}

/// Where the next content of a file is written before it takes its place. The name has a dot, and
/// ends with a tilde: neither sudo nor launchd reads such a file.
pub(super) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.dlvgate~"))
}

/// Replaces the file as a whole; what was there is there until then.
pub(super) fn write(path: &Path, content: &Content) -> Result<(), PersistError> {
    let beside = beside(path);
    stage(&beside, content)?;
    fs::rename(&beside, path).map_err(|said| {
        let _ = fs::remove_file(&beside);
        PersistError::Io { path: path.to_owned(), said }
    })
}

/// Writes a file that is renamed into place later.
pub(super) fn stage(path: &Path, content: &Content) -> Result<(), PersistError> {
    let staged = || {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&content.bytes)?;
        file.set_permissions(fs::Permissions::from_mode(content.mode))?;
        file.sync_all()
    };
    staged().map_err(|said| PersistError::Io { path: path.to_owned(), said })
}

/// Makes the folder of a file, and says which folders were made, outermost first.
pub(super) fn make_folder_of(path: &Path) -> Result<Vec<PathBuf>, PersistError> {
    let mut missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    missing.reverse();
    let mut made = Vec::new();
    for folder in missing {
        let done = fs::create_dir(folder)
            .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o755)));
        done.map_err(|said| PersistError::Io { path: folder.to_owned(), said })?;
        made.push(folder.to_owned());
    }
    Ok(made)
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> Result<(), PersistError> {
    match fs::remove_file(path) {
        Err(said) if said.kind() != io::ErrorKind::NotFound => {
            Err(PersistError::Io { path: path.to_owned(), said })
        }
        _ => Ok(()),
    }
}
