//! The processes that stem from one dlv, found by the process session that dlv leads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};

/// How dlv names the binaries that it builds (Delve, `pkg/gobuild`): it removes them at a clean end only.
const BUILT_PREFIX: &str = "__debug_bin";

/// What was seen of a dlv's family, over time: a built binary's path is known only while a process runs it.
#[derive(Debug, Default)]
pub(super) struct Family {
    built: BTreeMap<PathBuf, ()>,
}

impl Family {
    /// The living members besides the leader, noting which built binaries they run.
    pub(super) fn members(&mut self, leader: Pid) -> Vec<Pid> {
        let members: Vec<Pid> =
            all_pids().into_iter().filter(|pid| *pid != leader && session_of(*pid) == Some(leader)).collect();
        for program in members.iter().filter_map(|pid| program_of(*pid)) {
            let name = program.file_name().map(|name| name.to_string_lossy().into_owned());
            if name.is_some_and(|name| name.starts_with(BUILT_PREFIX)) {
                self.built.insert(program, ());
            }
        }
        members
    }

    /// Kills what is left of the family. Returns how many were killed.
    pub(super) fn kill(&mut self, leader: Pid) -> usize {
        let members = self.members(leader);
        members.iter().filter(|pid| kill(**pid, Signal::SIGKILL).is_ok()).count()
    }

    /// Removes the built binaries that a killed dlv left. Returns those that were there.
    pub(super) fn remove_built(&self) -> Vec<&Path> {
        self.built.keys().map(PathBuf::as_path).filter(|path| std::fs::remove_file(path).is_ok()).collect()
    }
}

fn session_of(pid: Pid) -> Option<Pid> {
    getsid(Some(pid)).ok()
}

#[cfg(target_os = "linux")]
fn all_pids() -> Vec<Pid> {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.map(Pid::from_raw).collect()
}

#[cfg(target_os = "linux")]
fn program_of(pid: Pid) -> Option<PathBuf> {
    let path = std::fs::read_link(format!("/proc/{}/exe", pid.as_raw())).ok()?;
    // The kernel marks the path of a binary that was removed meanwhile.
    if path.to_string_lossy().ends_with(" (deleted)") { None } else { Some(path) }
}

#[cfg(not(target_os = "linux"))]
fn all_pids() -> Vec<Pid> {
    ps(&["-axo", "pid="]).lines().filter_map(|line| line.trim().parse().ok().map(Pid::from_raw)).collect()
}

#[cfg(not(target_os = "linux"))]
fn program_of(pid: Pid) -> Option<PathBuf> {
    let path = PathBuf::from(ps(&["-o", "comm=", "-p", &pid.as_raw().to_string()]).trim());
    path.is_absolute().then_some(path)
}

/// macOS has no /proc; ps(1) is part of the system.
#[cfg(not(target_os = "linux"))]
fn ps(arguments: &[&str]) -> String {
    let output = std::process::Command::new("/bin/ps").args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
