//! The server's log: JSON lines on stderr, of which some tell a session's transitions.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::PATIENCE;

/// The transitions of a session that goes as it should, in this order.
pub const WHOLE_SESSION: [&str; 12] = [
    "first_byte",
    "dlv_starting",
    "dlv_ready",
    "gate_opening",
    "gate_open",
    "upstream_connected",
    "forwarding",
    "ending",
    "gate_shut",
    "dlv_stopped",
    "gate_removed",
    "closed",
];

/// One transition of one session.
#[derive(Clone, Debug)]
pub struct Transition {
    /// The session's number; 0 belongs to none.
    pub session: u64,
    /// Its name, such as `gate_open`.
    pub name: String,
    /// Microseconds since the session began.
    pub at_us: u64,
    /// Microseconds since the epoch.
    pub wall_us: u64,
    /// The whole line.
    pub line: Value,
}

/// The log as it grows.
#[derive(Clone, Default)]
pub struct Log {
    shared: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Log {
    /// Collects lines from `source` until it ends.
    pub fn follow(&self, source: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                log.lock().push(String::from_utf8_lossy(&line).into_owned());
                log.shared.1.notify_all();
            }
        });
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// How many lines there are so far.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Every line so far, which are forgotten: for servers that write more than a test can keep.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lock())
    }

    /// Every transition so far, in the order of the log.
    pub fn transitions(&self) -> Vec<Transition> {
        self.lines().iter().filter_map(|line| transition(line)).collect()
    }

    /// The transitions so far of one session.
    pub fn of(&self, session: u64) -> Vec<Transition> {
        self.transitions().into_iter().filter(|one| one.session == session).collect()
    }

    /// The sessions so far for which this transition was logged, in order.
    pub fn sessions_with(&self, name: &str) -> Vec<u64> {
        let all = self.transitions().into_iter().filter(|one| one.name == name);
        all.map(|one| one.session).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Waits until `probe` finds something in the transitions; `what` names it.
    pub fn wait<T>(&self, what: &str, probe: impl Fn(&[Transition]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.lock();
        loop {
            let transitions: Vec<Transition> = lines.iter().filter_map(|line| transition(line)).collect();
            if let Some(found) = probe(&transitions) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(lines);
                panic!("the log never shows {what}");
            }
            lines = self.shared.1.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the `count`th transition of this name, of whatever session.
    pub fn wait_for(&self, name: &str, count: usize) -> Transition {
        self.wait(&format!("{name} for the {count}. time"), |transitions| {
            transitions.iter().filter(|one| one.name == name).nth(count - 1).cloned()
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn transition(line: &str) -> Option<Transition> {
    // A dlv that was killed in the middle of a line has no end to it.
    let own = line.find("{\"timestamp\"").unwrap_or_default();
    let line: Value = serde_json::from_str(&line[own..]).ok()?;
    Some(Transition {
        session: line["session"].as_u64()?,
        name: line["transition"].as_str()?.to_owned(),
        at_us: line["at_us"].as_u64()?,
        wall_us: line["wall_us"].as_u64()?,
        line,
    })
}
