//! What one cell has to itself: a packet filter, a dlv on strings, a server, a client.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dlvgate_test_support::PATIENCE;
use dlvgate_test_support::client::Client;
use dlvgate_test_support::gate::StandinPf;
use dlvgate_test_support::ports::free_ports;
use dlvgate_test_support::process::children;
use dlvgate_test_support::server::Server;
use dlvgate_test_support::toolchain::Pair;
use tempfile::TempDir;

use super::cell::Cell;
use super::clock::Clock;
use super::disk::Disk;
use super::fault::Fault;
use super::step::Step;
use super::strings::{self, Strings};

/// While nothing happens for so long, the clock is moved.
const QUIET: Duration = Duration::from_millis(60);

/// By so many seconds: less than one call of pfctl may take, which must not seem to hang.
const LEAP: i64 = 4;

/// How often in a row, before a client has waited long enough: two minutes.
const LEAPS: usize = 30;

pub struct Stage {
    pub cell: Cell,
    /// `None` once it has gone.
    pub client: Option<Client>,
    pub server: Server,
    pub guard: i32,
    pub pf: StandinPf,
    pub strings: Strings,
    pub disks: Vec<Disk>,
    pub clock: Clock,
    pub recordings: Option<PathBuf>,
    /// The file that holds the guard at the fault point, while it is there.
    pub marker: PathBuf,
    /// How many descriptors it had before they were taken from it.
    pub descriptors: Option<u64>,
    _folder: TempDir,
}

impl Stage {
    /// A server without a session.
    pub fn new(cell: Cell, programs: &Path) -> Self {
        let folder = tempfile::Builder::new().prefix("dlvgate-faults-").tempdir().unwrap();
        let held = if cell.is_real() { "" } else { cell.step.held() };
        let (pf, pair) = (StandinPf::fresh(), Pair::any());
        let strings = Strings::new(folder.path(), held);
        let clock = Clock::new(folder.path());
        let marker = folder.path().join("held");
        let recordings = folder.path().join("recordings");
        let mut disks = Vec::new();
        if cell.fault == Fault::DiskFull {
            disks = vec![Disk::new(Path::new(pf.journals())), Disk::new(&recordings)];
        }
        let mut serve = pf.serve(&pair).env("STANDIN_DLV_CONTROL", &strings.path);
        if !cell.is_real() {
            serve = serve.dlv(strings::program(programs));
        }
        if cell.step == Step::Gate {
            serve = serve.env("DLVGATE_FAULT_POINT", format!("load={}", marker.display()));
        }
        if cell.is_hurried() || matches!(cell.fault, Fault::ClockForward | Fault::ClockBack) {
            serve = clock.given_to(serve);
        }
        if cell.may_leave_its_gate() {
            serve = serve.flags(["--dlv-port", &free_ports(1).to_string()]);
        }
        let recordings = cell.is_recorded().then_some(recordings);
        if let Some(recordings) = &recordings {
            serve = serve.flags(["--record".as_ref(), recordings.as_os_str()]);
        }
        let server = serve.start();
        let guard = server.guard().pid;
        Self {
            cell,
            client: None,
            server,
            guard,
            pf,
            strings,
            disks,
            clock,
            recordings,
            marker,
            descriptors: None,
            _folder: folder,
        }
    }

    /// Lets the held process go on.
    pub fn release(&self) {
        self.strings.order("release");
        let _ = std::fs::remove_file(&self.marker);
    }

    /// Waits until `done`, or until the client has waited for too long. In a cell in which time
    /// limits pass, they do.
    pub fn until(&mut self, mut done: impl FnMut(&mut Self) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let (mut leaps, mut seen, mut since) = (0, 0, Instant::now());
        while !done(self) {
            let now = self.server.log.count() + self.client.as_ref().map_or(0, |one| one.arrivals().len());
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
            if self.cell.is_hurried() && since.elapsed() >= QUIET && !self.is_at_the_filter() {
                if leaps == LEAPS {
                    return false;
                }
                leaps += 1;
                self.pass(LEAP);
                since = Instant::now();
            }
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        true
    }

    /// Time passes.
    pub fn pass(&self, seconds: i64) {
        self.clock.pass(seconds, &[self.server.pid(), self.guard]);
    }

    /// A call of pfctl is under way that is not meant to take long: the machine is slow.
    fn is_at_the_filter(&self) -> bool {
        self.cell.fault != Fault::PfctlHangs && !children(self.guard).is_empty()
    }
}
