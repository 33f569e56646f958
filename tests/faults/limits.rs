//! Limits of a process that runs already, set from outside: prlimit(1) is in every Debian.

use std::process::Command;

use dlvgate_test_support::process::open_files_limit;

/// No file, socket or pipe more than there is now; gives the limit from before.
pub fn no_descriptors(pid: i32) -> u64 {
    let before = open_files_limit(pid);
    let is_free = |number: &u64| !std::path::Path::new(&format!("/proc/{pid}/fd/{number}")).is_symlink();
    let lowest = (0..before).find(is_free).expect("a free number");
    limit(pid, "nofile", lowest);
    before
}

/// As many again.
pub fn descriptors(pid: i32, files: u64) {
    limit(pid, "nofile", files);
}

/// No memory more than it has now.
pub fn no_memory(pid: i32) {
    limit(pid, "as", 1);
}

fn limit(pid: i32, what: &str, value: u64) {
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &pid.to_string(), &format!("--{what}={value}:")]);
    // One that is gone has no limits.
    let _ = prlimit.stderr(std::process::Stdio::null()).status().expect("util-linux has prlimit");
}
