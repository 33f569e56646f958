//! Where dlv is.

use std::env;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::variables;

/// The places, besides PATH, into which `go install` and Homebrew put dlv. A program that was
/// started from the Dock has a PATH without them.
fn usual_places(home: Option<&OsStr>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = variables::folder("GOBIN").into_iter().collect();
    places.extend(variables::folders("GOPATH").into_iter().map(|path| path.join("bin")));
    if let Some(home) = home.map(PathBuf::from).or_else(|| variables::folder("HOME")) {
        places.push(home.join("go/bin"));
    }
    places.extend(["/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    places
}

/// Why no dlv is found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No dlv in PATH or where `go install` and Homebrew put it.
    #[error("dlv was not found in PATH, GOBIN, GOPATH/bin, ~/go/bin or Homebrew's folders: {INSTALL}")]
    NotFound,
    /// The named program is dlvgate.
    #[error("{} is dlvgate itself, which would call itself for ever: name the real dlv with --dlv or DLVGATE_DLV", .0.display())]
    Ourselves(PathBuf),
}

/// How to get a dlv, said wherever one is missing or too old.
pub(super) const INSTALL: &str = "install it with `go install github.com/go-delve/delve/cmd/dlv@latest`, `brew install delve` \
                                  or `apt install delve`, or name it with --dlv PATH or DLVGATE_DLV";

/// The dlv to run: the one asked for, else the first in PATH, else one in the usual places, below
/// `home` where that is another than HOME. dlvgate itself, which may be called `dlv`, is passed
/// over.
///
/// A path that was asked for is returned whether it exists or not: starting it says why it cannot
/// be started. The path is absolute, since dlv may run in another folder than ours.
///
/// # Errors
/// See [`FindError`].
pub fn find(asked: Option<&Path>, home: Option<&OsStr>) -> Result<PathBuf, FindError> {
    let found = match asked {
        Some(path) if path.components().count() > 1 => path.to_owned(),
        Some(name) => search(name, home).unwrap_or_else(|| name.to_owned()),
        None => search(Path::new("dlv"), home).ok_or(FindError::NotFound)?,
    };
    if Ourselves::new().is_some_and(|we| we.are(&found)) {
        return Err(FindError::Ourselves(found));
    }
    Ok(std::path::absolute(&found).unwrap_or(found))
}

fn search(name: &Path, home: Option<&OsStr>) -> Option<PathBuf> {
    let we = Ourselves::new();
    variables::folders("PATH")
        .into_iter()
        .chain(usual_places(home))
        .map(|folder| folder.join(name))
        .find(|candidate| is_program(candidate) && !we.as_ref().is_some_and(|we| we.are(candidate)))
}

/// The program that runs, to know it again under another name.
struct Ourselves {
    path: PathBuf,
    file: Metadata,
}

impl Ourselves {
    fn new() -> Option<Ourselves> {
        let path = env::current_exe().ok()?;
        let file = path.metadata().ok()?;
        Some(Ourselves { path, file })
    }

    /// Whether this is a link to us, or a copy of us.
    fn are(&self, candidate: &Path) -> bool {
        let Ok(other) = candidate.metadata() else { return false };
        if (other.dev(), other.ino()) == (self.file.dev(), self.file.ino()) {
            return true;
        }
        let same = || Some(std::fs::read(candidate).ok()? == std::fs::read(&self.path).ok()?);
        other.len() == self.file.len() && same().unwrap_or(false)
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_was_asked_for_is_taken_as_it_is() {
        assert_eq!(find(Some(Path::new("/nonexistent/dlv")), None).unwrap(), Path::new("/nonexistent/dlv"));
        let here = std::env::current_dir().unwrap();
        assert_eq!(find(Some(Path::new("./bin/dlv")), None).unwrap(), here.join("bin/dlv"));
    }

    #[test]
    fn a_name_is_looked_up_in_path() {
        let sh = find(Some(Path::new("sh")), None).unwrap();
        assert!(sh.is_absolute() && sh.ends_with("sh"), "{}", sh.display());
    }

    #[test]
    fn a_link_to_us_and_a_copy_of_us_are_us() {
        let folder = tempfile::tempdir().unwrap();
        let (link, copy) = (folder.path().join("dlv"), folder.path().join("copy"));
        let ourselves = std::env::current_exe().unwrap();
        std::os::unix::fs::symlink(&ourselves, &link).unwrap();
        std::fs::copy(&ourselves, &copy).unwrap();
        for path in [&link, &copy] {
            let refused = find(Some(path), None).unwrap_err().to_string();
            assert!(refused.contains("DLVGATE_DLV"), "{refused}");
        }
    }
}
