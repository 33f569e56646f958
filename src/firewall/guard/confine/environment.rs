//! The caller's environment, descriptors and signal mask.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::SigSet;

use super::error::ConfineError;
use crate::users::SUDO_UID;

/// What sudo says of its caller, besides [`SUDO_UID`]: the only variables that the guard reads.
const CALLER_NAME: &str = "SUDO_USER";

/// Variables by which tests control a debug build, and the mark by which they know its processes.
#[cfg(debug_assertions)]
const OF_TESTS: [&str; 4] =
    ["DLVGATE_FAULT_POINT", "DLVGATE_GUARD_TRIAL", "DLVGATE_SYSLOG", "DLVGATE_TEST_SERVER"];
#[cfg(not(debug_assertions))]
const OF_TESTS: [&str; 0] = [];

/// Runs this program again with the same arguments where the environment holds more than it needs;
/// else returns. Then the loader and the C library, which run before `main`, do not see the
/// caller's variables either.
pub(super) fn leave() -> Result<(), ConfineError> {
    let said = |said| ConfineError::Surroundings { what: "environment", said };
    SigSet::empty().thread_set_mask().map_err(|error| said(error.into()))?;
    close_the_rest().map_err(|said| ConfineError::Surroundings { what: "descriptors", said })?;
    if std::env::vars_os().all(|(name, value)| stays(&name, &value)) {
        return Ok(());
    }
    let mut words = std::env::args_os();
    let mut again = Command::new(std::env::current_exe().map_err(said)?);
    again.arg0(words.next().unwrap_or_else(|| OsString::from("dlvgate")));
    again.args(words).env_clear().envs(std::env::vars_os().filter(|(name, value)| stays(name, value)));
    Err(said(again.exec()))
}

fn stays(name: &OsStr, value: &OsStr) -> bool {
    let is_number = || value.to_str().is_some_and(|value| value.parse::<u32>().is_ok());
    let is_name =
        || value.to_str().is_some_and(|value| !value.is_empty() && !value.contains(char::is_control));
    (name == SUDO_UID && is_number())
        || (name == CALLER_NAME && is_name())
        || OF_TESTS.iter().any(|test| name == *test)
}

/// Closes all descriptors but the standard streams, which Rust's runtime has opened if they were
/// closed. The guard has opened none yet.
fn close_the_rest() -> io::Result<()> {
    let names = std::fs::read_dir("/dev/fd")?.filter_map(|entry| Some(entry.ok()?.file_name()));
    let numbers: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        let _ = nix::unistd::close(number); // the folder's own is closed already
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_s_number_and_name_alone_stay() {
        let stays = |name: &str, value: &str| super::stays(OsStr::new(name), OsStr::new(value));
        assert!(stays("SUDO_UID", "1000") && stays("SUDO_USER", "alice"));
        for (name, value) in [
            ("SUDO_UID", "0x0"),
            ("SUDO_USER", "a\nb"),
            ("LC_ALL", "C"),
            ("LANG", "de_DE"),
            ("COLORTERM", "truecolor"),
            ("PATH", "/bin"),
            ("DLVGATE_LOG", "trace"),
        ] {
            assert!(!stays(name, value), "{name}={value}");
        }
    }
}
