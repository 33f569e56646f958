//! The thread that writes a server's recordings, beside the relay: one for all sessions, as long as
//! there are any.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::queue::{Batch, Queue};
use super::tap::State;
use super::writer::Writer;
use super::{Beginning, Recorder};

/// A session that is recorded.
#[derive(Default)]
pub(super) struct Session {
    pub(super) queue: Queue,
    pub(super) state: State,
    job: Mutex<Job>,
}

/// How far the thread is with a session. The channel is closed when nothing more will be written.
#[derive(Default)]
enum Job {
    Begun(Beginning, oneshot::Sender<()>),
    Writing(Box<Writer>, oneshot::Sender<()>),
    #[default]
    Over,
}

impl Session {
    pub(super) fn new(beginning: Beginning, done: oneshot::Sender<()>) -> Session {
        Session { job: Mutex::new(Job::Begun(beginning, done)), ..Session::default() }
    }

    fn take_job(&self) -> Job {
        std::mem::take(&mut *self.job.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_job(&self, job: Job) {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = job;
    }
}

/// What became of a session's batch.
enum Written {
    /// The session goes on.
    Yes,
    /// It was the last of this session.
    Last,
    /// The recording was over before.
    Nothing,
}

/// Writes until no session is left.
pub(super) fn run(recorder: &Recorder) {
    let mut batch = Batch::default();
    while let Some(sessions) = recorder.desk.next() {
        for session in sessions {
            session.queue.take(&mut batch);
            // A panic harms its own session's recording alone.
            match catch_unwind(AssertUnwindSafe(|| write(recorder, &session, &batch))) {
                Ok(Written::Yes | Written::Nothing) => {}
                Ok(Written::Last) | Err(_) => {
                    session.state.over.store(true, Ordering::Relaxed);
                    recorder.desk.leave();
                }
            }
            batch.clear();
        }
    }
}

fn write(recorder: &Recorder, session: &Session, batch: &Batch) -> Written {
    let (opened, done) = match session.take_job() {
        Job::Begun(beginning, done) => (recorder.open(beginning), done),
        Job::Writing(writer, done) => (Ok(writer), done),
        Job::Over => return Written::Nothing,
    };
    // A disk that takes no more ends the recording with a mark and a warning, and nothing else.
    let Ok(mut writer) = opened else { return Written::Last };
    match writer.take(batch) {
        Ok(true) => {
            session.put_job(Job::Writing(writer, done));
            return Written::Yes;
        }
        Ok(false) => writer.end(&session.state),
        Err(failed) => writer.give_up(&failed, &session.state),
    }
    Written::Last
}
