//! What would be started now, to see whether a dlv that was started before is still the same.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A program and the folder that it is run in, as they are on disk now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchFingerprint {
    path: PathBuf,
    program: Option<Stamp>,
    folder: Option<Stamp>,
}

/// Which file it is, and since when it has been as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

impl LaunchFingerprint {
    /// This program, run in `folder`.
    pub(super) fn of(path: PathBuf, folder: Option<&Path>) -> LaunchFingerprint {
        let program = stat(&path).map(|meta| stamp(&meta));
        // The content of a folder changes all the time, so only its identity is compared.
        let folder = folder.and_then(stat);
        let folder = folder.map(|meta| Stamp { len: 0, modified: (0, 0), ..stamp(&meta) });
        LaunchFingerprint { path, program, folder }
    }
}

fn stat(path: &Path) -> Option<Metadata> {
    path.metadata().ok()
}

fn stamp(meta: &Metadata) -> Stamp {
    let modified = (meta.mtime(), meta.mtime_nsec());
    Stamp { device: meta.dev(), inode: meta.ino(), len: meta.len(), modified }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_program_or_folder_is_another_target() {
        let place = tempfile::tempdir().unwrap();
        let (program, folder) = (place.path().join("dlv"), place.path().join("project"));
        std::fs::write(&program, "1").unwrap();
        std::fs::create_dir(&folder).unwrap();
        let target = || LaunchFingerprint::of(program.clone(), Some(&folder));
        let first = target();
        std::fs::write(folder.join("main.go"), "package main").unwrap();
        assert_eq!(target(), first, "a file in the folder is none");

        std::fs::rename(&folder, place.path().join("old")).unwrap();
        std::fs::create_dir(&folder).unwrap();
        let second = target();
        assert_ne!(second, first);

        std::fs::write(place.path().join("new"), "2").unwrap();
        std::fs::rename(place.path().join("new"), &program).unwrap();
        assert_ne!(target(), second, "an upgrade");
    }
}
