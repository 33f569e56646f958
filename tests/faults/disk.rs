//! A disk of a few pages, that a test fills. It is mounted where this test alone sees it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, unshare};

/// Gives this thread, and those that it starts, a table of mounts of their own. Whether it can.
pub fn can_be_mounted() -> bool {
    let own = nix::unistd::geteuid().is_root()
        && unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).is_ok()
        && succeeds(Command::new("mount").args(["--make-rprivate", "/"]));
    if !own {
        println!("not run: a disk that is full needs root");
    }
    own
}

/// A small disk.
pub struct Disk {
    pub path: PathBuf,
}

impl Disk {
    /// Mounts one at this path.
    pub fn new(path: &Path) -> Self {
        fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"]).arg(path);
        assert!(succeeds(&mut mount), "a tmpfs");
        Self { path: path.to_owned() }
    }

    /// Leaves no byte free.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.path.join("filling")).unwrap();
        for size in [4096, 1] {
            while file.write(&vec![b'x'; size]).is_ok_and(|written| written > 0) {}
        }
    }

    /// Gives it all back.
    pub fn empty(&self) {
        let _ = fs::remove_file(self.path.join("filling"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = succeeds(Command::new("umount").arg("--lazy").arg(&self.path));
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
