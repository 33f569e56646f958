//! Who runs, and who listens.

use std::net::SocketAddr;

/// A program that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) address: SocketAddr,
    /// The user, where the system tells.
    pub(super) uid: Option<u32>,
    /// Clients that have connected and that nobody has accepted.
    pub(super) waiting: u32,
    /// The process; nobody but its own user and root is told.
    pub(super) process: Option<Process>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) parent: u32,
    /// The program's own name, however it was called.
    pub(super) program: String,
    pub(super) command: Vec<String>,
}

/// What it is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dlvgate,
    /// `single`: it serves one client, and ends.
    Delve {
        single: bool,
    },
    Other,
}

impl Process {
    pub(super) fn kind(&self) -> Kind {
        let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
        if name(&self.program).starts_with("dlvgate") {
            return Kind::Dlvgate;
        }
        let is_dlv =
            name(&self.program) == "dlv" || self.command.first().is_some_and(|word| name(word) == "dlv");
        let multiclient = self.command.iter().any(|word| word.starts_with("--accept-multiclient"));
        if is_dlv { Kind::Delve { single: !multiclient } } else { Kind::Other }
    }

    /// For people: its name, number and command line.
    pub(super) fn name(&self) -> String {
        let mut command = self.command.join(" ");
        if command.chars().count() > 80 {
            command = command.chars().take(79).chain(['…']).collect();
        }
        format!("process {} ({command})", self.pid)
    }
}

pub(super) use system::{listeners, processes};

#[cfg(target_os = "linux")]
mod system {
    //! proc(5).

    use std::collections::BTreeMap;
    use std::fs;

    use super::{Listener, Process};
    use crate::sockets::table::address as socket_address;

    /// In `st` of /proc/net/tcp (Linux, include/net/tcp_states.h).
    const LISTEN: &str = "0A";

    /// Who listens on this port. May take some milliseconds for each hundred processes: not for the runtime's thread.
    pub(in crate::doctor) fn listeners(port: u16) -> Vec<Listener> {
        let tables =
            ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
        let rows: Vec<(u64, Listener)> = tables.iter().flat_map(|table| rows(table, port)).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let owners = owners();
        rows.into_iter()
            .map(|(inode, listener)| Listener {
                process: owners.get(&inode).and_then(|pid| process(*pid)),
                ..listener
            })
            .collect()
    }

    fn rows(table: &str, port: u16) -> Vec<(u64, Listener)> {
        table
            .lines()
            .skip(1)
            .filter_map(row)
            .filter(|(_, listener)| listener.address.port() == port)
            .collect()
    }

    fn row(row: &str) -> Option<(u64, Listener)> {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let [_, local, _, state, queues, _, _, uid, _, inode, ..] = columns.as_slice() else { return None };
        let (_, waiting) = queues.split_once(':')?;
        let listener = Listener {
            address: socket_address(local)?,
            uid: uid.parse().ok(),
            waiting: u32::from_str_radix(waiting, 16).ok()?,
            process: None,
        };
        (*state == LISTEN).then_some((inode.parse().ok()?, listener))
    }

