//! Which sessions have something to be written, and when the thread that writes looks at them.
//!
//! Waking a thread costs a session more than queueing an entry for it. So it is woken where it
//! sleeps and something comes; then it gathers for a while, writes, and looks again without being
//! woken, until nothing comes any more. While nothing happens, nothing ticks.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::queue::Due;

/// How long items are gathered before they are written. A reader who follows a recording sees a
/// message after this, and a crash loses this much.
pub(super) const GATHER: Duration = Duration::from_millis(25);

/// The sessions `S` of one recorder.
pub(super) struct FlushScheduler<S> {
    state: Mutex<WriterState<S>>,
    wake: Condvar,
}

struct WriterState<S> {
    /// Sessions that are not over.
    sessions: usize,
    /// There is a thread.
    runs: bool,
    /// It waits for anything at all.
    sleeps: bool,
    /// Something cannot be gathered any longer.
    hurry: bool,
    waiting: Vec<Arc<S>>,
}

impl<S> Default for FlushScheduler<S> {
    fn default() -> FlushScheduler<S> {
        let state =
            WriterState { sessions: 0, runs: false, sleeps: false, hurry: false, waiting: Vec::new() };
        FlushScheduler { state: Mutex::new(state), wake: Condvar::new() }
    }
}

impl<S> FlushScheduler<S> {
    /// A session begins. Whether a thread has to be started for it.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.state();
        state.sessions += 1;
        !std::mem::replace(&mut state.runs, true)
    }

    /// A session is over, and written.
    pub(super) fn leave(&self) {
        self.state().sessions -= 1;
    }

    /// The thread could not be started.
    pub(super) fn no_thread(&self) {
        let mut state = self.state();
        state.runs = false;
        state.sessions -= 1;
    }

    /// Something was put into a session's queue.
    pub(super) fn tell(&self, session: &Arc<S>, due: Due) {
        if !due.first && !due.now {
            return;
        }
        let mut state = self.state();
        if due.first {
            state.waiting.push(Arc::clone(session));
        }
        state.hurry |= due.now;
        let wakes = std::mem::take(&mut state.sleeps) || due.now;
        drop(state);
        if wakes {
            self.wake.notify_one();
        }
    }

    /// Waits until something is to be written, and for more of it. `None`: no session is left, and
    /// the thread ends.
    pub(super) fn next(&self) -> Option<Vec<Arc<S>>> {
        let mut state = self.state();
        loop {
            let gathered = self.wake.wait_timeout_while(state, GATHER, |state| !state.hurry);
            state = gathered.unwrap_or_else(PoisonError::into_inner).0;
            state.hurry = false;
            if !state.waiting.is_empty() {
                return Some(std::mem::take(&mut state.waiting));
            }
            if state.sessions == 0 {
                state.runs = false;
                return None;
            }
            state.sleeps = true;
            let woken = self.wake.wait_while(state, |state| state.waiting.is_empty());
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.sleeps = false;
        }
    }

    fn state(&self) -> MutexGuard<'_, WriterState<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
    use std::time::Instant;

    use super::*;

    const SOON: Due = Due { first: true, now: false };
    const PATIENCE: Duration = Duration::from_secs(10);
    const NOW: Due = Due { first: true, now: true };

    /// A scheduler with one session, and a thread that says what it is given.
    fn scheduler() -> (Arc<FlushScheduler<u8>>, Receiver<Vec<Arc<u8>>>) {
        let (scheduler, (said, hears)) = (Arc::new(FlushScheduler::default()), channel());
        assert!(scheduler.enter());
        let its = Arc::clone(&scheduler);
        std::thread::spawn(move || {
            while let Some(sessions) = its.next() {
                said.send(sessions).unwrap();
            }
        });
        (scheduler, hears)
    }

    #[test]
    fn items_are_batched_unless_due_now() {
        let (scheduler, hears) = scheduler();
        let began = Instant::now();
        scheduler.tell(&Arc::new(1), SOON);
        scheduler.tell(&Arc::new(2), SOON);
        assert_eq!(hears.recv_timeout(PATIENCE).unwrap(), [Arc::new(1), Arc::new(2)]);
        assert!(began.elapsed() >= GATHER);
        let mut soonest = GATHER;
        for _ in 0..20 {
            let began = Instant::now();
            scheduler.tell(&Arc::new(3), NOW);
            assert_eq!(hears.recv_timeout(PATIENCE).unwrap(), [Arc::new(3)]);
            soonest = soonest.min(began.elapsed());
        }
        assert!(soonest < GATHER / 2, "{soonest:?}");
    }

    #[test]
    fn a_thread_that_sleeps_is_woken() {
        let (scheduler, hears) = scheduler();
        for session in 0..3 {
            while !scheduler.state().sleeps {
                std::thread::yield_now();
            }
            scheduler.tell(&Arc::new(session), SOON);
            assert_eq!(hears.recv_timeout(PATIENCE).unwrap(), [Arc::new(session)]);
        }
    }

    #[test]
    fn writer_thread_ends_and_restarts_with_sessions() {
        let (scheduler, hears) = scheduler();
        assert!(!scheduler.enter(), "one thread serves all");
        scheduler.leave();
        scheduler.tell(&Arc::new(1), NOW);
        assert_eq!(hears.recv_timeout(PATIENCE).unwrap(), [Arc::new(1)]);
        scheduler.leave();
        scheduler.tell(&Arc::new(1), NOW);
        assert_eq!(hears.recv_timeout(PATIENCE).unwrap(), [Arc::new(1)]);
        assert!(hears.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected), "it has ended");
        assert!(scheduler.enter());
    }
}
