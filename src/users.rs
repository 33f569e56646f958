//! Users: who called sudo, and which uids stand for one user each.
//!
//! In a user namespace every user that it does not know has the same uid, the overflow uid
//! (user_namespaces(7)): two of them must not be taken for one another.

/// The variable in which sudo says its caller's uid.
pub(crate) const SUDO_UID: &str = "SUDO_UID";

/// The uid of the user who called sudo; `None` if we are not root, and sudo could not be meant.
pub(crate) fn sudo_uid() -> Option<u32> {
    let uid = std::env::var(SUDO_UID).ok()?.parse().ok()?;
    nix::unistd::geteuid().is_root().then_some(uid)
}

#[cfg(target_os = "linux")]
pub(crate) use linux::is_one_user;

/// Whether this uid is one user's alone: always, where there are no user namespaces.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_one_user(_: u32) -> bool {
    true
}

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::OnceLock;

    /// The kernel's default (include/linux/highuid.h), also taken if /proc does not say.
    const OVERFLOW: u32 = 65_534;

    /// How many uids there are: all but the last one, which means "none".
    const ALL: u64 = u32::MAX as u64;

    /// Whether this uid is one user's alone.
    pub(crate) fn is_one_user(uid: u32) -> bool {
        static UNKNOWN: OnceLock<Option<u32>> = OnceLock::new();
        *UNKNOWN.get_or_init(unknown) != Some(uid)
    }

    /// The uid of all users that this namespace does not know; nothing where it knows all.
    fn unknown() -> Option<u32> {
        let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let overflow = std::fs::read_to_string("/proc/sys/kernel/overflowuid").ok();
        let overflow = overflow.and_then(|uid| uid.trim().parse().ok()).unwrap_or(OVERFLOW);
        (!is_whole(&map)).then_some(overflow)
    }

    /// Whether a map has every uid. The kernel takes no map with uids that the namespace above does
    /// not have.
    fn is_whole(map: &str) -> bool {
        let length = |line: &str| line.split_whitespace().nth(2)?.parse::<u64>().ok();
        map.lines().filter_map(length).sum::<u64>() >= ALL
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_a_whole_map_knows_every_user() {
            assert!(is_whole("         0          0 4294967295\n"));
            assert!(is_whole("0 100 1000\n1000 2000 4294966295\n"));
            for map in ["", "0 1000 1\n", "0 1000 1\n1 100000 65536\n", "nonsense\n"] {
                assert!(!is_whole(map), "{map}");
            }
        }
    }
}
