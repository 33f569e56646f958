//! What the journal asks the system: which boot this is, which network, and when a process was started.

/// What tells one boot from the next.
pub(super) fn boot() -> Option<String> {
    os::boot().map(|boot| boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}

/// The network namespace that this process is in, where the system has such: rules are in one, and nowhere else.
pub(super) fn network() -> String {
    os::network()
}

/// When this process was started, as text that only serves to be compared. `None`: there is no such process.
pub(super) fn started(pid: u32) -> Option<String> {
    os::started(pid).map(|started| started.trim().to_owned()).filter(|started| !started.is_empty())
}

#[cfg(target_os = "linux")]
mod os {
    use std::fs;

    pub(super) fn boot() -> Option<String> {
        fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
    }

    pub(super) fn network() -> String {
        let link = fs::read_link("/proc/self/ns/net");
        link.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Clock ticks between the boot and the start: proc(5), the 22nd field. A zombie has ended.
    pub(super) fn started(pid: u32) -> Option<String> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may hold anything.
        let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
        let state = fields.next()?;
        if state == "Z" || state == "X" { None } else { fields.nth(18).map(str::to_owned) }
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
    fn a_process_keeps_its_start_and_the_next_one_has_another() {
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
