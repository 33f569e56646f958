//! A session that is recorded, as the relay and the thread that writes share it.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::files::SessionStart;
use super::progress::RecordingProgress;
use super::queue::SessionQueue;
use super::writer::Writer;

/// A session that is recorded.
#[derive(Default)]
pub(super) struct RecordedSession {
    pub(super) queue: SessionQueue,
    pub(super) progress: RecordingProgress,
    job: Mutex<Job>,
}

/// How far the thread is with a session. The channel is closed when nothing more will be written.
#[derive(Default)]
pub(super) enum Job {
    Begun(SessionStart, oneshot::Sender<()>),
    Writing(Box<Writer>, oneshot::Sender<()>),
    #[default]
    Over,
}

impl RecordedSession {
    pub(super) fn new(beginning: SessionStart, done: oneshot::Sender<()>) -> RecordedSession {
        RecordedSession { job: Mutex::new(Job::Begun(beginning, done)), ..RecordedSession::default() }
    }

    pub(super) fn take_job(&self) -> Job {
        std::mem::take(&mut *self.job.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put_job(&self, job: Job) {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = job;
    }
}
