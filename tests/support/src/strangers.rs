//! Those who have no business at a port and keep trying it, as fast as they can.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::{Uid, setfsuid};

use crate::link::connect;
use crate::namespace::Namespace;

/// `nobody` on Debian.
pub const NOBODY: u32 = 65_534;

/// A connection that must not come about.
#[derive(Clone, Debug)]
pub struct Door {
    /// The address that it is tried from.
    pub from: &'static str,
    /// The address that must not answer.
    pub to: SocketAddr,
    /// The user who tries.
    pub user: u32,
}

impl Door {
    /// Tries it once, in the network namespace of the thread.
    pub fn opens(&self) -> bool {
        // A socket is its file-system user's, who is the thread's own; what the process may do
        // stays.
        let before = setfsuid(Uid::from_raw(self.user));
        let opened = connect(self.from, self.to).is_ok();
        setfsuid(before);
        opened
    }
}

/// The outcome of trying.
#[derive(Debug, Default)]
pub struct Tried {
    /// How many attempts there were.
    pub times: usize,
    /// The doors that opened, as often as they did.
    pub opened: Vec<Door>,
}

/// Does something while others keep trying these doors, each list in its namespace; gives what came
/// of either.
pub fn meanwhile<T>(strangers: &[(&Namespace, Vec<Door>)], action: impl FnOnce() -> T) -> (Vec<Tried>, T) {
    let stop = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let trying: Vec<_> = strangers
            .iter()
            .map(|(namespace, doors)| scope.spawn(move || namespace.inside(|| keep_trying(doors, stop))))
            .collect();
        let done = {
            let _stopped = Stop(stop);
            action()
        };
        (trying.into_iter().map(|one| one.join().expect("they try")).collect(), done)
    })
}

/// Stops them when dropped, also by a test that fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Tries one door after the other, over and over, until told to stop; then once more each.
fn keep_trying(doors: &[Door], stop: &AtomicBool) -> Tried {
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
