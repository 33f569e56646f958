//! How far a session's recording is: shared by the relay, which queues, and the thread that writes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::format::InProxy;

/// The state of one recording that both threads look at.
#[derive(Default)]
pub(super) struct RecordingProgress {
    over: AtomicBool,
    was_too_slow: AtomicBool,
    chunks: AtomicU64,
    total_us: AtomicU64,
    longest_us: AtomicU64,
}

impl RecordingProgress {
    /// Whether nothing more is recorded.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Ends the recording. Returns whether it had ended before.
    pub(super) fn end(&self) -> bool {
        self.over.swap(true, Ordering::Relaxed)
    }

    /// Ends the recording, because the disk is too slow. Returns whether it had ended before.
    pub(super) fn fall_behind(&self) -> bool {
        self.was_too_slow.store(true, Ordering::Relaxed);
        self.end()
    }

    pub(super) fn was_too_slow(&self) -> bool {
        self.was_too_slow.load(Ordering::Relaxed)
    }

    /// Counts a chunk that was held for this long before it was forwarded.
    pub(super) fn held(&self, time: Duration) {
        let time = time.as_micros() as u64;
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(time, Ordering::Relaxed);
        self.longest_us.fetch_max(time, Ordering::Relaxed);
    }

    pub(super) fn in_proxy(&self) -> InProxy {
        InProxy {
            chunks: self.chunks.load(Ordering::Relaxed),
            total_us: self.total_us.load(Ordering::Relaxed),
            longest_us: self.longest_us.load(Ordering::Relaxed),
        }
    }
}
