//! Whether others than the user can write a file, and so decide what it says.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};

use crate::users::{is_one_user, sudo_uid};

/// The other users who can write a file that is taken for the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Others {
    /// Every user.
    Everybody,
    /// The members of this group.
    Group(String),
    /// Those whom an access control list names.
    Listed,
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Others::Everybody => f.write_str("everybody"),
            Others::Group(name) => write!(f, "group `{name}`"),
            Others::Listed => f.write_str("a user or group of its access control list"),
        }
    }
}

impl Others {
    /// The command that takes it away, without the path.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Others::Everybody => "chmod o-w",
            Others::Group(_) => "chmod g-w",
            Others::Listed => "setfacl -b",
        }
    }
}

/// The users whose files are taken: root, us, and under sudo who called it.
pub(super) fn owners() -> Vec<u32> {
    let us = nix::unistd::geteuid().as_raw();
    [0, us].into_iter().chain(sudo_uid()).filter(|uid| is_one_user(*uid)).collect()
}

/// Returns the users besides the owners who can write to `path`, whose metadata this is.
///
/// With a umask of 002 everything that a user makes can be written by the user's group. That is
/// safe, and usual, where the group is the user's own: the one that pam_umask(8) sets this umask
/// for.
pub(super) fn who_can_write(path: &Path, meta: &Metadata) -> Option<Others> {
    if meta.mode() & 0o002 != 0 {
        return Some(Others::Everybody);
    }
    // With an access control list these bits are the most that it grants to anybody it names.
    if meta.mode() & 0o020 == 0 {
        return None;
    }
    if has_list(path) {
        return Some(Others::Listed);
    }
    let gid = Gid::from_raw(meta.gid());
    let group = Group::from_gid(gid).ok().flatten();
    let users = owners().into_iter().filter_map(|uid| User::from_uid(Uid::from_raw(uid)).ok()?);
    if group.as_ref().is_some_and(|group| users.into_iter().any(|user| is_private(group, &user))) {
        return None;
    }
    Some(Others::Group(group.map_or_else(|| gid.to_string(), |group| group.name)))
}

/// Whether a group is this user's own: their primary one, of their name, with no other member.
fn is_private(group: &Group, user: &User) -> bool {
    let is_user = |name: &String| *name == user.name;
    user.gid == group.gid
        && is_user(&group.name)
        && group.mem.iter().all(is_user)
        && !is_another_s(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), group.gid, &user.name)
}

/// Whether passwd(5) has another user whose primary group this is: the group itself does not list
/// them.
fn is_another_s(passwd: &str, gid: Gid, name: &str) -> bool {
    passwd.lines().any(|line| {
        let mut fields = line.split(':');
        let user = fields.next().unwrap_or_default();
        let of_user = fields.nth(2).and_then(|gid| gid.parse().ok());
        user != name && of_user == Some(gid.as_raw())
    })
}

/// Whether there is an access control list: the kernel keeps none that says what the mode says
/// already.
#[cfg(target_os = "linux")]
fn has_list(path: &Path) -> bool {
    use rustix::io::Errno;
    // No list fits: what matters is whether there is one.
    let found = rustix::fs::getxattr(path, "system.posix_acl_access", &mut [0_u8; 1]);
    !matches!(found, Err(Errno::NODATA | Errno::NOTSUP))
}

/// macOS keeps its lists apart from the mode, and shows them to no call that is safe: they are not
/// looked at.
#[cfg(not(target_os = "linux"))]
fn has_list(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, gid: u32) -> User {
        let mut user = User::from_uid(Uid::from_raw(0)).unwrap().unwrap();
        (user.name, user.gid) = (name.to_owned(), Gid::from_raw(gid));
        user
    }

    fn group(name: &str, gid: u32, members: &[&str]) -> Group {
        let mut group = Group::from_gid(Gid::from_raw(0)).unwrap().unwrap();
        (group.name, group.gid) = (name.to_owned(), Gid::from_raw(gid));
        group.mem = members.iter().map(|member| (*member).to_owned()).collect();
        group
    }

    #[test]
    fn group_is_private_with_its_user_alone() {
        // No passwd has a gid like this.
        let (ann, gid) = (user("ann", 4_000_000), 4_000_000);
        assert!(is_private(&group("ann", gid, &[]), &ann) && is_private(&group("ann", gid, &["ann"]), &ann));
        assert!(!is_private(&group("ann", gid, &["ann", "bob"]), &ann), "with another member");
        assert!(!is_private(&group("staff", gid, &[]), &ann), "shared by its name");
        assert!(!is_private(&group("ann", gid + 1, &[]), &ann), "not the primary one");
    }

    #[test]
    fn primary_group_of_another_user_is_not_private() {
        let passwd =
            "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1000::/:/bin/sh\n";
        assert!(is_another_s(passwd, Gid::from_raw(1000), "ann"));
        assert!(!is_another_s(passwd, Gid::from_raw(0), "root"));
    }
}
