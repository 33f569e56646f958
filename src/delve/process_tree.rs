//! The processes that stem from one dlv, found by the process session that dlv leads. A dlv that
//! shares our session, since it needs our terminal, has no such mark: then they are its descendants
//! and, where orphans become ours, our children.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getsid};

pub(super) use system::born;

/// How dlv names the binaries that it builds (Delve, `pkg/gobuild`): it removes them at a clean end
/// only.
const BUILT_PREFIX: &str = "__debug_bin";

/// How long dlv may take to end after a signal. It kills the debugged program and removes its
/// binary in about 0.2 s; during a build it waits for the build, and a build that takes longer than
/// this is cut off.
pub(super) const TERM_GRACE: Duration = Duration::from_secs(5);

/// The processes of a dlv's family, collected over time: a built binary's path is known only while
/// a process runs or builds it.
#[derive(Debug, Default)]
pub(super) struct ProcessTree {
    built: BTreeSet<PathBuf>,
    mark: Mark,
}

/// What identifies a member.
#[derive(Debug, Default)]
enum Mark {
    /// dlv leads their process session.
    #[default]
    Session,
    /// Descent; these children of ours were there before.
    Descent { before: BTreeSet<Pid> },
}

impl ProcessTree {
    /// The family of a dlv that will share our process session.
    pub(super) fn by_descent() -> ProcessTree {
        let us = nix::unistd::getpid();
        let before = system::parents().into_iter().filter(|(_, parent)| *parent == us).map(|(pid, _)| pid);
        ProcessTree { mark: Mark::Descent { before: before.collect() }, ..ProcessTree::default() }
    }

    /// Whether dlv's process group is its own, so that a signal to the group is one to the family.
    pub(super) fn has_own_group(&self) -> bool {
        matches!(self.mark, Mark::Session)
    }

    /// The living members besides the leader. Notes the binaries that they run, and those that they
    /// build.
    pub(super) fn members(&mut self, leader: Pid) -> Vec<Pid> {
        let members = match &self.mark {
            Mark::Session => {
                let of_leader = |pid: &Pid| *pid != leader && getsid(Some(*pid)) == Ok(leader);
                system::pids().into_iter().filter(of_leader).collect()
            }
            Mark::Descent { before } => descendants(leader, before, &system::parents()),
        };
        for pid in &members {
            let paths = system::program(*pid).into_iter().chain(built_by(*pid));
            self.built.extend(paths.filter(|path| is_built(path)));
        }
        members
    }

    /// Kills the processes that are left. Returns how many were killed.
    pub(super) fn kill(&mut self, leader: Pid) -> usize {
        let members = self.members(leader);
        members.iter().filter(|pid| kill(**pid, Signal::SIGKILL).is_ok()).count()
    }

    /// Removes the built binaries that a killed dlv left. Returns those that were there.
    pub(super) fn remove_built(&self) -> Vec<&Path> {
        self.built.iter().map(PathBuf::as_path).filter(|path| std::fs::remove_file(path).is_ok()).collect()
    }
}

/// Those that stem from `leader`, and those that have become our children since its start.
fn descendants(leader: Pid, before: &BTreeSet<Pid>, parents: &[(Pid, Pid)]) -> Vec<Pid> {
    let us = nix::unistd::getpid();
    let mut family: BTreeSet<Pid> = BTreeSet::from([leader]);
    // Elsewhere orphans go to process 1.
    let adopted =
        |(pid, parent): &(Pid, Pid)| cfg!(target_os = "linux") && *parent == us && !before.contains(pid);
    family.extend(parents.iter().filter(|one| adopted(one)).map(|(pid, _)| *pid));
    loop {
        let more: Vec<Pid> = parents
            .iter()
            .filter(|(pid, parent)| family.contains(parent) && !family.contains(pid))
            .map(|(pid, _)| *pid)
            .collect();
        if more.is_empty() {
            break;
        }
        family.extend(more);
    }
    family.into_iter().filter(|pid| *pid != leader).collect()
}

/// What `go build -o PATH` and `go test -c -o PATH` write to; dlv gives an absolute path or one in
/// its own folder.
fn built_by(pid: Pid) -> Option<PathBuf> {
    let arguments = system::arguments(pid);
    let output = arguments.iter().skip_while(|argument| *argument != "-o").nth(1)?;
    Some(system::folder(pid).unwrap_or_default().join(output))
}

fn is_built(path: &Path) -> bool {
    path.is_absolute()
        && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(BUILT_PREFIX))
}

