//! Lists processes and listening sockets.

use std::net::SocketAddr;
use std::path::PathBuf;

use nix::unistd::{Uid, User};

use super::files::owner;
use crate::users;

/// A program that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct ListeningProcess {
    pub(in crate::doctor) address: SocketAddr,
    /// The user, if the system says.
    pub(in crate::doctor) uid: Option<u32>,
    /// Clients that have connected and are not accepted yet.
    pub(in crate::doctor) waiting: u32,
    /// The process, where we are root or its user.
    pub(in crate::doctor) process: Option<Process>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::doctor) struct Process {
    pub(in crate::doctor) pid: u32,
    pub(in crate::doctor) parent: u32,
    /// The program's own name, however it was called.
    pub(in crate::doctor) program: String,
    pub(in crate::doctor) command: Vec<String>,
    /// Whether `command` has the words as they were given. macOS shows them joined by spaces, and
    /// Linux may have some that are no text.
    pub(in crate::doctor) is_exact: bool,
    /// The folder that it runs in, if the system says.
    pub(in crate::doctor) folder: Option<PathBuf>,
}

/// The user for whom commands are printed: under sudo, who called it.
fn user() -> u32 {
    users::sudo_uid().unwrap_or_else(|| Uid::effective().as_raw())
}

impl ListeningProcess {
    /// Whether it is the user's own: the remedies are for that user, under sudo too.
    pub(in crate::doctor) fn is_own(&self) -> bool {
        self.uid == Some(user())
    }

    /// The user's name.
    pub(in crate::doctor) fn user(&self) -> Option<String> {
        let user = self.uid.and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
        user.map(|user| user.name).or(self.uid.map(|uid| format!("user {uid}")))
    }

    /// The process for people, with its user. Empty where neither is known.
    pub(in crate::doctor) fn name(&self) -> String {
        let process = self.process.as_ref().map(Process::name);
        let user = self.user().map(|user| format!("of {user}"));
        process.into_iter().chain(user).collect::<Vec<_>>().join(" ")
    }
}

/// What it is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::doctor) enum ListenerKind {
    Dlvgate,
    /// `single`: it serves one client, and ends.
    Delve {
        single: bool,
    },
    /// It passes the port on to another machine or container: what it is.
    Tunnel(&'static str),
    Other,
}

/// Programs that pass a port on, a word that their command line then has, and what that is.
const TUNNELS: [(&str, &str, &str); 13] = [
    ("ssh", "", "a tunnel of ssh"),
    ("sshd", "", "a tunnel that an ssh client has made to here (`ssh -R`)"),
    ("sshd-session", "", "a tunnel that an ssh client has made to here (`ssh -R`)"),
    ("docker-proxy", "", "a port that Docker has published for a container"),
    ("com.docker.backend", "", "a port that Docker Desktop has published for a container"),
    ("com.docker.vpnkit", "", "a port that Docker Desktop has published for a container"),
    ("OrbStack Helper", "", "a port that OrbStack has published for a container or machine"),
    ("rootlessport", "", "a port that Podman has published for a container"),
    ("gvproxy", "", "a port that Podman has published for a container"),
    ("limactl", "", "a port that Lima passes on to its machine"),
    ("kubectl", "port-forward", "a tunnel of `kubectl port-forward`"),
    ("oc", "port-forward", "a tunnel of `oc port-forward`"),
    ("socat", "", "a relay of socat"),
];

impl Process {
    pub(in crate::doctor) fn kind(&self) -> ListenerKind {
        let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
        let program = name(&self.program);
        if program.starts_with("dlvgate") {
            return ListenerKind::Dlvgate;
        }
        let has = |word: &str| word.is_empty() || self.command.iter().any(|one| one == word);
        if let Some((.., what)) = TUNNELS.iter().find(|(tunnel, word, _)| program == *tunnel && has(word)) {
            return ListenerKind::Tunnel(what);
        }
        let is_dlv =
            name(&self.program) == "dlv" || self.command.first().is_some_and(|word| name(word) == "dlv");
        let multiclient = self.command.iter().any(|word| word.starts_with("--accept-multiclient"));
        if is_dlv { ListenerKind::Delve { single: !multiclient } } else { ListenerKind::Other }
    }

