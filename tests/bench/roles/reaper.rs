//! Kills what a driver leaves that was killed itself.

use std::collections::BTreeSet;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Reads `+PID` and `-PID` from standard input, to its end; then kills the process groups that are
/// left.
pub fn wait() -> anyhow::Result<()> {
    let mut groups = BTreeSet::new();
    for line in std::io::stdin().lines() {
        let Ok(line) = line else { break };
        if let Some(pid) = line.strip_prefix('+') {
            groups.insert(pid.parse()?);
        } else if let Some(pid) = line.strip_prefix('-') {
            groups.remove(&pid.parse()?);
        }
    }
    for group in groups {
        let _ = killpg(Pid::from_raw(group), Signal::SIGTERM);
    }
    Ok(())
}