/// The process table of Linux.
#[cfg(target_os = "linux")]
mod system {
    use super::{PathBuf, Pid};
    use crate::process_stat;

    pub(super) fn pids() -> Vec<Pid> {
        let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
        let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.map(Pid::from_raw).collect()
    }

    /// Each process with its parent, zombies too.
    pub(super) fn parents() -> Vec<(Pid, Pid)> {
        let parent = |pid: Pid| Some((pid, Pid::from_raw(process_stat::parent(pid.as_raw())?)));
        pids().into_iter().filter_map(parent).collect()
    }

    /// When a running process began, in a form that distinguishes it from another with its id.
    pub(in crate::delve) fn born(pid: Pid) -> Option<String> {
        process_stat::running_since(pid.as_raw())
    }

    pub(super) fn program(pid: Pid) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/{pid}/exe")).ok()
    }

    pub(super) fn folder(pid: Pid) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/{pid}/cwd")).ok()
    }

    pub(super) fn arguments(pid: Pid) -> Vec<String> {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
    }
}

/// The process table of macOS, which has no /proc: ps(1) is part of the system.
#[cfg(not(target_os = "linux"))]
mod system {
    use super::{PathBuf, Pid};

    pub(super) fn pids() -> Vec<Pid> {
        ps(&["-axo", "pid="]).lines().filter_map(|line| line.trim().parse().ok().map(Pid::from_raw)).collect()
    }

    /// Each process with its parent.
    pub(super) fn parents() -> Vec<(Pid, Pid)> {
        let pair = |line: &str| {
            let mut numbers = line.split_whitespace().map(|number| number.parse().ok().map(Pid::from_raw));
            Some((numbers.next()??, numbers.next()??))
        };
        ps(&["-axo", "pid=,ppid="]).lines().filter_map(pair).collect()
    }

    /// When a running process began, in a form that distinguishes it from another with its id.
    pub(in crate::delve) fn born(pid: Pid) -> Option<String> {
        let said = ps(&["-o", "stat=,lstart=", "-p", &pid.to_string()]);
        let (state, began) = said.trim().split_once(' ')?;
        (!state.starts_with('Z')).then(|| began.trim().to_owned())
    }

    pub(super) fn program(pid: Pid) -> Option<PathBuf> {
        Some(PathBuf::from(ps(&["-o", "comm=", "-p", &pid.to_string()]).trim()))
    }

    /// ps does not show it; a relative output is not found then.
    pub(super) fn folder(_: Pid) -> Option<PathBuf> {
        None
    }

    /// ps does not separate arguments with spaces; a path with a space is not found then.
    pub(super) fn arguments(pid: Pid) -> Vec<String> {
        let line = ps(&["-o", "command=", "-p", &pid.to_string()]);
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn ps(arguments: &[&str]) -> String {
        let output = std::process::Command::new("/bin/ps").args(arguments).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delve::spawn::in_own_session;
    use std::process::Stdio;

    #[tokio::test]
    async fn binary_being_built_is_known_by_builder_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("__debug_bin1");
        std::fs::write(&output, "").unwrap();
        // A leader that waits for its child, which has the arguments of a build.
        let script = r#"sh -c "read line" go build -o "$0"; true"#;
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", script]).arg(&output).stdin(Stdio::piped()).kill_on_drop(true);
        let mut leader = in_own_session(&mut command, None).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(leader.id().unwrap()).unwrap());
        let mut family = ProcessTree::default();
        while family.members(pid).is_empty() || family.built.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(family.remove_built(), [output.as_path()]);
        drop(leader.stdin.take());
        leader.wait().await.unwrap();
        assert!(family.members(pid).is_empty());
    }

    #[test]
    fn family_is_descendants_and_reparented_children() {
        let pid = Pid::from_raw;
        let us = nix::unistd::getpid();
        let table = [
            (pid(20), us),
            (pid(21), pid(20)),
            (pid(22), pid(21)),
            (pid(30), us),
            (pid(31), us),
            (pid(32), pid(31)),
        ];
        let before = BTreeSet::from([pid(30)]);
        assert_eq!(descendants(pid(20), &before, &table), [pid(21), pid(22), pid(31), pid(32)]);
    }

    #[test]
    fn only_dlv_s_own_binaries_are_removed() {
        assert!(is_built(Path::new("/x/__debug_bin123")));
        assert!(!is_built(Path::new("/x/server")) && !is_built(Path::new("__debug_bin")));
    }
}
