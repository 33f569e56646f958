//! Shell scripts in dlv's place, for what a real dlv does too seldom to wait for.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::script;

/// A script that stands where dlv is expected.
pub struct FakeDlv {
    /// The script.
    pub path: PathBuf,
    folder: TempDir,
}

impl FakeDlv {
    /// A script that answers `dlv version` as a new dlv would, and does `on_dap` when it is run as
    /// `dlv dap …`.
    pub fn new(on_dap: &str) -> Self {
        Self::with_version("1.27.1", on_dap)
    }

    /// As `new`, with another answer to `dlv version`.
    pub fn with_version(version: &str, on_dap: &str) -> Self {
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = version ]; then printf 'Delve Debugger\\nVersion: {version}\\n'; exit 0; fi\n{on_dap}\n"
        );
        let folder = tempfile::Builder::new().prefix("dlvgate-fake-dlv-").tempdir().unwrap();
        let path = folder.path().join("dlv");
        script::write(&path, &script);
        Self { path, folder }
    }

    /// A file that the script can leave something in.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