    /// Whether it is the user's own. macOS's ps, as it is asked, lists no others.
    pub(in crate::doctor) fn is_own(&self) -> bool {
        let folder = PathBuf::from(format!("/proc/{}", self.pid));
        !cfg!(target_os = "linux") || owner(&folder) == Some(user())
    }

    /// For people: its name, number and command line.
    pub(in crate::doctor) fn name(&self) -> String {
        let mut command = self.command.join(" ");
        if command.chars().count() > 80 {
            command = command.chars().take(79).chain(['…']).collect();
        }
        format!("process {} ({command})", self.pid)
    }
}

pub(in crate::doctor) use system::{debuggers, listeners, process, processes};

#[cfg(target_os = "linux")]
mod system {
    //! proc(5).

    use std::collections::BTreeMap;
    use std::fs;

    use super::{ListenerKind, ListeningProcess, Process};
    use crate::process_stat;
    use crate::sockets::table::address as socket_address;

    /// In `st` of /proc/net/tcp (Linux, include/net/tcp_states.h).
    const LISTEN: &str = "0A";

    /// Returns the listeners on this port. Blocks for some milliseconds per hundred processes, so
    /// the runtime's thread must not call it.
    pub(in crate::doctor) fn listeners(port: u16) -> Vec<ListeningProcess> {
        all(|listener| listener.address.port() == port)
    }

    /// Where a dlv or dlvgate listens, at any port.
    pub(in crate::doctor) fn debuggers() -> Vec<ListeningProcess> {
        let is_debugger = |one: &ListeningProcess| {
            one.process
                .as_ref()
                .is_some_and(|one| matches!(one.kind(), ListenerKind::Dlvgate | ListenerKind::Delve { .. }))
        };
        all(|_| true).into_iter().filter(is_debugger).collect()
    }

    fn all(is_wanted: impl Fn(&ListeningProcess) -> bool) -> Vec<ListeningProcess> {
        let tables =
            ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
        let rows = tables.iter().flat_map(|table| table.lines().skip(1)).filter_map(row);
        let rows: Vec<(u64, ListeningProcess)> = rows.filter(|(_, listener)| is_wanted(listener)).collect();
        if rows.is_empty() {
            return Vec::new();
        }
        let owners = owners();
        rows.into_iter()
            .map(|(inode, listener)| ListeningProcess {
                process: owners.get(&inode).and_then(|pid| process(*pid)),
                ..listener
            })
            .collect()
    }

    fn row(row: &str) -> Option<(u64, ListeningProcess)> {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let [_, local, _, state, queues, _, _, uid, _, inode, ..] = columns.as_slice() else { return None };
        let (_, waiting) = queues.split_once(':')?;
        let listener = ListeningProcess {
            address: socket_address(local)?,
            uid: uid.parse().ok(),
            waiting: u32::from_str_radix(waiting, 16).ok()?,
            process: None,
        };
        (*state == LISTEN).then_some((inode.parse().ok()?, listener))
    }

