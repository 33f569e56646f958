//! Writing recordings: a file for each session of a server.

pub(in crate::recording) mod assembler;
mod desk;
mod queue;
mod sheet;
mod tap;
mod thread;
mod versions;
pub(in crate::recording) mod writer;

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use dlvgate_protocol::sniff::Protocol;
use tokio::sync::oneshot;

use super::format::{Header, Settings, VERSION};
use desk::Desk;
use sheet::Sheet;
pub use tap::Tap;
use thread::Session;
use versions::Versions;
use writer::Writer;

/// What a recording's header says of the server.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The dlv whose version is asked; none for one that runs elsewhere.
    pub dlv: Option<Installed>,
    /// The settings.
    pub settings: Settings,
    /// Whether secrets are kept out of the file.
    pub redact: bool,
}

/// A dlv of this machine.
#[derive(Clone, Debug, Default)]
pub struct Installed {
    /// Its path; without one it is looked for.
    pub program: Option<PathBuf>,
    /// Variables that its environment has besides ours.
    pub environment: Vec<(&'static str, OsString)>,
}

/// Records a server's sessions into a folder.
pub struct Recorder {
    folder: PathBuf,
    about: About,
    versions: OnceLock<Versions>,
    desk: Arc<Desk<Session>>,
}

/// The start of a session. Its file is made later, by the writer thread.
struct Beginning {
    protocol: Protocol,
    session: u64,
    client: String,
    start: SystemTime,
}

impl Recorder {
    /// Creates the folder where it is not there, for its owner alone.
    ///
    /// # Errors
    /// Where it cannot be created, or nothing can be written into it.
    pub fn new(folder: &Path, about: About) -> io::Result<Arc<Recorder>> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let folder = folder.canonicalize()?;
        tempfile::tempfile_in(&folder)?;
        Ok(Arc::new(Recorder { folder, about, versions: OnceLock::new(), desk: Arc::default() }))
    }

    /// A session begins. Where its file cannot be written, that is warned of and the session goes
    /// on unrecorded.
    pub fn begin(self: &Arc<Recorder>, protocol: Protocol, session: u64, client: &str) -> Tap {
        let (start, began) = (SystemTime::now(), Instant::now());
        if self.desk.enter() {
            let recorder = Arc::clone(self);
            let run = move || thread::run(&recorder);
            if let Err(error) = std::thread::Builder::new().name("recording".to_owned()).spawn(run) {
                self.desk.no_thread();
                tracing::warn!(target: "dlvgate::recording", session, "not recorded: {error}");
                return Tap::none();
            }
        }
        let (all_done, done) = oneshot::channel();
        let beginning = Beginning { protocol, session, client: client.to_owned(), start };
        Tap::new(Session::new(beginning, all_done), began, Arc::clone(&self.desk), done)
    }

    /// Makes a session's file. Where that fails it is warned of.
    fn open(&self, beginning: Beginning) -> io::Result<Box<Writer>> {
        let session = beginning.session;
        let opened = self.create(beginning);
        opened.map(Box::new).inspect_err(|error| {
            let folder = self.folder.display();
            tracing::warn!(target: "dlvgate::recording", session, "not recorded: no file in {folder}: {error}");
        })
    }

    fn create(&self, Beginning { protocol, session, client, start }: Beginning) -> io::Result<Writer> {
        let start = humantime::format_rfc3339_micros(start).to_string();
        let second: String = start.chars().take(19).filter(|char| !matches!(char, '-' | ':')).collect();
        let sheet = Sheet::create(&self.folder, &format!("dlvgate-{second}Z-{session}"))?;
        tracing::info!(target: "dlvgate::recording", session, "recorded in {}", sheet.path().display());
        if self.about.redact {
            tracing::info!(target: "dlvgate::recording", session, "redacted: words of the protocol, numbers and times stay readable");
        }
        let versions = self.versions.get_or_init(|| Versions::ask(&self.about));
        let header = Header {
            recording: VERSION,
            tool: concat!("dlvgate ", env!("CARGO_PKG_VERSION")).to_owned(),
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
        Writer::new(sheet, protocol, &header, self.about.redact)
    }
}
