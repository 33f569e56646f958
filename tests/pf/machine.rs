//! The pf of a test: the kernel's, or the stand-in's.

use std::env;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::evaluated::Evaluated;
use crate::held::{Anchor, Token};
use crate::kernel::Kernel;
use crate::pfctl::{self, Answer};
use crate::service::Service;

/// Names the pfctl of this machine.
const VARIABLE: &str = "DLVGATE_TEST_PFCTL";

/// The address from which everybody on this machine connects, and the one at which the services
/// are.
pub const PEER: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Another address of the loopback interface.
pub const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// A user who is not root, on every system.
pub const DAEMON: u32 = 1;

/// The user of the tests: on a Mac, root.
pub fn me() -> u32 {
    nix::unistd::getuid().as_raw()
}

/// A pfctl, and packets that go through what it has loaded.
pub trait Pf {
    fn pfctl(&self) -> &Path;

    /// Makes a program, pfctl or one that runs it, use this pf.
    fn equip(&self, command: &mut Command);

    /// Makes this call of pfctl one of a user who is not root.
    fn as_user(&self, command: &mut Command);

    /// Connects from this address to a service on 127.0.0.1, over the loopback interface.
    fn connect(&self, from: Ipv4Addr, port: u16) -> Outcome;

    /// What a program of this user hears that connects to a service on 127.0.0.1.
    fn user_hears(&self, uid: u32, port: u16) -> Heard;

    /// Whether a connection from this address passes whose first packet comes in fragments; `None`:
    /// it cannot be tried here.
    fn passes_in_fragments(&self, from: Ipv4Addr, port: u16) -> Option<bool>;

    fn passes(&self, from: Ipv4Addr, port: u16) -> bool {
        matches!(self.connect(from, port), Outcome::Connected(_))
    }
}

/// What becomes of an attempt to connect.
pub enum Outcome {
    Connected(Box<dyn Connection>),
    /// The client is told at once.
    Refused,
    /// The client waits in vain.
    Silent,
}

/// What a program hears that connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    Connected,
    /// An error, at once.
    Error,
    /// Nothing: it waits.
    Nothing,
}

pub trait Connection {
    /// Whether a byte goes there and comes back.
    fn carries(&mut self) -> bool;
}

/// This test's pf. With a real one, tests run one after another.
pub struct Machine {
    pf: Box<dyn Pf>,
    is_real: bool,
    /// How many a test has taken.
    anchors: AtomicU32,
    _alone: Option<MutexGuard<'static, ()>>,
}

impl Machine {
    pub fn new() -> Machine {
        static ALONE: Mutex<()> = Mutex::new(());
        let Some(pfctl) = env::var_os(VARIABLE) else {
            let pf = Box::new(Evaluated::new());
            return Machine { pf, is_real: false, anchors: AtomicU32::new(0), _alone: None };
        };
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let pf = Box::new(Kernel::new(pfctl.into()));
        let machine = Machine { pf, is_real: true, anchors: AtomicU32::new(0), _alone: Some(alone) };
        machine.sweep();
        machine
    }

    /// Runs pfctl.
    pub fn run(&self, arguments: &[&str], stdin: &str) -> Answer {
        self.call(arguments, stdin, |_| {})
    }

    /// Runs pfctl as a user who is not root.
    pub fn run_as_user(&self, arguments: &[&str], stdin: &str) -> Answer {
        self.call(arguments, stdin, |command| self.pf.as_user(command))
    }

    fn call(&self, arguments: &[&str], stdin: &str, change: impl FnOnce(&mut Command)) -> Answer {
        if self.is_real {
            pfctl::assert_harmless(arguments);
        }
        let mut command = Command::new(self.pf.pfctl());
        self.pf.equip(command.args(arguments));
        change(&mut command);
        pfctl::run(command, stdin)
    }

    /// The standard output of a call that must succeed without a complaint.
    pub fn says(&self, arguments: &[&str]) -> String {
        let answer = self.run(arguments, "");
        assert_eq!((answer.code, answer.complaint.as_str()), (Some(0), ""), "{arguments:?}");
        answer.stdout
    }

    /// The names are the same in every run: on a Mac they stay listed until it is restarted.
    pub fn anchor(&self) -> Anchor<'_> {
        let number = self.anchors.fetch_add(1, Ordering::Relaxed);
        self.anchor_at(&number.to_string())
    }

    /// The anchor whose name ends so.
    pub fn anchor_at(&self, name: &str) -> Anchor<'_> {
        Anchor::new(self, format!("{}{name}", pfctl::OURS))
    }

    /// Enables pf.
    pub fn token(&self) -> Token<'_> {
        Token::take(self)
    }

    /// `dlvgate …`, with this pf where it takes one.
    pub fn dlvgate(&self, command: &[&str]) -> Command {
        let mut dlvgate = Command::new(env!("CARGO_BIN_EXE_dlvgate"));
        dlvgate.args(command).arg("--pfctl").arg(self.pf.pfctl());
        self.pf.equip(&mut dlvgate);
        // a gate is for who called sudo, and it is root that connects here
        dlvgate.env_remove("SUDO_UID");
        dlvgate
    }

    pub fn connect(&self, from: Ipv4Addr, service: &Service) -> Outcome {
        self.pf.connect(from, service.port())
    }

    pub fn passes(&self, from: Ipv4Addr, service: &Service) -> bool {
        self.pf.passes(from, service.port())
    }

    pub fn user_connects(&self, uid: u32, service: &Service) -> bool {
        self.user_hears(uid, service) == Heard::Connected
    }

    pub fn user_hears(&self, uid: u32, service: &Service) -> Heard {
        self.pf.user_hears(uid, service.port())
    }

    pub fn passes_in_fragments(&self, from: Ipv4Addr, service: &Service) -> Option<bool> {
        self.pf.passes_in_fragments(from, service.port())
    }

    /// Flushes what an earlier run of these tests has left when it was killed.
    fn sweep(&self) {
        for anchor in self.says(&["-v", "-s", "Anchors"]).lines().map(str::trim) {
            if anchor.starts_with(pfctl::OURS) {
                drop(Anchor::new(self, anchor.to_owned()));
            }
        }
    }
}
