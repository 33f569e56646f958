//! The record of an install: written before any change, read by `uninstall`.

use serde::{Deserialize, Serialize};

use super::files::{self, Content};
use super::{Layout, PersistError};

/// The version of the format.
const VERSION: u32 = 1;

/// The files that dlvgate has written, by their names in the system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InstallRecord {
    version: u32,
    /// Each file, but pf.conf.
    pub(super) files: Vec<WrittenFile>,
    /// Ports that a job opens at boot.
    pub(super) openings: Vec<u16>,
    /// pf.conf, where it was edited.
    pub(super) pf_conf: Option<WrittenFile>,
    /// Folders that were made, outermost first.
    pub(super) folders: Vec<String>,
}

/// One file as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFile {
    pub(super) path: String,
    pub(super) sha256: String,
}

impl InstallRecord {
    /// The record of this layout, or an empty one.
    pub(super) fn read(layout: &Layout) -> Result<Option<InstallRecord>, PersistError> {
        let path = layout.record();
        let Some(content) = files::read(&layout.at(path))? else { return Ok(None) };
        let corrupt = |why: String| PersistError::Corrupt { path: path.to_owned(), why };
        let record: InstallRecord =
            serde_json::from_slice(&content.bytes).map_err(|error| corrupt(error.to_string()))?;
        if record.version != VERSION {
            return Err(corrupt(format!("it is of version {}", record.version)));
        }
        Ok(Some(record))
    }

    pub(super) fn empty() -> InstallRecord {
        InstallRecord { version: VERSION, ..InstallRecord::default() }
    }

    /// Notes a file, in place of an earlier note.
    pub(super) fn note(&mut self, path: &str, content: &Content) {
        self.files.retain(|file| file.path != path);
        self.files.push(WrittenFile { path: path.to_owned(), sha256: content.sha256() });
    }

    /// Whether this is the file as it was written.
    pub(super) fn wrote(&self, path: &str, content: &Content) -> bool {
        let sha256 = content.sha256();
        let all = self.files.iter().chain(&self.pf_conf);
        all.into_iter().any(|file| file.path == path && file.sha256 == sha256)
    }

    pub(super) fn content(&self) -> Content {
        // Numbers, texts and lists of them: there is nothing in it that JSON could not hold.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        Content { bytes, mode: 0o644 }
    }
}
