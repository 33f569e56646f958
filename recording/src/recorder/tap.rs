//! Takes a session's bytes and events for its recording. Nothing here waits for a disk, but for a
//! moment where the disk has fallen far behind.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::flush_scheduler::FlushScheduler;
use super::queue::{Item, QueueFull, RecordedStep};
use super::session::RecordedSession;
use crate::format::Sender;

/// How long the relay waits for a disk that has fallen that far behind, once; then the recording
/// ends, not the session.
const STALL: Duration = Duration::from_secs(1);

/// How long a session waits, at its end, until the file is whole.
const LAST_LINES: Duration = Duration::from_secs(5);

struct RecorderLink {
    session: Arc<RecordedSession>,
    scheduler: Arc<FlushScheduler<RecordedSession>>,
    began: Instant,
    /// Taken when the end is recorded.
    done: Mutex<Option<oneshot::Receiver<()>>>,
}

/// Tells a session's recording what passes; may lead nowhere. Clones lead to the same recording.
#[derive(Clone, Default)]
pub struct Tap(Option<Arc<RecorderLink>>);

impl Tap {
    /// Creates a tap without a recorder.
    pub fn none() -> Tap {
        Tap::default()
    }

    pub(super) fn new(
        session: RecordedSession,
        began: Instant,
        scheduler: Arc<FlushScheduler<RecordedSession>>,
        done: oneshot::Receiver<()>,
    ) -> Tap {
        Tap(Some(Arc::new(RecorderLink {
            session: Arc::new(session),
            scheduler,
            began,
            done: Mutex::new(Some(done)),
        })))
    }

    /// Records bytes of one side, in any pieces.
    pub fn heard(&self, from: Sender, bytes: &[u8]) {
        let Some(link) = self.link() else { return };
        if !bytes.is_empty() {
            link.tell(Item::Heard { at: link.now(), from, len: bytes.len() }, bytes);
        }
    }

    /// Records a step of the session: its name, the same in words, the firewall's backend, and why
    /// the session ends.
    pub fn step(
        &self,
        event: &'static str,
        detail: &str,
        firewall: Option<&'static str>,
        cause: Option<&'static str>,
    ) {
        let Some(link) = self.link() else { return };
        let (at, detail) = (link.now(), detail.to_owned());
        link.tell(Item::Step(Box::new(RecordedStep { at, event, detail, firewall, cause })), &[]);
    }

    /// Records how long bytes were held before they were forwarded.
    pub fn held(&self, time: Duration) {
        let Some(link) = self.link() else { return };
        link.session.progress.held(time);
    }

    /// Tells whether anything is recorded.
    pub fn is_on(&self) -> bool {
        self.link().is_some()
    }

    /// Waits until the next chunk can be queued, for a second at most; then the recording is over.
    /// Can be cancelled.
    pub async fn room(&self) {
        let Some(link) = self.link() else { return };
        let queue = &link.session.queue;
        if !queue.has_room() && tokio::time::timeout(STALL, queue.room()).await.is_err() {
            link.fall_behind();
        }
    }

    /// Ends the recording. Returns when the file is whole, or when it takes too long.
    pub async fn end(self) {
        let Some(link) = self.0 else { return };
        let Some(done) = link.tell_end() else { return };
        if tokio::time::timeout(LAST_LINES, done).await.is_err() {
            tracing::warn!(target: "dlvgate::recording", "the recording's last lines are still being written: the disk is too slow");
        }
    }

    fn link(&self) -> Option<&Arc<RecorderLink>> {
        self.0.as_ref().filter(|link| !link.session.progress.is_over())
    }
}

impl RecorderLink {
    fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    fn tell(&self, item: Item, bytes: &[u8]) {
        match self.session.queue.push(item, bytes) {
            Ok(due) => self.scheduler.tell(&self.session, due),
            Err(QueueFull) => self.fall_behind(),
        }
    }

    /// Records the end. Returns the signal that the file is whole; `None` if the end was
    /// recorded before.
    fn tell_end(&self) -> Option<oneshot::Receiver<()>> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        self.tell(Item::End { at: self.now() }, &[]);
        Some(done)
    }

    fn fall_behind(&self) {
        if !self.session.progress.fall_behind() {
            tracing::warn!(target: "dlvgate::recording", "the recording ends here, the session goes on: the disk is too slow");
        }
    }
}

/// A session whose task failed ends as well.
impl Drop for RecorderLink {
    fn drop(&mut self) {
        self.tell_end();
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::{Batch, LIMIT, SPARE};
    use super::*;

    /// One of a session to which no thread listens.
    fn tap() -> (Tap, Arc<RecordedSession>) {
        let (_, done) = oneshot::channel();
        let tap = Tap::new(RecordedSession::default(), Instant::now(), Arc::default(), done);
        let session = Arc::clone(&tap.0.as_ref().unwrap().session);
        (tap, session)
    }

    fn taken(session: &RecordedSession) -> Batch {
        let mut batch = Batch::default();
        session.queue.take(&mut batch);
        batch
    }

    /// The clock is the test's.
    #[tokio::test(start_paused = true)]
    async fn slow_disk_ends_the_recording_not_the_session() {
        let (tap, session) = tap();
        tap.heard(Sender::Client, &vec![b'x'; LIMIT - SPARE - 1024]);
        for _ in 0..3 {
            tap.room().await;
            tap.heard(Sender::Client, b"x");
        }
        assert!(tap.is_on());
        tap.heard(Sender::Client, &[b'x'; 1024]);
        let begun = tokio::time::Instant::now();
        tap.room().await;
        assert_eq!(begun.elapsed(), STALL);
        assert!(!tap.is_on());
        // From then on it costs nothing more.
        tap.room().await;
        tap.heard(Sender::Client, b"not recorded");
        assert_eq!(begun.elapsed(), STALL);
        assert_eq!(taken(&session).items.len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_catches_up_loses_nothing() {
        let (tap, session) = tap();
        tap.heard(Sender::Client, &vec![b'x'; LIMIT - 1024]);
        let read = async {
            tokio::time::sleep(STALL / 2).await;
            taken(&session)
        };
        let both = async { tokio::join!(tap.room(), tap.room()) };
        let (_, batch) = tokio::join!(both, read);
        assert!(batch.items.len() == 1 && tap.is_on());
    }

    #[test]
    fn a_session_that_is_dropped_has_an_end_and_one_only() {
        let (tap, session) = tap();
        tap.heard(Sender::Client, b"x");
        drop(tap);
        let batch = taken(&session);
        assert!(matches!(batch.items[..], [Item::Heard { .. }, Item::End { .. }]));
    }

    #[tokio::test(start_paused = true)]
    async fn the_sessions_end_does_not_wait_for_ever() {
        let (tap, session) = tap();
        let begun = tokio::time::Instant::now();
        let link = Arc::clone(tap.0.as_ref().unwrap());
        let (_writing, done) = oneshot::channel();
        *link.done.lock().unwrap() = Some(done);
        tap.end().await;
        assert_eq!(begun.elapsed(), LAST_LINES);
        drop(link);
        assert!(matches!(taken(&session).items[..], [Item::End { .. }]), "told once");
    }
}
