//! Reads `/proc/PID/stat` (proc(5)): a process's parent, and when it began.

use std::fs;
use std::str::SplitWhitespace;

/// The parent's process id; also of a zombie.
pub(crate) fn parent(pid: impl Into<i64>) -> Option<i32> {
    fields(&read(pid)?)?.nth(1)?.parse().ok()
}

/// When a process began that has not ended, in clock ticks since the boot: text that distinguishes
/// it from another with its number. A zombie has ended.
pub(crate) fn running_since(pid: impl Into<i64>) -> Option<String> {
    since(&read(pid)?)
}

/// The same of this process, also where the process table is another namespace's.
pub(crate) fn own_running_since() -> Option<String> {
    since(&fs::read_to_string("/proc/self/stat").ok()?)
}

fn read(pid: impl Into<i64>) -> Option<String> {
    fs::read_to_string(format!("/proc/{}/stat", pid.into())).ok()
}

/// The state, which is the third field, is the first of these; the start is the 22nd.
fn since(stat: &str) -> Option<String> {
    let mut fields = fields(stat)?;
    let has_ended = matches!(fields.next()?, "Z" | "X");
    fields.nth(18).filter(|_| !has_ended).map(str::to_owned)
}

/// What follows the name: that stands in parentheses, and may hold anything, these too.
fn fields(stat: &str) -> Option<SplitWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process whose name has all that the format has.
    const STAT: &str = "7 (a) Z (1 2) S 3 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4242 2 3";

    #[test]
    fn name_with_parentheses_is_skipped() {
        assert_eq!(fields(STAT).unwrap().nth(1), Some("3"));
        assert_eq!(since(STAT).as_deref(), Some("4242"));
        assert!(fields("7 (a").is_none());
    }

    #[test]
    fn zombie_has_a_parent_and_no_start() {
        let zombie = STAT.replace(") S 3", ") Z 3");
        assert_eq!(fields(&zombie).unwrap().nth(1), Some("3"));
        assert_eq!(since(&zombie), None);
    }

    #[test]
    fn own_start_is_that_of_our_number() {
        assert_eq!(running_since(std::process::id()), own_running_since());
        assert_eq!(parent(std::process::id()), Some(nix::unistd::getppid().as_raw()));
    }
}
