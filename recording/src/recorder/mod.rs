//! Writing recordings: a file for each session of a server.

mod about;
pub(crate) mod assembler;
mod desk;
mod files;
mod progress;
mod queue;
mod session;
mod sheet;
mod tap;
mod thread;
pub(crate) mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use dlvgate_protocol::sniff::Protocol;
use tokio::sync::oneshot;

pub use about::{About, Versions};
use desk::Desk;
use files::{Beginning, Files};
use session::RecordedSession;
pub use tap::Tap;

/// Records a server's sessions into a folder.
pub struct Recorder {
    files: Arc<Files>,
    desk: Arc<Desk<RecordedSession>>,
}

impl Recorder {
    /// Creates the folder where it is not there, for its owner alone.
    ///
    /// `versions` is called once, when the first session is recorded, on the thread that writes: it
    /// may take its time. `Versions::default` says that they are not known.
    ///
    /// # Errors
    /// Where the folder cannot be created, or nothing can be written into it.
    pub fn new(
        folder: &Path,
        about: About,
        versions: impl Fn() -> Versions + Send + Sync + 'static,
    ) -> io::Result<Arc<Recorder>> {
        let files = Files::new(folder, about, Box::new(versions))?;
        Ok(Arc::new(Recorder { files: Arc::new(files), desk: Arc::default() }))
    }

    /// A session begins. Where its file cannot be written, that is warned of and the session goes
    /// on unrecorded.
    pub fn begin(&self, protocol: Protocol, session: u64, client: &str) -> Tap {
        let (start, began) = (SystemTime::now(), Instant::now());
        if self.desk.enter() {
            let (files, desk) = (Arc::clone(&self.files), Arc::clone(&self.desk));
            let run = move || thread::run(&files, &desk);
            if let Err(error) = std::thread::Builder::new().name("recording".to_owned()).spawn(run) {
                self.desk.no_thread();
                tracing::warn!(target: "dlvgate::recording", session, "not recorded: {error}");
                return Tap::none();
            }
        }
        let (all_done, done) = oneshot::channel();
        let beginning = Beginning { protocol, session, client: client.to_owned(), start };
        Tap::new(RecordedSession::new(beginning, all_done), began, Arc::clone(&self.desk), done)
    }
}
