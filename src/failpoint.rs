//! Points at which a test can hold the program, to kill it there.
//!
//! In a build with debug assertions, and only there, `DLVGATE_FAULT_POINT=NAME=FILE` makes the
//! program wait at the point NAME, the first time: it creates FILE, and goes on when FILE is gone.
//! A release has no such points.

/// Waits here, where a test asks for it.
#[cfg(debug_assertions)]
pub(crate) async fn point(name: &str) {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    static PASSED: AtomicBool = AtomicBool::new(false);

    let Ok(asked) = std::env::var("DLVGATE_FAULT_POINT") else { return };
    let Some(file) = asked.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) else { return };
    if PASSED.swap(true, Ordering::Relaxed) || std::fs::write(file, std::process::id().to_string()).is_err() {
        return;
    }
    while Path::new(file).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[expect(clippy::unused_async, reason = "the same call in every build")]
pub(crate) async fn point(_name: &str) {}
