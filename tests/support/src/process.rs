//! Reads from /proc what a server has and leaves: its processes, the ports they listen on, and the
//! binaries that dlv builds.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::signal::unix::{SignalKind, signal};

/// The variable by which the descendants of a server are known, whatever becomes of their parents.
pub const MARK: &str = "DLVGATE_TEST_SERVER";

/// Has what is started from now on take the signals that this process was started to ignore, as
/// under nohup: a handler does not pass to a child, and to ignore a signal does.
pub fn take_signals_that_are_ignored() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
        let ignored = u64::from_str_radix(mask.trim(), 16).unwrap_or_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _entered = runtime.enter();
        for kind in [SignalKind::hangup(), SignalKind::interrupt(), SignalKind::terminate()] {
            if ignored & (1 << (kind.as_raw_value() - 1)) != 0 {
                drop(signal(kind).unwrap()); // the handler stays
            }
        }
    });
}

/// One process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// Its parent's process id.
    pub parent: i32,
    /// `R`, `S`, `t`, `Z`…
    pub state: char,
    /// The path of its executable.
    pub exe: PathBuf,
    /// Its command line.
    pub arguments: Vec<String>,
}

impl Process {
    /// Sends it a signal; one that is gone already is fine.
    pub fn signal(&self, signal: Signal) {
        signal_pid(self.pid, signal);
    }

    /// Whether the name of its executable is this.
    pub fn is(&self, name: &str) -> bool {
        self.exe.file_name().is_some_and(|file| file.to_string_lossy().trim_end_matches(" (deleted)") == name)
    }
}

/// Sends a signal to one process.
pub fn signal_pid(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Whether this process runs, as opposed to being gone or a zombie.
pub fn is_alive(pid: i32) -> bool {
    read(pid).is_some_and(|process| process.state != 'Z')
}

/// Whether nothing of this process is left but what its parent has to see: all of its threads have
/// ended, and with the last of them its connections.
pub fn has_ended(pid: i32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    threads <= 1 && !is_alive(pid)
}

/// Whether SIGSTOP has reached every thread of this process.
pub fn is_stopped(pid: i32) -> bool {
    let mut threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    threads.all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
    })
}

/// The children that this process has now.
pub fn children(parent: i32) -> Vec<i32> {
    let all = pids().into_iter().filter_map(read);
    all.filter(|process| process.parent == parent).map(|process| process.pid).collect()
}

/// All processes marked with `mark`, and the guard of one that is: a guard of a release build drops
/// its environment, and the mark with it. A zombie has no environment and is none of them: its
/// parent is, while that runs.
pub fn marked(mark: &str) -> Vec<Process> {
    let wanted = format!("{MARK}={mark}").into_bytes();
    let is_marked = |process: &Process| {
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == wanted)
    };
    let alive = pids().into_iter().filter_map(read).filter(|process| process.state != 'Z');
    let (mut marked, others): (Vec<_>, Vec<_>) = alive.partition(is_marked);
    let parents: HashSet<i32> = marked.iter().map(|process| process.pid).collect();
    let is_guard = |process: &Process| process.arguments.get(1).is_some_and(|word| word == "guard");
    marked.extend(others.into_iter().filter(|one| is_guard(one) && parents.contains(&one.parent)));
    marked
}

/// The ended children of these processes that they have not waited for.
pub fn zombies_of(parents: &[i32]) -> Vec<Process> {
    let all = pids().into_iter().filter_map(read);
    all.filter(|process| process.state == 'Z' && parents.contains(&process.parent)).collect()
}

/// Memory of its own that a process holds, in bytes: pages read from its program's file do not
/// count.
pub fn anonymous_memory(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux 4.5 has it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// How many files a process may have open.
pub fn open_files_limit(pid: i32) -> u64 {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a line of it");
    line.split_whitespace().next().and_then(|soft| soft.parse().ok()).expect("a number")
}

/// How many files, sockets and pipes a process has open.
pub fn descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count()
}

/// The TCP ports on which these processes listen.
pub fn listening_ports(processes: &[Process]) -> Vec<u16> {
    let mut ports = Vec::new();
    for process in processes {
        let mut sockets = HashSet::new();
        let Ok(handles) = fs::read_dir(format!("/proc/{}/fd", process.pid)) else {
            continue;
        };
        for handle in handles.flatten() {
            if let Ok(link) = fs::read_link(handle.path()) {
                let inode = link.to_string_lossy().strip_prefix("socket:[").map(|rest| rest.replace(']', ""));
                sockets.extend(inode);
            }
        }
        let listeners = listeners(process.pid).into_iter();
        ports.extend(listeners.filter(|one| sockets.contains(&one.1)).map(|one| one.0));
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Connections of this machine that go to this local port, but for closed ones.
pub fn connections_to(port: u16) -> usize {
    const TIME_WAIT: &str = "06";
    let tables = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let remote = format!(":{port:04X}");
    let columns = tables.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    columns.filter(|columns| columns[2].ends_with(&remote) && columns[3] != TIME_WAIT).count()
}

/// Port and socket inode of everything that listens in the network namespace of this process.
fn listeners(pid: i32) -> Vec<(u16, String)> {
    const LISTEN: &str = "0A";
    let tables = ["tcp", "tcp6"]
        .map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    let mut found = Vec::new();
    for line in tables.iter().flat_map(|table| table.lines().skip(1)) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        if columns[3] == LISTEN {
            let port = columns[1].rsplit(':').next().expect("address:port");
            found.push((u16::from_str_radix(port, 16).expect("a hexadecimal port"), columns[9].to_owned()));
        }
    }
    found
}

/// The `__debug_bin*` files under this folder.
pub fn debug_binaries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(debug_binaries(&path));
        } else if entry.file_name().to_string_lossy().starts_with("__debug_bin") {
            found.push(path);
        }
    }
    found
}

fn pids() -> Vec<i32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()).collect()
}

fn read(pid: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state parent …`, where the name may hold anything.
    let mut rest = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = rest.next()?.chars().next()?;
    let parent = rest.next()?.parse().ok()?;
    let exe = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments = arguments.split(|byte| *byte == 0).map(|one| String::from_utf8_lossy(one).into_owned());
    let mut arguments: Vec<String> = arguments.collect();
    arguments.pop();
    Some(Process { pid, parent, state, exe, arguments })
}
