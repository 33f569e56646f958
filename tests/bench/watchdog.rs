//! Ends a run that hangs: a lost byte must be an error, not a wait for ever. Sockets have no time
//! limits of their own, since a timer would be measured too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Far more than any one step takes, a gibibyte through the slowest forwarder included.
const PATIENCE: u64 = 120;
const STEP: Duration = Duration::from_secs(1);

static SECONDS_SINCE_PROGRESS: AtomicU64 = AtomicU64::new(0);

/// Starts to watch. Every process that was started ends with this one.
pub fn start() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(STEP);
            if SECONDS_SINCE_PROGRESS.fetch_add(1, Ordering::Relaxed) >= PATIENCE {
                eprintln!(
                    "error: nothing has happened for {PATIENCE} s: a message was lost, or a target hangs"
                );
                std::process::exit(1);
            }
        }
    });
}

/// A step was done.
pub fn progress() {
    SECONDS_SINCE_PROGRESS.store(0, Ordering::Relaxed);
}
