//! What the journal asks the system: which boot this is, which network, and when a process was
//! started.

/// What distinguishes one boot from the next.
pub(super) fn boot() -> Option<String> {
    os::boot().map(|boot| boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}

/// The network namespace that this process is in, where the system has such: rules are in one, and
/// nowhere else.
pub(super) fn network() -> String {
    os::network()
}

/// The namespace of this process's id, where the system has such: an id means something in one, and
/// nowhere else.
pub(super) fn pids() -> String {
    os::pids()
}

/// Whether the process table that this process sees is of its own namespace.
pub(super) fn sees_processes() -> bool {
    os::sees_processes()
}

/// Whether a process with this id is there that the system does not show us.
pub(super) fn is_hidden(pid: u32) -> bool {
    os::is_hidden(pid)
}

/// Returns the real user of a process.
pub(super) fn user(pid: u32) -> Option<u32> {
    os::user(pid)
}

/// When this very process was started.
pub(super) fn own_start() -> Option<String> {
    os::own_start().map(|started| started.trim().to_owned()).filter(|started| !started.is_empty())
}

/// When this process was started, as text that only serves to be compared. `None`: there is no such
/// process.
pub(super) fn started(pid: u32) -> Option<String> {
    os::started(pid).map(|started| started.trim().to_owned()).filter(|started| !started.is_empty())
}

#[cfg(target_os = "linux")]
mod os {
    use std::fs;
    use std::path::Path;

    use nix::errno::Errno;
    use nix::sys::signal::kill;
    use nix::unistd::Pid;

    use crate::process_stat;

    pub(super) fn boot() -> Option<String> {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
    }

    pub(super) fn network() -> String {
        namespace("net")
    }

    pub(super) fn pids() -> String {
        namespace("pid")
    }

    fn namespace(kind: &str) -> String {
        let link = fs::read_link(format!("/proc/self/ns/{kind}"));
        link.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// In a table of an outer namespace we have another number.
    pub(super) fn sees_processes() -> bool {
        fs::read_link("/proc/self")
            .is_ok_and(|own| own.as_os_str() == std::process::id().to_string().as_str())
    }

    /// A table that was mounted with `hidepid` does not have processes of others.
    pub(super) fn is_hidden(pid: u32) -> bool {
        let Ok(number) = i32::try_from(pid) else { return false };
        let is_there = kill(Pid::from_raw(number), None) != Err(Errno::ESRCH);
        number > 0 && is_there && !Path::new(&format!("/proc/{pid}")).exists()
    }

    /// proc(5): the first of the four after `Uid:`.
    pub(super) fn user(pid: u32) -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    pub(super) fn own_start() -> Option<String> {
        process_stat::own_running_since()
    }

    pub(super) fn started(pid: u32) -> Option<String> {
        process_stat::running_since(pid)
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::process::Command;

    pub(super) fn boot() -> Option<String> {
        says("/usr/sbin/sysctl", &["-n", "kern.bootsessionuuid"])
    }

    pub(super) fn network() -> String {
        String::new()
    }

    /// There is one table, and it shows everything.
    pub(super) fn pids() -> String {
        String::new()
    }

    pub(super) fn sees_processes() -> bool {
        true
    }

    pub(super) fn is_hidden(_pid: u32) -> bool {
        false
    }

    pub(super) fn user(pid: u32) -> Option<u32> {
        says("/bin/ps", &["-o", "ruid=", "-p", &pid.to_string()])?.trim().parse().ok()
    }

    pub(super) fn own_start() -> Option<String> {
        super::started(std::process::id())
    }

    pub(super) fn started(pid: u32) -> Option<String> {
        says("/bin/ps", &["-o", "lstart=", "-p", &pid.to_string()])
    }

    fn says(program: &str, arguments: &[&str]) -> Option<String> {
        let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_start_is_stable_and_unique() {
        let own = started(std::process::id());
        assert!(own.is_some() && own == started(std::process::id()));
        assert_ne!(own, started(1));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert_eq!(started(pid), None);
    }

    #[test]
    fn this_boot_has_a_name() {
        assert!(boot().is_some_and(|boot| boot.len() > 8 && Some(boot) == super::boot()));
    }
}
