//! The thread that writes a server's recordings, beside the relay: one for all sessions, as long as
//! there are any.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::files::RecordingFiles;
use super::flush_scheduler::FlushScheduler;
use super::queue::Batch;
use super::session::{Job, RecordedSession};

/// What became of a session's batch.
enum BatchOutcome {
    /// The session goes on.
    Yes,
    /// It was the last of this session.
    Last,
    /// The recording was over before.
    Nothing,
}

/// Writes until no session is left.
pub(super) fn run(files: &RecordingFiles, scheduler: &FlushScheduler<RecordedSession>) {
    let mut batch = Batch::default();
    while let Some(sessions) = scheduler.next() {
        for session in sessions {
            session.queue.take(&mut batch);
            // A panic harms its own session's recording alone.
            match catch_unwind(AssertUnwindSafe(|| write(files, &session, &batch))) {
                Ok(BatchOutcome::Yes | BatchOutcome::Nothing) => {}
                Ok(BatchOutcome::Last) | Err(_) => {
                    session.progress.end();
                    scheduler.leave();
                }
            }
            batch.clear();
        }
    }
}

fn write(files: &RecordingFiles, session: &RecordedSession, batch: &Batch) -> BatchOutcome {
    let (opened, done) = match session.take_job() {
        Job::Begun(beginning, done) => (files.open(beginning), done),
        Job::Writing(writer, done) => (Ok(writer), done),
        Job::Over => return BatchOutcome::Nothing,
    };
    // A disk that takes no more ends the recording with a mark and a warning, and nothing else.
    let Ok(mut writer) = opened else { return BatchOutcome::Last };
    match writer.take(batch) {
        Ok(true) => {
            session.put_job(Job::Writing(writer, done));
            return BatchOutcome::Yes;
        }
        Ok(false) => writer.end(&session.progress),
        Err(failed) => writer.give_up(&failed, &session.progress),
    }
    BatchOutcome::Last
}
