//! All that a state of the model holds.

use std::collections::VecDeque;

use dlvgate::firewall::guard::request_tracker::RequestTracker;
use dlvgate::firewall::guard::state_machine::GuardState;
use dlvgate::firewall::guard::wire::Operation;
use dlvgate::session::Lifecycle;

/// Ports that a dlv may have. The model's are 0 and up; the guard takes no port below 1024.
pub const PORTS: usize = 2;

/// A port, by its place.
pub type Port = usize;

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Sessions, spares and shared dlvs; none where the proxy was killed.
    pub holders: Vec<Holder>,
    pub proxy: Proxy,
    pub pipe: Pipe,
    pub guard: Guard,
    /// The packet filter, port by port.
    pub filter: [Rules; PORTS],
    /// Whether the journal on disk names the port.
    pub noted: [bool; PORTS],
    /// What keeps pf enabled is taken.
    pub token: bool,
    /// The journal on disk tells of it.
    pub token_noted: bool,
    /// A dlv listens.
    pub listens: [bool; PORTS],
    /// A foreign dlv: we must not end it.
    pub foreign: [bool; PORTS],
    /// A change to the port's rules or to the disk has failed: that something is left is said, not
    /// hidden.
    pub excused: bool,
    /// How many faults may still happen.
    pub faults: usize,
}

/// A holder of a dlv, a gate, a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    pub kind: Kind,
    pub lifecycle: Lifecycle,
    pub port: Option<Port>,
    /// Its dlv listens.
    pub runs: bool,
    pub connected: bool,
    /// A byte of the client's went to dlv.
    pub forwarded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A session with its own dlv.
    Own,
    /// A session that takes a spare, where there is one.
    Warm,
    Spare,
    /// A session on a dlv that all share.
    Joining,
    /// That dlv.
    Server,
    /// A session on a foreign dlv, behind a gate.
    Foreign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proxy {
    Serves,
    /// All that it held is closed, and the pipe.
    Ended,
    Killed,
}

/// The pipe between proxy and guard, both directions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pipe {
    pub turns: RequestTracker,
    /// The holder that waits for an answer: one at a time.
    pub waits: Option<usize>,
    pub requests: VecDeque<(u64, Ask)>,
    /// Whether it was done.
    pub answers: VecDeque<(u64, bool)>,
}

/// A request, as far as the model needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    Open(Port),
    Shut(Port),
    Drop(Port),
    /// The `drop` of a gate whose session has given up.
    GiveBack(Port),
}

impl Ask {
    pub fn port(self) -> Port {
        let (Ask::Open(port) | Ask::Shut(port) | Ask::Drop(port) | Ask::GiveBack(port)) = self;
        port
    }

    pub fn operation(self) -> Operation {
        let port = number(self.port());
        match self {
            Ask::Open(_) => Operation::Open { port, peers: Vec::new(), socket: false },
            Ask::Shut(_) => Operation::Shut { port },
            Ask::Drop(_) | Ask::GiveBack(_) => Operation::Drop { port },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Guard {
    Runs {
        state: GuardState,
        /// The request that is being worked on, and whether a step of it has failed.
        at: Option<(u64, Ask)>,
        failed: bool,
        /// The pipe is over.
        ending: bool,
    },
    Ended,
    Killed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rules {
    None,
    /// Loaded, and not read back.
    Loaded,
    Open,
    Shut,
}

/// As the guard numbers it.
pub fn number(port: Port) -> u16 {
    40_000 + u16::try_from(port).unwrap()
}

/// As the model numbers it.
pub fn place(number: u16) -> Port {
    usize::from(number - 40_000)
}

impl World {
    pub fn gates_are_left(&self) -> bool {
        self.filter.iter().any(|rules| *rules != Rules::None)
    }
}
