//! Writing recordings: a file for each session of a server.

mod about;
pub(crate) mod assembler;
mod files;
mod flush_scheduler;
mod progress;
mod queue;
mod recording_file;
mod session;
mod tap;
mod writer;
mod writer_thread;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use dlvgate_protocol::sniff::Protocol;
use tokio::sync::oneshot;

pub use about::{About, Versions};
use files::{RecordingFiles, SessionStart};
use flush_scheduler::FlushScheduler;
use session::RecordedSession;
pub use tap::Tap;

/// Records a server's sessions into a folder.
///
/// ```
/// use dlvgate_protocol::frame::frame;
/// use dlvgate_protocol::sniff::Protocol;
/// use dlvgate_recording::{About, Reader, Recorder, Sender, Versions};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let about = About { tool: "my-proxy 1.0.0".to_owned(), ..About::default() };
/// let recorder = Recorder::new(folder, about, Versions::default)?;
///
/// let tap = recorder.begin(Protocol::Dap, 1, "127.0.0.1:50214");
/// tap.heard(Sender::Client, &frame(br#"{"seq":1,"type":"request","command":"threads"}"#));
/// tap.end().await; // the file is whole
///
/// let file = std::fs::read_dir(folder)?.next().expect("a file")?.path();
/// let mut reader = Reader::open(&file)?;
/// while let Some(entry) = reader.entry()? {
///     println!("{:?}", entry.what);
/// }
/// assert!(reader.messages() == 1 && reader.is_complete());
/// # Ok(())
/// # }
/// ```
pub struct Recorder {
    files: Arc<RecordingFiles>,
    scheduler: Arc<FlushScheduler<RecordedSession>>,
}

impl Recorder {
    /// Creates the folder where it is not there, for its owner alone.
    ///
    /// `versions` is called once, when the first session is recorded, on the thread that writes: it
    /// may take its time. `Versions::default` says that they are not known.
    ///
    /// # Errors
    /// If the folder cannot be created, or nothing can be written into it.
    pub fn new(
        folder: &Path,
        about: About,
        versions: impl Fn() -> Versions + Send + Sync + 'static,
    ) -> io::Result<Arc<Recorder>> {
        let files = RecordingFiles::new(folder, about, Box::new(versions))?;
        Ok(Arc::new(Recorder { files: Arc::new(files), scheduler: Arc::default() }))
    }

    /// Begins to record a session, of which this is the number and the client's address.
    ///
    /// Its file is named after the time and the number. Where the file cannot be written, the log
    /// has a warning, and the session goes on unrecorded.
    pub fn begin(&self, protocol: Protocol, session: u64, client: &str) -> Tap {
        let (start, began) = (SystemTime::now(), Instant::now());
        if self.scheduler.enter() {
            let (files, scheduler) = (Arc::clone(&self.files), Arc::clone(&self.scheduler));
            let run = move || writer_thread::run(&files, &scheduler);
            if let Err(error) = std::thread::Builder::new().name("recording".to_owned()).spawn(run) {
                self.scheduler.no_thread();
                tracing::warn!(target: "dlvgate::recording", session, "not recorded: {error}");
                return Tap::none();
            }
        }
        let (all_done, done) = oneshot::channel();
        let beginning = SessionStart { protocol, session, client: client.to_owned(), start };
        Tap::new(RecordedSession::new(beginning, all_done), began, Arc::clone(&self.scheduler), done)
    }
}