    /// Sockets by their inode. Other users' are not told.
    fn owners() -> BTreeMap<u64, u32> {
        let mut found = BTreeMap::new();
        for pid in pids() {
            for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
                let Ok(link) = fs::read_link(entry.path()) else { continue };
                let link = link.to_string_lossy();
                let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
                if let Some(inode) = inode.and_then(|inode| inode.parse().ok()) {
                    found.insert(inode, pid);
                }
            }
        }
        found
    }

    fn pids() -> Vec<u32> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// This user's processes; all of them for root.
    pub(in crate::doctor) fn processes() -> Vec<Process> {
        pids().into_iter().filter_map(process).collect()
    }

    fn process(pid: u32) -> Option<Process> {
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words = command.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some(Process {
            pid,
            parent,
            program: program.to_string_lossy().trim_end_matches(" (deleted)").to_owned(),
            command: words.map(|word| String::from_utf8_lossy(word).into_owned()).collect(),
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[cfg(target_endian = "little")]
        #[test]
        fn a_listener_s_row_has_its_waiting_clients() {
            let row = "   0: 0100007F:0929 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000 0 11 1 0 100 0 0 10 0";
            let (inode, listener) = super::row(row).unwrap();
            assert_eq!((inode, listener.waiting, listener.uid), (11, 2, Some(1000)));
            assert_eq!(listener.address.to_string(), "127.0.0.1:2345");
            assert!(super::row(&row.replace(" 0A ", " 01 ")).is_none());
        }

        #[test]
        fn our_own_listener_is_ours() {
            let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let found = listeners(socket.local_addr().unwrap().port());
            assert_eq!(found[0].process.as_ref().unwrap().pid, std::process::id());
            assert!(processes().iter().any(|process| process.pid == std::process::id()));
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    //! lsof(8) and ps(1), which are part of macOS.

    use std::process::Command;

    use super::{Listener, Process};

    pub(in crate::doctor) fn listeners(port: u16) -> Vec<Listener> {
        let filter = format!("-iTCP:{port}");
        let listed = said("/usr/sbin/lsof", &["-nP", &filter, "-sTCP:LISTEN", "-FpuTn"]);
        super::lsof(&listed)
            .into_iter()
            .map(|(pid, uid, address)| {
                let process = process(pid);
                Listener { address, uid, waiting: 0, process }
            })
            .collect()
    }

    pub(in crate::doctor) fn processes() -> Vec<Process> {
        super::ps(&said("/bin/ps", &["-xo", "pid=,ppid=,comm="]), "")
    }

    fn process(pid: u32) -> Option<Process> {
        let pid = pid.to_string();
        let command = said("/bin/ps", &["-o", "command=", "-p", &pid]);
        super::ps(&said("/bin/ps", &["-o", "pid=,ppid=,comm=", "-p", &pid]), &command).pop()
    }

    fn said(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }
}

/// `lsof -F pn`: a line `p` with a process's number, `u` with its user's, then `n` with an address for each socket.
#[cfg(any(test, not(target_os = "linux")))]
fn lsof(listed: &str) -> Vec<(u32, Option<u32>, SocketAddr)> {
    let (mut pid, mut uid, mut found) = (0, None, Vec::new());
    for line in listed.lines().filter(|line| line.is_char_boundary(1)) {
        match line.split_at(line.len().min(1)) {
            ("p", number) => (pid, uid) = (number.parse().unwrap_or_default(), None),
            ("u", number) => uid = number.parse().ok(),
            ("n", name) => found.extend(address(name).map(|address| (pid, uid, address))),
            _ => {}
        }
    }
    found
}

/// `*:2345` is any address.
#[cfg(any(test, not(target_os = "linux")))]
fn address(name: &str) -> Option<SocketAddr> {
    name.replacen("*:", "0.0.0.0:", 1).parse().ok()
}

/// Rows of a process's number, its parent's and its program, which may have spaces.
#[cfg(any(test, not(target_os = "linux")))]
fn ps(rows: &str, command: &str) -> Vec<Process> {
    let row = |row: &str| {
        let (pid, rest) = row.trim().split_once(char::is_whitespace)?;
        let (parent, program) = rest.trim_start().split_once(char::is_whitespace)?;
        let words = if command.trim().is_empty() { program } else { command };
        Some(Process {
            pid: pid.parse().ok()?,
            parent: parent.parse().ok()?,
            program: program.trim().to_owned(),
            command: words.split_whitespace().map(str::to_owned).collect(),
        })
    };
    rows.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macos_s_tools_are_read() {
        let listed = lsof("p77\nu501\nf5\nTST=LISTEN\nn127.0.0.1:2345\nf6\nn[::1]:2345\np78\nn*:2345\n");
        let all: Vec<String> =
            listed.iter().map(|(pid, uid, address)| format!("{pid} {uid:?} {address}")).collect();
        assert_eq!(all, ["77 Some(501) 127.0.0.1:2345", "77 Some(501) [::1]:2345", "78 None 0.0.0.0:2345"]);
        let processes = ps("  77   1 /Applications/My App/dlv\n", "dlv dap --listen=x");
        assert_eq!((processes[0].pid, processes[0].parent), (77, 1));
        assert_eq!(processes[0].kind(), Kind::Delve { single: true });
    }

    #[test]
    fn a_program_is_what_it_is_and_not_what_it_is_called() {
        let process = |program: &str, command: &[&str]| Process {
            pid: 1,
            parent: 0,
            program: program.to_owned(),
            command: command.iter().map(ToString::to_string).collect(),
        };
        assert_eq!(process("/usr/bin/dlvgate", &["dlv", "dap"]).kind(), Kind::Dlvgate);
        let multi = process("/usr/bin/dlv", &["dlv", "exec", "--accept-multiclient=true"]);
        assert_eq!(multi.kind(), Kind::Delve { single: false });
        assert_eq!(process("/usr/bin/python3.11", &["python3"]).kind(), Kind::Other);
    }
}
