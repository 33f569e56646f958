//! Access control lists: who may write to a file besides those whom its mode names.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Whether a list lets others than root write to this file, which is root's and of root's group.
///
/// # Errors
/// If the list cannot be read.
pub(super) fn lets_others_write(path: &Path, meta: &Metadata) -> io::Result<bool> {
    os::lets_others_write(path, meta)
}

/// acl(5): the bits of a file's group are then the most that any entry gives, so that a file of
/// root's group looks as if its group alone could write.
#[cfg(target_os = "linux")]
mod os {
    use std::fs::Metadata;
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    use rustix::io::Errno;

    pub(super) fn lets_others_write(path: &Path, meta: &Metadata) -> io::Result<bool> {
        if meta.mode() & 0o020 == 0 {
            return Ok(false);
        }
        let mut byte = [0_u8; 1]; // whether there is one is all that is asked
        match rustix::fs::lgetxattr(path, "system.posix_acl_access", &mut byte) {
            Ok(_) | Err(Errno::RANGE) => Ok(true),
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// macOS: a list is apart from the mode, which does not show it.
#[cfg(not(target_os = "linux"))]
mod os {
    use std::fs::Metadata;
    use std::io;
    use std::path::Path;
    use std::process::Command;

    pub(super) fn lets_others_write(path: &Path, _: &Metadata) -> io::Result<bool> {
        let output = Command::new("/bin/ls").arg("-lde").arg(path).env_clear().env("LC_ALL", "C").output()?;
        if !output.status.success() {
            return Err(io::Error::other("its access control list cannot be read"));
        }
        Ok(super::listed_others_write(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// What changes a file or a folder, in macOS's ls(1).
#[cfg(any(test, not(target_os = "linux")))]
const CHANGES: [&str; 10] = [
    "write",
    "append",
    "add_file",
    "add_subdirectory",
    "delete",
    "delete_child",
    "writeattr",
    "writeextattr",
    "writesecurity",
    "chown",
];

/// Whether an entry of `ls -lde` lets others than root change the file:
/// ` 0: user:bob allow add_file,delete`.
#[cfg(any(test, not(target_os = "linux")))]
fn listed_others_write(listing: &str) -> bool {
    listing.lines().skip(1).any(|entry| {
        let Some((who, rights)) = entry.rsplit_once(" allow ") else { return false };
        !who.contains(": user:root") && rights.trim().split(',').any(|right| CHANGES.contains(&right))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macos_list_that_lets_others_write_is_seen() {
        let folder = "drwxr-xr-x+ 3 root  wheel  96 Nov 29 10:00 /Library/PrivilegedHelperTools\n";
        let says = |entries: &str| listed_others_write(&format!("{folder}{entries}"));
        assert!(says(" 0: user:bob allow add_file,search\n"));
        assert!(says(" 0: group:everyone deny delete\n 1: user:bob inherited allow list,delete_child\n"));
        for harmless in [
            "",
            " 0: group:everyone deny delete,add_file\n",
            " 0: user:bob allow list,search,readattr\n",
            " 0: user:root allow add_file\n",
        ] {
            assert!(!says(harmless), "{harmless}");
        }
    }

    /// acl(5) as the kernel has it: a version, then entries of a tag, permissions and a user.
    #[cfg(target_os = "linux")]
    #[test]
    fn acl_behind_the_group_bits_is_seen() {
        use rustix::fs::{XattrFlags, setxattr};
        use rustix::io::Errno;
        let file = tempfile::NamedTempFile::new().unwrap();
        let entries: [(u16, u16, u32); 5] =
            [(1, 6, u32::MAX), (2, 6, 65_534), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 4, u32::MAX)];
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, user) in entries {
            list.extend([tag.to_le_bytes(), permissions.to_le_bytes()].concat());
            list.extend(user.to_le_bytes());
        }
        let sees = || lets_others_write(file.path(), &file.path().metadata().unwrap()).unwrap();
        assert!(!sees());
        match setxattr(file.path(), "system.posix_acl_access", &list, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => {
                println!("not run: the folder for temporary files has no access control lists")
            }
            set => {
                set.unwrap();
                assert!(sees(), "user 65534 may write");
            }
        }
    }
}
