//! The user's consent to a project's file, remembered by the hash of what stood in it: a file that
//! changes has none.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::owners;
use crate::sha256::sha256;
use crate::variables;

/// The folder of consents, below the user's state folder.
const FOLDER: &str = "dlvgate/trusted";

/// A consent has a path, a hash and a time.
const LIMIT: u64 = 64 * 1024;

/// Mode of the folders: the user alone may read and change them.
const PRIVATE: u32 = 0o700;

/// Whether the user agrees to a file as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// The user has not agreed.
    #[default]
    None,
    /// To what stood in it once.
    Outdated,
    /// To exactly this.
    Given,
}

/// One that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// The file, for people.
    pub path: String,
    /// The hash of what stood in it, as `shasum -a 256` prints it.
    pub sha256: String,
    /// When, in seconds since 1970.
    pub at: u64,
}

/// All consents of a user, a file each.
#[derive(Clone, Debug)]
pub struct Consents {
    folder: PathBuf,
}

impl Consents {
    /// Those of the user whose home this is: in `$XDG_STATE_HOME`, or `~/.local/state`.
    pub fn of(home: Option<&Path>) -> Option<Consents> {
        let state = match variables::folder("XDG_STATE_HOME") {
            Some(folder) => folder,
            None => home.filter(|home| home.is_absolute())?.join(".local/state"),
        };
        Some(Consents { folder: state.join(FOLDER) })
    }

    /// Whether the user agrees to this file with this hash.
    pub fn to(&self, path: &Path, sha256: &str) -> Consent {
        match self.read(&self.record(path)) {
            Ok(given) if given.sha256 == sha256 => Consent::Given,
            Ok(_) => Consent::Outdated,
            Err(_) => Consent::None,
        }
    }

    /// Remembers that the user agrees.
    ///
    /// # Errors
    /// If it cannot be written, or another user owns the folder.
    pub fn give(&self, path: &Path, sha256: &str) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(PRIVATE).create(&self.folder)?;
        private(&self.folder.metadata()?)?;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let given = ConsentRecord { path: path.display().to_string(), sha256: sha256.to_owned(), at };
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?; // mode 600
        file.write_all(serde_json::to_string(&given)?.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(self.record(path))?;
        Ok(())
    }

    /// Forgets it. Returns whether there was one.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn revoke(&self, path: &Path) -> io::Result<bool> {
        match fs::remove_file(self.record(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    /// All of them, by path.
    ///
    /// # Errors
    /// If the folder is there and cannot be read.
    pub fn all(&self) -> io::Result<Vec<ConsentRecord>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut all: Vec<ConsentRecord> =
            entries.flatten().filter_map(|entry| self.read(&entry.path()).ok()).collect();
        all.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(all)
    }

    /// The file of a consent: paths have no fixed form that a name could have.
    fn record(&self, path: &Path) -> PathBuf {
        self.folder.join(format!("{}.json", sha256(path.as_os_str().as_bytes())))
    }

    /// Reads a record of consent. One that another user could have written counts for nothing.
    fn read(&self, record: &Path) -> io::Result<ConsentRecord> {
        private(&self.folder.metadata()?)?;
        let file = File::open(record)?;
        private(&file.metadata()?)?;
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text)?)
    }
}

fn private(meta: &fs::Metadata) -> io::Result<()> {
    let is_ours = owners().contains(&meta.uid());
    match is_ours && meta.mode() & 0o022 == 0 {
        true => Ok(()),
        false => {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "other users can change the consents there"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn consents() -> (tempfile::TempDir, Consents) {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join(FOLDER);
        (state, Consents { folder })
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn consent_covers_one_path_with_one_content() {
        let (_state, consents) = consents();
        let (path, other) = (Path::new("/p/dlvgate.toml"), Path::new("/q/dlvgate.toml"));
        assert_eq!(consents.to(path, "a"), Consent::None);
        consents.give(path, "a").unwrap();
        assert_eq!(consents.to(path, "a"), Consent::Given);
        assert_eq!(consents.to(path, "b"), Consent::Outdated);
        assert_eq!(consents.to(other, "a"), Consent::None);
        consents.give(path, "b").unwrap();
        assert_eq!(consents.to(path, "a"), Consent::Outdated);
        assert_eq!(consents.all().unwrap().len(), 1);
        assert!(consents.revoke(path).unwrap() && !consents.revoke(path).unwrap());
        assert_eq!(consents.to(path, "b"), Consent::None);
    }

    #[test]
    fn only_the_user_can_read_and_change_it() {
        let (_state, consents) = consents();
        let path = Path::new("/p/dlvgate.toml");
        consents.give(path, "a").unwrap();
        assert_eq!((mode(&consents.folder), mode(&consents.record(path))), (0o700, 0o600));
        for (changed, back) in [(consents.record(path), 0o600), (consents.folder.clone(), 0o700)] {
            fs::set_permissions(&changed, fs::Permissions::from_mode(0o777)).unwrap();
            assert_eq!(consents.to(path, "a"), Consent::None, "{}", changed.display());
            fs::set_permissions(&changed, fs::Permissions::from_mode(back)).unwrap();
        }
        assert_eq!(consents.to(path, "a"), Consent::Given);
    }
}
