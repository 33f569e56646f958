//! The stand-in for dlv from the test's side: it is held at moments, let go, and given orders.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use dlvgate_test_support::{PATIENCE, standin};

/// The stand-in, under dlv's name.
pub fn program(folder: &Path) -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = folder.join("dlv");
        // By another process: a handle open for writing, which a child of another thread inherits,
        // makes it "busy".
        assert!(
            Command::new("cp").arg(standin::example("standin-dlv")).arg(&path).status().unwrap().success()
        );
        path
    })
}

#[derive(Default)]
struct State {
    moments: Vec<String>,
    pid: Option<i32>,
    orders: Option<UnixStream>,
}

/// The first stand-in of a server is held, and takes orders; those after it do as a good dlv.
#[derive(Clone)]
pub struct Strings {
    shared: Arc<(Mutex<State>, Condvar)>,
    pub path: PathBuf,
}

impl Strings {
    /// `held`: the moments at which it is held, with commas between.
    pub fn new(folder: &Path, held: &'static str) -> Self {
        let path = folder.join("strings");
        let listener = UnixListener::bind(&path).unwrap();
        let strings = Self { shared: Arc::default(), path };
        let theirs = strings.clone();
        std::thread::spawn(move || {
            let mut held = held;
            for stream in listener.incoming().map_while(Result::ok) {
                theirs.follow(stream, std::mem::take(&mut held));
            }
        });
        strings
    }

    /// Until this one ends.
    fn follow(&self, mut stream: UnixStream, held: &str) {
        if writeln!(stream, "{held}").is_err() {
            return;
        }
        let is_first = self.state().orders.is_none();
        let moments = BufReader::new(stream.try_clone().unwrap());
        if is_first {
            self.state().orders = Some(stream);
        }
        let theirs = self.clone();
        std::thread::spawn(move || {
            for line in moments.lines().map_while(Result::ok) {
                let (pid, moment) = line.split_once(' ').expect("PID MOMENT");
                if is_first {
                    let mut state = theirs.state();
                    state.pid = pid.parse().ok();
                    state.moments.push(moment.to_owned());
                    theirs.shared.1.notify_all();
                }
            }
            drop(theirs);
        });
    }

    /// Waits until it is at this moment.
    pub fn wait(&self, moment: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        while !state.moments.iter().any(|one| one == moment) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(left > Duration::ZERO, "never {moment:?}, but {:?}", state.moments);
            state = self.shared.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives it an order; one that is gone hears none.
    pub fn order(&self, order: &str) {
        if let Some(orders) = &mut self.state().orders {
            let _ = writeln!(orders, "{order}");
        }
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.wait("started");
        self.state().pid.expect("it has started")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
