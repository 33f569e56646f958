//! The folder into which sessions are recorded, a file for each.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use dlvgate_protocol::sniff::Protocol;

use super::about::{About, Versions};
use super::recording_file::RecordingFile;
use super::writer::Writer;
use crate::format::{RecordingHeader, VERSION};

/// The start of a session. Its file is made later, by the writer thread.
pub(super) struct SessionStart {
    pub(super) protocol: Protocol,
    pub(super) session: u64,
    pub(super) client: String,
    pub(super) start: SystemTime,
}

/// Asks for the versions of dlv and Go.
pub(super) type AskVersions = Box<dyn Fn() -> Versions + Send + Sync>;

/// Creates the files of one recorder.
pub(super) struct RecordingFiles {
    folder: PathBuf,
    about: About,
    ask_versions: AskVersions,
    versions: OnceLock<Versions>,
}

impl RecordingFiles {
    /// Creates the folder where it is not there, for its owner alone.
    pub(super) fn new(folder: &Path, about: About, ask_versions: AskVersions) -> io::Result<RecordingFiles> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let folder = folder.canonicalize()?;
        tempfile::tempfile_in(&folder)?;
        Ok(RecordingFiles { folder, about, ask_versions, versions: OnceLock::new() })
    }

    /// Makes a session's file. Where that fails it is warned of.
    pub(super) fn open(&self, beginning: SessionStart) -> io::Result<Box<Writer>> {
        let session = beginning.session;
        let opened = self.create(beginning);
        opened.map(Box::new).inspect_err(|error| {
            let folder = self.folder.display();
            tracing::warn!(target: "dlvgate::recording", session, "not recorded: no file in {folder}: {error}");
        })
    }

    fn create(&self, SessionStart { protocol, session, client, start }: SessionStart) -> io::Result<Writer> {
        let start = humantime::format_rfc3339_micros(start).to_string();
        let second: String = start.chars().take(19).filter(|char| !matches!(char, '-' | ':')).collect();
        let recording_file = RecordingFile::create(&self.folder, &format!("dlvgate-{second}Z-{session}"))?;
        tracing::info!(target: "dlvgate::recording", session, "recorded in {}", recording_file.path().display());
        if self.about.redact {
            tracing::info!(target: "dlvgate::recording", session, "redacted: words of the protocol, numbers and times stay readable");
        }
        let versions = self.versions.get_or_init(&self.ask_versions);
        let header = RecordingHeader {
            recording: VERSION,
            tool: self.about.tool.clone(),
            protocol,
            start,
            session,
            client,
            dlv: versions.dlv.clone(),
            go: versions.go.clone(),
            os: format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
            settings: self.about.settings.clone(),
            redacted: false,
            names: false,
        };
        Writer::new(recording_file, protocol, &header, self.about.redact)
    }
}
