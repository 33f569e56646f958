//! Those who have no business at a port and keep trying it, as fast as they can.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::{Uid, setfsuid};

use super::link::connect;

/// `nobody` on Debian.
pub const NOBODY: u32 = 65_534;

/// A connection that must not come about.
#[derive(Clone, Debug)]
pub struct Door {
    pub from: &'static str,
    pub to: SocketAddr,
    pub user: u32,
}

impl Door {
    /// Tries it once, in the network namespace of the thread.
    pub fn opens(&self) -> bool {
        // A socket is its file-system user's, who is the thread's own; what the process may do stays.
        let before = setfsuid(Uid::from_raw(self.user));
        let opened = connect(self.from, self.to).is_ok();
        setfsuid(before);
        opened
    }
}

/// What came of trying.
#[derive(Debug, Default)]
pub struct Tried {
    pub times: usize,
    /// The doors that opened, as often as they did.
    pub opened: Vec<Door>,
}

/// Tries one door after the other, over and over, until told to stop; then once more each.
pub fn keep_trying(doors: &[Door], stop: &AtomicBool) -> Tried {
    let mut tried = Tried::default();
    loop {
        let last = stop.load(Ordering::Relaxed);
        for door in doors {
            tried.times += 1;
            if door.opens() {
                tried.opened.push(door.clone());
            }
        }
        if last {
            return tried;
        }
    }
}
