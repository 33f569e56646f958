//! Folders that environment variables name. Only absolute ones count: an empty or relative one
//! would be a folder of the project that the user happens to stand in, and its files would be taken
//! for the user's own.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Where temporary files go if TMPDIR does not say it.
const TEMPORARY: &str = "/tmp";

/// The folder that this variable names; nothing where it is unset, empty or relative.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The folders that this variable lists, without the empty and the relative ones.
pub(crate) fn folders(name: &str) -> Vec<PathBuf> {
    env::var_os(name).map(|list| absolute(&list)).unwrap_or_default()
}

fn absolute(list: &OsStr) -> Vec<PathBuf> {
    env::split_paths(list).filter(|path| path.is_absolute()).collect()
}

/// The folder for temporary files.
pub(crate) fn temporary() -> PathBuf {
    folder("TMPDIR").unwrap_or_else(|| TEMPORARY.into())
}

/// The file that this variable names.
///
/// # Errors
/// If the path is relative: which file it is would depend on the folder.
pub(crate) fn file(name: &'static str) -> Result<Option<PathBuf>, RelativePath> {
    named_file(name, env::var_os(name))
}

fn named_file(name: &'static str, value: Option<OsString>) -> Result<Option<PathBuf>, RelativePath> {
    match value.filter(|value| !value.is_empty()).map(PathBuf::from) {
        Some(path) if path.is_relative() => Err(RelativePath { name, path }),
        path => Ok(path),
    }
}

/// A variable names a relative path.
#[derive(Debug, thiserror::Error)]
#[error("{name}={}: write an absolute path; a relative one is another file in each folder", .path.display())]
pub(crate) struct RelativePath {
    name: &'static str,
    pub(crate) path: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_and_empty_folders_of_a_list_are_dropped() {
        let list = OsStr::new(":bin:/usr/bin:.:./x:/x y::");
        assert_eq!(absolute(list), ["/usr/bin", "/x y"].map(PathBuf::from));
    }

    #[test]
    fn relative_file_is_refused_by_name() {
        let refused = named_file("DLVGATE_CONFIG", Some("team.toml".into())).unwrap_err().to_string();
        assert!(refused.contains("DLVGATE_CONFIG=team.toml"), "{refused}");
        assert_eq!(named_file("DLVGATE_CONFIG", Some("/a/b".into())).unwrap(), Some("/a/b".into()));
        assert_eq!(named_file("DLVGATE_CONFIG", Some("".into())).unwrap(), None);
    }
}
