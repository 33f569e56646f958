//! The harness of the end-to-end tests: an oracle client, the server under test, the dlv and Go
//! pairs, and what a session left behind. Nothing here knows a type of the product: only its
//! command line, its log and its sockets.
//!
//! On other systems than Linux there is what the tests of pf and the unit tests need.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[cfg(target_os = "linux")]
pub mod client;
#[cfg(target_os = "linux")]
pub mod debug;
#[cfg(target_os = "linux")]
pub mod dropin;
#[cfg(target_os = "linux")]
pub mod fake_dlv;
pub mod frames;
#[cfg(target_os = "linux")]
pub mod gate;
#[cfg(target_os = "linux")]
pub mod holder;
#[cfg(target_os = "linux")]
pub mod link;
#[cfg(target_os = "linux")]
pub mod namespace;
pub mod page;
pub mod paths;
#[cfg(target_os = "linux")]
pub mod ports;
#[cfg(target_os = "linux")]
pub mod process;
#[cfg(target_os = "linux")]
pub mod program;
pub mod random;
#[cfg(target_os = "linux")]
pub mod recorder;
#[cfg(target_os = "linux")]
pub mod rpc;
pub mod script;
#[cfg(target_os = "linux")]
pub mod server;
#[cfg(target_os = "linux")]
pub mod session_log;
#[cfg(target_os = "linux")]
pub mod spare;
pub mod standin;
#[cfg(target_os = "linux")]
pub mod strangers;
#[cfg(target_os = "linux")]
pub mod toolchain;
#[cfg(target_os = "linux")]
pub mod upstream;
#[cfg(target_os = "linux")]
pub mod watch;

use std::time::Duration;

/// How long a test waits for what must come. Generous: the machines that run this are noisy, and a
/// build of dlv's took 30 s on one with ten times the work that it has processors for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Calls `probe` until it gives something, at most for `limit`; the caller names the missing part
/// if it does not.
pub fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = std::time::Instant::now() + limit;
    loop {
        if let Some(found) = probe() {
            return Some(found);
        }
        if std::time::Instant::now() >= deadline {
            return None;
        }
        // /proc has no event to wait on.
        std::thread::sleep(Duration::from_millis(5));
    }
}
