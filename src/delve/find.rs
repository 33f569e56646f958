//! Where dlv is.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The places, besides PATH, into which `go install` and Homebrew put dlv. A program that was started from
/// the Dock has a PATH without them.
fn usual_places(home: Option<&OsStr>) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = env::var_os("GOBIN").map(PathBuf::from).into_iter().collect();
    if let Some(gopath) = env::var_os("GOPATH") {
        places.extend(env::split_paths(&gopath).map(|path| path.join("bin")));
    }
    if let Some(home) = home.map(OsStr::to_owned).or_else(|| env::var_os("HOME")) {
        places.push(Path::new(&home).join("go/bin"));
    }
    places.extend(["/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from));
    places
}

/// The dlv to run: the one asked for, else the first in PATH, else one in the usual places, below `home` where that is
/// another than HOME.
///
/// What was asked for is returned whether it exists or not: starting it says why it cannot be started. The path is
/// absolute, since dlv may run in another folder than ours.
pub fn find(asked: Option<&Path>, home: Option<&OsStr>) -> Option<PathBuf> {
    let found = match asked {
        Some(path) if path.components().count() > 1 => path.to_owned(),
        Some(name) => search(name, home).unwrap_or_else(|| name.to_owned()),
        None => search(Path::new("dlv"), home)?,
    };
    Some(std::path::absolute(&found).unwrap_or(found))
}

fn search(name: &Path, home: Option<&OsStr>) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter(|folder| !folder.as_os_str().is_empty())
        .chain(usual_places(home))
        .map(|folder| folder.join(name))
        .find(|candidate| is_program(candidate))
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
        assert_eq!(find(Some(Path::new("/nonexistent/dlv")), None), Some("/nonexistent/dlv".into()));
        let here = std::env::current_dir().unwrap();
        assert_eq!(find(Some(Path::new("./bin/dlv")), None), Some(here.join("bin/dlv")));
    }

    #[test]
    fn a_name_is_looked_up_in_path() {
        let sh = find(Some(Path::new("sh")), None).unwrap();
        assert!(sh.is_absolute() && sh.ends_with("sh"), "{}", sh.display());
    }
}
