//! The most memory of its own that a process holds while something goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use dlvgate_test_support::process::anonymous_memory;

/// Often enough to see a buffer that fills over some milliseconds.
const EVERY: Duration = Duration::from_millis(3);

/// Looks at a process again and again until dropped.
pub struct Peak {
    before: u64,
    most: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    looking: Option<JoinHandle<()>>,
}

impl Peak {
    pub fn of(pid: i32) -> Self {
        let before = anonymous_memory(pid);
        let (most, stop) = (Arc::new(AtomicU64::new(before)), Arc::new(AtomicBool::new(false)));
        let (theirs, stopped) = (Arc::clone(&most), Arc::clone(&stop));
        let looking = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                theirs.fetch_max(anonymous_memory(pid), Ordering::Relaxed);
                std::thread::park_timeout(EVERY);
            }
        });
        Self { before, most, stop, looking: Some(looking) }
    }

    /// By how many bytes it has grown, at most.
    pub fn growth(&self) -> u64 {
        self.most.load(Ordering::Relaxed) - self.before
    }
}

impl Drop for Peak {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            looking.thread().unpark();
            let _ = looking.join();
        }
    }
}
