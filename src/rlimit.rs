//! Raises the limit of open files, pipes and connections: by default 256 on macOS and 1,024 on most
//! Linux, which a few dozen sessions use up.

use std::io;
use std::sync::OnceLock;

use nix::libc::rlim_t;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Of a session: the client's and dlv's connection, dlv's two pipes, its process, the recording.
const OF_A_SESSION: u64 = 6;

/// Besides: standard streams, signals, the front, the guard, files that are looked at for a moment,
/// silent connections.
const BESIDES: u64 = 128;

/// The limits that we were started with, where they were raised.
static BEFORE: OnceLock<(rlim_t, rlim_t)> = OnceLock::new();

/// Makes room for as many sessions, within what the system lets this user have. What we start gets
/// the limits that we had ([`restore`]): a program that still uses select(2) relies on small
/// numbers.
pub(crate) fn make_room(sessions: usize) {
    let wanted = BESIDES + OF_A_SESSION * sessions as u64;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    if soft >= wanted {
        return;
    }
    if hard < wanted {
        tracing::warn!(target: "dlvgate", sessions, "only {hard} files and connections may be open at once, and {sessions} sessions need up to {wanted}; \
            a higher hard limit (`ulimit -Hn`), or a lower --max-sessions, is safer");
    }
    if setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).is_ok() {
        let _ = BEFORE.set((soft, hard));
    }
}

/// Gives a child the limits that we were started with. Allocates nothing and takes no lock: fit for
/// between fork and exec.
pub(crate) fn restore() -> io::Result<()> {
    match BEFORE.get() {
        Some(&(soft, hard)) => Ok(setrlimit(Resource::RLIMIT_NOFILE, soft, hard)?),
        None => Ok(()),
    }
}
