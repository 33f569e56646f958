//! The harness of the end-to-end tests: an oracle client, the server under test, the dlv and Go
//! pairs, and what a session left behind. Nothing here knows a type of the product: only its
//! command line, its log and its sockets.

pub mod client;
pub mod debug;
pub mod dropin;
pub mod fake_dlv;
pub mod frames;
pub mod gate;
pub mod holder;
pub mod link;
pub mod namespace;
pub mod page;
pub mod ports;
pub mod process;
pub mod program;
pub mod random;
pub mod recorder;
pub mod rpc;
pub mod script;
pub mod server;
pub mod session_log;
pub mod spare;
pub mod standin;
pub mod strangers;
pub mod toolchain;
pub mod upstream;
pub mod watch;

use std::time::Duration;

/// How long a test waits for what must come. Generous: the machines that run this are noisy, and a
/// build of dlv's took 30 s on one with ten times the work that it has processors for.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Calls `probe` until it gives something, at most for `limit`; the caller says what is missing if
/// it does not.
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