    /// Sockets by their inode; of several processes that have one, the first, which a child is not.
    /// The system does not say other users'.
    fn owners() -> BTreeMap<u64, u32> {
        let mut found = BTreeMap::new();
        let mut pids = pids();
        pids.sort_unstable();
        for pid in pids {
            for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
                let Ok(link) = fs::read_link(entry.path()) else { continue };
                let link = link.to_string_lossy();
                let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
                if let Some(inode) = inode.and_then(|inode| inode.parse().ok()) {
                    found.entry(inode).or_insert(pid);
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

    /// A process of this user; of any for root.
    pub(in crate::doctor) fn process(pid: u32) -> Option<Process> {
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        // Each word ends with a zero byte; an empty one is a word too.
        let command = command.strip_suffix(b"\0").unwrap_or(&command);
        let words: Vec<_> = command.split(|byte| *byte == 0).map(std::str::from_utf8).collect();
        let parent = process_stat::parent(pid).and_then(|parent| parent.try_into().ok())?;
        Some(Process {
            pid,
            parent,
            program: program.to_string_lossy().trim_end_matches(" (deleted)").to_owned(),
            is_exact: words.iter().all(Result::is_ok),
            command: words.into_iter().map(|word| word.unwrap_or("…").to_owned()).collect(),
            folder: fs::read_link(format!("/proc/{pid}/cwd")).ok(),
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

    use super::{ListeningProcess, Process};

    pub(in crate::doctor) fn listeners(port: u16) -> Vec<ListeningProcess> {
        of(&[&format!("-iTCP:{port}")])
    }

    /// Where a dlv or dlvgate listens, at any port: `-c` takes what a command's name begins with.
    pub(in crate::doctor) fn debuggers() -> Vec<ListeningProcess> {
        of(&["-a", "-c", "dlv", "-iTCP"])
    }

    fn of(selected: &[&str]) -> Vec<ListeningProcess> {
        let arguments = [&["-nP"], selected, &["-sTCP:LISTEN", "-FpuTn"]].concat();
        super::lsof(&said("/usr/sbin/lsof", &arguments))
            .into_iter()
            .map(|(pid, uid, address)| {
                let process = process(pid);
                ListeningProcess { address, uid, waiting: 0, process }
            })
            .collect()
    }

    pub(in crate::doctor) fn processes() -> Vec<Process> {
        super::ps(&said("/bin/ps", &["-xo", "pid=,ppid=,comm="]), "")
    }

    /// A process.
    pub(in crate::doctor) fn process(pid: u32) -> Option<Process> {
        let pid = pid.to_string();
        let command = said("/bin/ps", &["-o", "command=", "-p", &pid]);
        super::ps(&said("/bin/ps", &["-o", "pid=,ppid=,comm=", "-p", &pid]), &command).pop()
    }

    fn said(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }
}

/// `lsof -F pn`: a line `p` with a process's number, `u` with its user's, then `n` with an address
/// for each socket.
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
            is_exact: false,
            folder: None,
        })
    };
    rows.lines().filter_map(row).collect()
}

#[cfg(test)]
pub(in crate::doctor) mod tests {
    use super::*;

    pub(in crate::doctor) fn process(program: &str, command: &[&str]) -> Process {
        Process {
            pid: 77,
            parent: 1,
            program: program.to_owned(),
            command: command.iter().map(ToString::to_string).collect(),
            is_exact: true,
            folder: None,
        }
    }

    #[test]
    fn tunnels_are_told_from_other_programs() {
        let is_tunnel =
            |program, words: &[&str]| matches!(process(program, words).kind(), ListenerKind::Tunnel(_));
        assert!(is_tunnel("/usr/bin/ssh", &["ssh", "-L", "2345:127.0.0.1:2345", "host"]));
        assert!(is_tunnel("/usr/bin/docker-proxy", &["/usr/bin/docker-proxy", "-proto", "tcp"]));
        assert!(is_tunnel("/opt/kubectl", &["kubectl", "port-forward", "pod/x", "2345"]));
        assert!(!is_tunnel("/opt/kubectl", &["kubectl", "proxy"]));
        assert!(!is_tunnel("/usr/bin/python3.11", &["ssh"]));
    }

    #[test]
    fn macos_s_tools_are_read() {
        let listed = lsof("p77\nu501\nf5\nTST=LISTEN\nn127.0.0.1:2345\nf6\nn[::1]:2345\np78\nn*:2345\n");
        let all: Vec<String> =
            listed.iter().map(|(pid, uid, address)| format!("{pid} {uid:?} {address}")).collect();
        assert_eq!(all, ["77 Some(501) 127.0.0.1:2345", "77 Some(501) [::1]:2345", "78 None 0.0.0.0:2345"]);
        let processes = ps("  77   1 /Applications/My App/dlv\n", "dlv dap --listen=x");
        assert_eq!((processes[0].pid, processes[0].parent), (77, 1));
        assert_eq!(processes[0].kind(), ListenerKind::Delve { single: true });
    }

    #[test]
    fn a_program_is_what_it_is_and_not_what_it_is_called() {
        assert_eq!(process("/usr/bin/dlvgate", &["dlv", "dap"]).kind(), ListenerKind::Dlvgate);
        let multi = process("/usr/bin/dlv", &["dlv", "exec", "--accept-multiclient=true"]);
        assert_eq!(multi.kind(), ListenerKind::Delve { single: false });
        assert_eq!(process("/usr/bin/python3.11", &["python3"]).kind(), ListenerKind::Other);
    }
}
