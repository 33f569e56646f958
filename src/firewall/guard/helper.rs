//! Where the guard's program is installed, and how it is called.
//!
//! It is a copy of dlvgate that root owns: sudo runs nothing that its caller could have changed. The sudoers entry names
//! these arguments and no others.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::error::GuardError;
use crate::firewall::Backend;

/// The helper's path on macOS.
pub const HELPER_ON_MACOS: &str = "/Library/PrivilegedHelperTools/dlvgate-guard";

/// The helper's path on Linux.
pub const HELPER_ON_LINUX: &str = "/usr/local/libexec/dlvgate-guard";

/// The helper's path here.
pub const HELPER: &str = if cfg!(target_os = "macos") { HELPER_ON_MACOS } else { HELPER_ON_LINUX };

/// The helper's arguments.
pub const ARGUMENTS: [&str; 3] = ["guard", "--backend", Backend::NATIVE.name()];

/// Whether root may be let run the helper: it, and every folder on the way to it, is root's, and nobody else's to write.
///
/// # Errors
/// Where it is not installed, or names what somebody else could change.
pub(super) fn check() -> Result<(), GuardError> {
    check_path(Path::new(HELPER))
}

fn check_path(helper: &Path) -> Result<(), GuardError> {
    if fs::symlink_metadata(helper).is_err() {
        return Err(GuardError::NoHelper);
    }
    check_owners(helper)
}

/// Whether this file, as far as it is there, and every folder on the way to it, is root's, and nobody else's to write.
///
/// # Errors
/// Names the first that is not.
pub(in crate::firewall) fn check_owners(helper: &Path) -> Result<(), GuardError> {
    for path in helper.ancestors().filter(|path| fs::symlink_metadata(path).is_ok()) {
        let unsafe_because = |why: String| GuardError::UnsafeHelper { path: path.to_owned(), why };
        let meta = fs::symlink_metadata(path).map_err(|error| unsafe_because(error.to_string()))?;
        if meta.file_type().is_symlink() {
            return Err(unsafe_because("it is a symbolic link".to_owned()));
        }
        if meta.uid() != 0 {
            return Err(unsafe_because(format!("it belongs to user {}", meta.uid())));
        }
        if meta.mode() & 0o002 != 0 || (meta.mode() & 0o020 != 0 && meta.gid() != 0) {
            return Err(unsafe_because("others than root may write to it".to_owned()));
        }
    }
    Ok(())
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
    }
}
