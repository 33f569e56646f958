//! Signalling a process that a journal names, and no other that has its id by now.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::journal::ProcessIdentity;

/// Asks a process to end (SIGTERM). Where the system has descriptors of processes (Linux 5.3), the
/// one that is signalled is the one that was looked at.
///
/// # Errors
/// `ESRCH` where it has ended, and what kill(2) says.
pub(crate) fn terminate(process: &ProcessIdentity) -> Result<(), Errno> {
    let pid = i32::try_from(process.pid).map_err(|_| Errno::ESRCH)?;
    #[cfg(target_os = "linux")]
    if let Some(told) = by_descriptor(process, pid) {
        return told;
    }
    if !process.is_alive() {
        return Err(Errno::ESRCH);
    }
    kill(Pid::from_raw(pid), Signal::SIGTERM)
}

/// `None`: this kernel has no such descriptors.
#[cfg(target_os = "linux")]
fn by_descriptor(process: &ProcessIdentity, pid: i32) -> Option<Result<(), Errno>> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
    let errno = |error: rustix::io::Errno| Errno::from_raw(error.raw_os_error());
    let descriptor = match pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()) {
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => return None,
        descriptor => match descriptor {
            Ok(descriptor) => descriptor,
            Err(error) => return Some(Err(errno(error))),
        },
    };
    if !process.is_alive() {
        return Some(Err(Errno::ESRCH));
    }
    Some(pidfd_send_signal(descriptor, rustix::process::Signal::TERM).map_err(errno))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn who_has_the_id_now_is_not_signalled() {
        let mut child = Command::new("sleep").arg("300").spawn().unwrap();
        let now = ProcessIdentity::now(child.id()).unwrap();
        let before = ProcessIdentity { started: "1".to_owned(), ..now.clone() };
        assert_eq!(terminate(&before), Err(Errno::ESRCH));
        assert!(child.try_wait().unwrap().is_none(), "another process was ended");
        terminate(&now).unwrap();
        assert!(!child.wait().unwrap().success());
        assert_eq!(terminate(&now), Err(Errno::ESRCH));
    }
}
