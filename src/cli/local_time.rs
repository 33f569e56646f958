//! The time of day here, for a terminal.
#![allow(
    unsafe_code,
    reason = "localtime_r(3) is the one way to ask for the time zone without a library of them"
)]

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc;

/// This moment as `14:28:18`; empty if the system has no local time.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    libc::time_t::try_from(since.as_secs()).ok().and_then(of).unwrap_or_default()
}

fn of(seconds: libc::time_t) -> Option<String> {
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both point to values of ours, and the call keeps neither.
    let filled = unsafe { libc::localtime_r(&seconds, broken_down.as_mut_ptr()) };
    if filled.is_null() {
        return None;
    }
    // SAFETY: all zeros are a value too, and the call has filled it.
    let time = unsafe { broken_down.assume_init() };
    Some(format!("{:02}:{:02}:{:02}", time.tm_hour, time.tm_min, time.tm_sec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_of_day_is_that_of_date() {
        let date =
            std::process::Command::new("date").args(["-d", "@1764469698", "+%H:%M:%S"]).output().unwrap();
        assert_eq!(of(1_764_469_698).unwrap(), String::from_utf8(date.stdout).unwrap().trim());
    }
}
