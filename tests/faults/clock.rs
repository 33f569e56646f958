//! Clocks that a test moves, of one server and what it starts; the machine's own stay as they are.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use dlvgate_test_support::process::{is_alive, signal_pid};
use dlvgate_test_support::server::Serve;
use dlvgate_test_support::{PATIENCE, poll};
use nix::sys::signal::Signal;

/// A day in seconds.
pub const DAY: i64 = 24 * 60 * 60;

/// A server's clocks.
pub struct Clock {
    offsets: File,
    path: PathBuf,
    monotonic: AtomicI64,
}

impl Clock {
    /// As the machine's.
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("clock");
        let offsets = OpenOptions::new().write(true).create_new(true).open(&path).unwrap();
        offsets.set_len(16).unwrap();
        Self { offsets, path, monotonic: AtomicI64::new(0) }
    }

    /// A server that has them.
    pub fn given_to(&self, serve: Serve) -> Serve {
        serve.env("LD_PRELOAD", shim()).env("CLOCK_OFFSETS", &self.path)
    }

    /// Moves the wall clock, which may go back.
    pub fn wall(&self, seconds: i64) {
        self.offsets.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }

    /// Moves the clock of time limits on, and wakes these processes, so that they look at it.
    pub fn pass(&self, seconds: i64, processes: &[i32]) {
        let now = self.monotonic.fetch_add(seconds, Ordering::Relaxed) + seconds;
        self.offsets.write_all_at(&now.to_ne_bytes(), 8).unwrap();
        for pid in processes {
            wake(*pid);
        }
    }
}

/// A wait in epoll ends early in a process that was stopped and goes on (signal(7)). Nothing else
/// comes of it.
fn wake(pid: i32) {
    signal_pid(pid, Signal::SIGSTOP);
    poll(PATIENCE, || (!is_alive(pid) || stands(pid)).then_some(()));
    signal_pid(pid, Signal::SIGCONT);
}

/// Whether its main thread, which is the one that waits, is stopped.
fn stands(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// The library, compiled once a run. A C compiler is there, since this test links with it.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/clock.c");
        let (folder, draft) =
            (Path::new(env!("CARGO_TARGET_TMPDIR")), format!("clock-{}.so", std::process::id()));
        let (draft, built) = (folder.join(draft), folder.join("clock.so"));
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]).arg(&draft).arg(source);
        assert!(cc.status().expect("a C compiler").success());
        // Another run may have loaded the present one.
        std::fs::rename(draft, &built).unwrap();
        built
    })
}
