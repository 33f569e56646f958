//! The search for a project's file.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::others::{owners, who_can_write};

/// A configuration file's name.
pub const NAME: &str = "dlvgate.toml";

/// The mode of a folder such as /tmp: everybody can make a file there, and take none of another
/// user's away.
const STICKY_AND_OPEN: u32 = 0o1002;

/// A file in such a folder that another user owns, or can write and has linked there. It would be
/// refused, and so could keep every user from working below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    path: PathBuf,
    why: String,
}

impl PassedOver {
    fn new(path: &Path) -> Option<PassedOver> {
        let folder = path.parent()?.metadata().ok()?;
        if folder.mode() & STICKY_AND_OPEN != STICKY_AND_OPEN {
            return None;
        }
        let entry = path.symlink_metadata().ok()?;
        let why = if owners().contains(&entry.uid()) {
            format!("{} can write it", who_can_write(path, &path.metadata().ok()?)?)
        } else {
            format!("it belongs to user {}", entry.uid())
        };
        Some(PassedOver { path: path.to_owned(), why })
    }
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: not read, since {}, and any user can put a file there; if you trust it, name it: --config \
             FILE",
            self.path.display(),
            self.why
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
