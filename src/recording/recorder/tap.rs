//! What a session tells its recording. Nothing here waits for a disk, but for a moment where the disk has fallen far behind.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::writer::Item;
use crate::recording::format::{InProxy, Sender};

/// Chunks that may wait for the disk: 64 MiB where each is as large as the relay reads.
pub(super) const QUEUE: usize = 4096;

/// Places that are free before the relay reads on: both directions, and the session's steps.
const SPARE: usize = 32;

/// How long the relay waits for a disk that has fallen that far behind, once; then the recording ends, not the session.
const STALL: Duration = Duration::from_secs(1);

/// How long a session waits, at its end, until the file is whole.
const LAST_LINES: Duration = Duration::from_secs(5);

/// What both sides look at.
#[derive(Default)]
pub(super) struct State {
    /// Nothing more is recorded.
    pub(super) over: AtomicBool,
    pub(super) was_too_slow: AtomicBool,
    chunks: AtomicU64,
    total_us: AtomicU64,
    longest_us: AtomicU64,
}

impl State {
    pub(super) fn in_proxy(&self) -> InProxy {
        InProxy {
            chunks: self.chunks.load(Ordering::Relaxed),
            total_us: self.total_us.load(Ordering::Relaxed),
            longest_us: self.longest_us.load(Ordering::Relaxed),
        }
    }
}

struct Line {
    items: mpsc::Sender<Item>,
    began: Instant,
    state: Arc<State>,
    done: Mutex<Option<oneshot::Receiver<()>>>,
}

/// Where a session's recording is told what passes; may lead nowhere.
#[derive(Clone, Default)]
pub struct Tap(Option<Arc<Line>>);

impl Tap {
    /// One to which nobody listens.
    pub fn none() -> Tap {
        Tap::default()
    }

    pub(super) fn new(
        items: mpsc::Sender<Item>,
        began: Instant,
        state: Arc<State>,
        done: oneshot::Receiver<()>,
    ) -> Tap {
        Tap(Some(Arc::new(Line { items, began, state, done: Mutex::new(Some(done)) })))
    }

    /// Somebody said this; in any pieces.
    pub fn heard(&self, from: Sender, bytes: &[u8]) {
        let Some(line) = self.line() else { return };
        if !bytes.is_empty() {
            line.tell(Item::Heard { at: line.now(), from, bytes: Bytes::copy_from_slice(bytes) });
        }
    }

    /// The session took a step.
    pub(crate) fn step(
        &self,
        event: &'static str,
        detail: &str,
        firewall: Option<&'static str>,
        cause: Option<&'static str>,
    ) {
        let Some(line) = self.line() else { return };
        let (at, detail) = (line.now(), detail.to_owned());
        line.tell(Item::Step { at, event, detail, firewall, cause });
    }

    /// What was read has been written on, after this time.
    pub fn held(&self, time: Duration) {
        let Some(line) = self.line() else { return };
        let time = time.as_micros() as u64;
        line.state.chunks.fetch_add(1, Ordering::Relaxed);
        line.state.total_us.fetch_add(time, Ordering::Relaxed);
        line.state.longest_us.fetch_max(time, Ordering::Relaxed);
    }

    /// Whether somebody listens.
    pub fn is_on(&self) -> bool {
        self.line().is_some()
    }

    /// Returns when the next chunk can be told, at the latest after a second; then the recording is over. Can be cancelled.
    pub async fn room(&self) {
        let Some(line) = self.line() else { return };
        if line.items.capacity() >= SPARE {
            return;
        }
        if tokio::time::timeout(STALL, line.items.reserve_many(SPARE)).await.is_err() {
            line.fall_behind();
        }
    }

    /// The session is over. Returns when the file is whole, or when it takes too long.
    pub async fn end(self) {
        let Some(line) = self.0 else { return };
        let done = line.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(done) = done else { return };
        let at = line.now();
        let last = async {
            let _ = line.items.send(Item::End { at }).await;
            let _ = done.await;
        };
        if tokio::time::timeout(LAST_LINES, last).await.is_err() {
            tracing::warn!(target: "dlvgate::recording", "the recording's last lines are still being written: the disk is too slow");
        }
    }

    fn line(&self) -> Option<&Arc<Line>> {
        self.0.as_ref().filter(|line| !line.state.over.load(Ordering::Relaxed))
    }
}

impl Line {
    fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    fn tell(&self, item: Item) {
        match self.items.try_send(item) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => self.fall_behind(),
            Err(mpsc::error::TrySendError::Closed(_)) => self.state.over.store(true, Ordering::Relaxed),
        }
    }

    fn fall_behind(&self) {
        self.state.was_too_slow.store(true, Ordering::Relaxed);
        if !self.state.over.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "dlvgate::recording", "the recording ends here, the session goes on: the disk is too slow");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(places: usize) -> (Tap, mpsc::Receiver<Item>) {
        let (items, receiver) = mpsc::channel(places);
        let (_, done) = oneshot::channel();
        (Tap::new(items, Instant::now(), Arc::default(), done), receiver)
    }

    /// The clock is the test's.
    #[tokio::test(start_paused = true)]
    async fn a_disk_that_is_too_slow_ends_the_recording_and_does_not_hold_the_session() {
        let (tap, mut receiver) = tap(SPARE + 2);
        for _ in 0..3 {
            tap.room().await;
            tap.heard(Sender::Client, b"x");
        }
        assert!(tap.is_on());
        let begun = tokio::time::Instant::now();
        tap.room().await;
        assert_eq!(begun.elapsed(), STALL);
        assert!(!tap.is_on());
        // From then on it costs nothing more.
        tap.room().await;
        tap.heard(Sender::Client, b"not recorded");
        assert_eq!(begun.elapsed(), STALL);
        let mut recorded = 0;
        while receiver.try_recv().is_ok() {
            recorded += 1;
        }
        assert_eq!(recorded, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_catches_up_loses_nothing() {
        let (tap, mut receiver) = tap(SPARE);
        tap.heard(Sender::Client, b"x");
        let read = async {
            tokio::time::sleep(STALL / 2).await;
            receiver.recv().await
        };
        let ((), item) = tokio::join!(tap.room(), read);
        assert!(item.is_some() && tap.is_on());
    }

    #[tokio::test(start_paused = true)]
    async fn the_sessions_end_does_not_wait_for_ever() {
        let (tap, _receiver) = tap(SPARE);
        let begun = tokio::time::Instant::now();
        let line = Arc::clone(tap.0.as_ref().unwrap());
        let (_writing, done) = oneshot::channel();
        *line.done.lock().unwrap() = Some(done);
        tap.end().await;
        assert_eq!(begun.elapsed(), LAST_LINES);
    }
}
