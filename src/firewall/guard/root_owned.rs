//! Whether root alone owns and may write what root is to run or to believe.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::acl;
use super::error::GuardError;
use super::helper::HELPER;

/// Links that are followed on the way to one file; what leads in a circle ends there.
const MOST_LINKS: usize = 8;

/// Checks that root may run the helper: root alone owns and may write it and every folder on the
/// way to it.
///
/// # Errors
/// If it is not installed, or another user could change it; the error names what.
pub fn check_helper() -> Result<(), GuardError> {
    check_path(Path::new(HELPER))
}

fn check_path(helper: &Path) -> Result<(), GuardError> {
    match fs::symlink_metadata(helper) {
        Err(_) => Err(GuardError::NoHelper),
        Ok(_) => check_owners(helper),
    }
}

/// Whether root alone owns and may write this file, as far as it exists, and every folder on the
/// way to it. Links are followed, each to where it leads: macOS's `/etc` and `/var` are such.
///
/// # Errors
/// Names the first that is not.
pub(in crate::firewall) fn check_owners(path: &Path) -> Result<(), GuardError> {
    let path = std::path::absolute(path).map_err(|error| not_roots_alone(path, error))?;
    check_within(&path, MOST_LINKS)
}

fn check_within(path: &Path, links: usize) -> Result<(), GuardError> {
    for path in path.ancestors() {
        let refused = |why: String| not_roots_alone(path, why);
        let meta = match fs::symlink_metadata(path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
            meta => meta.map_err(|error| refused(error.to_string()))?,
        };
        if meta.uid() != 0 {
            return Err(refused(format!("it belongs to user {}", meta.uid())));
        }
        if meta.is_symlink() {
            let left = links.checked_sub(1).ok_or_else(|| refused("too many links lead there".to_owned()))?;
            let target = fs::read_link(path).map_err(|error| refused(error.to_string()))?;
            check_within(&path.parent().unwrap_or(path).join(target), left)?;
        } else if meta.mode() & 0o002 != 0 || (meta.mode() & 0o020 != 0 && meta.gid() != 0) {
            return Err(refused("others than root may write to it".to_owned()));
        } else if acl::lets_others_write(path, &meta).map_err(|error| refused(error.to_string()))? {
            return Err(refused("an access control list lets others than root write to it".to_owned()));
        }
    }
    Ok(())
}

fn not_roots_alone(path: &Path, why: impl ToString) -> GuardError {
    GuardError::UnsafeHelper { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_change_is_not_run_as_root() {
        let missing = check_path(Path::new("/nonexistent/dlvgate-guard")).unwrap_err();
        assert!(matches!(missing, GuardError::NoHelper));
        let folder = tempfile::tempdir().unwrap(); // below a folder that everybody may write to
        let helper = folder.path().join("dlvgate-guard");
        fs::write(&helper, "").unwrap();
        let refused = check_path(&helper).unwrap_err();
        assert!(matches!(refused, GuardError::UnsafeHelper { .. }), "{refused}");
        assert!(check_path(Path::new("/usr/bin/env")).is_ok());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/usr/bin/env", &link).unwrap();
        assert!(check_path(&link).is_err(), "who can change the link decides what is run");
    }
}
