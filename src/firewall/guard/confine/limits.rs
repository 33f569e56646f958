//! The caller's limits, umask and priority.

use std::io;

use nix::libc::rlim_t;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, umask};

use super::error::ConfineError;

/// Journals are for all to read and for root to write.
const UMASK: Mode = Mode::S_IWGRP.union(Mode::S_IWOTH);

/// Pipes, signals, a journal, a call's three pipes, a socket that the proxy hands over: the guard
/// has less than 40 open.
const OPEN_FILES: rlim_t = 1024;

/// With less than this it could not do its work, so that it does not begin.
const FEWEST_OPEN_FILES: rlim_t = 64;

/// A journal with every gate and every peer takes less than half of it.
const SMALLEST_FILE: rlim_t = 1024 * 1024;

/// The guard and a packet filter's program, with a large ruleset.
const SMALLEST_MEMORY: rlim_t = 512 * 1024 * 1024;

/// A program's usual stack.
const STACK: rlim_t = 8 * 1024 * 1024;

/// What the guard, and what it starts, may use: the wanted limit, and the least with which it
/// works.
const LIMITS: &[(&str, Resource, rlim_t, rlim_t)] = &[
    ("limit of a file's size", Resource::RLIMIT_FSIZE, RLIM_INFINITY, SMALLEST_FILE),
    // Reached, it would end the guard at its first busy second, or at its thousandth session.
    ("limit of processor time", Resource::RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY),
    ("limit of open files", Resource::RLIMIT_NOFILE, OPEN_FILES, FEWEST_OPEN_FILES),
    ("limit of memory", Resource::RLIMIT_AS, RLIM_INFINITY, SMALLEST_MEMORY),
    ("limit of data", Resource::RLIMIT_DATA, RLIM_INFINITY, SMALLEST_MEMORY),
    ("limit of the stack", Resource::RLIMIT_STACK, STACK, STACK / 8),
    #[cfg(target_os = "linux")]
    ("limit of processes", Resource::RLIMIT_NPROC, RLIM_INFINITY, 0), // root is not held by it
    #[cfg(target_os = "linux")]
    ("limit of locked memory", Resource::RLIMIT_MEMLOCK, STACK, 0),
    // Its memory has what other users' gates are for.
    ("limit of core files", Resource::RLIMIT_CORE, 0, 0),
];

/// Sets umask, limits and priority to what the guard wants, whatever its caller had. A guard that
/// is not root, which only a test starts, takes as much as it can.
pub(super) fn reset() -> Result<(), ConfineError> {
    umask(UMASK);
    for &(what, resource, wanted, least) in LIMITS {
        set(resource, wanted, least).map_err(|said| ConfineError::Surroundings { what, said })?;
    }
    reset_priority();
    Ok(())
}

fn set(resource: Resource, wanted: rlim_t, least: rlim_t) -> io::Result<()> {
    if setrlimit(resource, wanted, wanted).is_ok() {
        return Ok(());
    }
    // In a container root may not raise it.
    let (_, hard) = getrlimit(resource)?;
    let most = wanted.min(hard);
    setrlimit(resource, most, hard)?;
    if most >= least || !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    Err(io::Error::other(format!("it is {most}, may not be raised, and has to be {least} at least")))
}

/// A caller may have made itself nicer, and the first to be killed where memory runs out. Neither
/// keeps the guard from its work, only makes it late: where it cannot be taken back it stays.
fn reset_priority() {
    if rustix::process::getpriority_process(None).is_ok_and(|nice| nice > 0) {
        let _ = rustix::process::setpriority_process(None, 0);
    }
    #[cfg(target_os = "linux")]
    {
        const SCORE: &str = "/proc/self/oom_score_adj";
        let is_first = |score: String| score.trim().parse::<i32>().is_ok_and(|score| score > 0);
        if std::fs::read_to_string(SCORE).is_ok_and(is_first) {
            let _ = std::fs::write(SCORE, "0");
        }
    }
}
