//! The search for a project's file.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::NAME;
use super::others::owners;

/// The mode of a folder such as /tmp: everybody can make a file there, and take none of another user's away.
const STICKY_AND_OPEN: u32 = 0o1002;

/// A file of another user's in such a folder. It would be refused, and so could keep every user from working below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    path: PathBuf,
    uid: u32,
}

impl PassedOver {
    fn new(path: &Path) -> Option<PassedOver> {
        let folder = path.parent()?.metadata().ok()?;
        let uid = path.symlink_metadata().ok()?.uid();
        let is_in_the_way = folder.mode() & STICKY_AND_OPEN == STICKY_AND_OPEN && !owners().contains(&uid);
        is_in_the_way.then(|| PassedOver { path: path.to_owned(), uid })
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: not read, since it belongs to user {}, and everybody can put a file there; where you trust that user, name \
             it: --config FILE",
            self.path.display(),
            self.uid
        )
    }
}

/// The first configuration file from `folder` upwards, but for those that are passed over.
pub fn project_file(folder: &Path, passed_over: &mut Vec<PassedOver>) -> Option<PathBuf> {
    let mut found = folder.ancestors().map(|folder| folder.join(NAME)).filter(|path| path.is_file());
    found.find(|path| match PassedOver::new(path) {
        Some(other) => {
            passed_over.push(other);
            false
        }
        None => true,
    })
}
