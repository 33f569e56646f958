//! The sessions of `fixtures/sessions`: what a client does in each, against whatever is at the
//! address: a real dlv while it is recorded, and the recording afterwards.

mod data;
mod ends;
mod json_rpc;
mod running;

use std::net::SocketAddr;

use dlvgate_test_support::client::Client;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::toolchain::Pair;

/// What listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listens {
    /// `dlv dap`; the program was built before.
    Dap,
    /// `dlv dap`, which builds the program.
    Builds,
    /// `dlv dap`; the program runs already.
    Attaches,
    /// A headless dlv with the program.
    Headless,
}

/// A client's session.
pub struct Scenario {
    /// The recording's name.
    pub name: &'static str,
    /// A folder of `fixtures/programs`.
    pub program: &'static str,
    pub listens: Listens,
    pub play: fn(&Stage<'_>),
    /// What falls out differently each time, as `dlvgate replay --ignore` takes it.
    pub ignore: &'static [&'static str],
}

/// Where a session is played.
pub struct Stage<'a> {
    pub front: SocketAddr,
    pub program: &'a Program,
    pub dlv: &'a Pair,
    /// The running program, for a client that attaches.
    pub pid: i32,
}

impl Stage<'_> {
    pub fn client(&self) -> Client {
        Client::connect(self.front)
    }
}

/// All of them.
pub fn all() -> Vec<Scenario> {
    [data::ALL, ends::ALL, json_rpc::ALL, running::ALL].into_iter().flatten().map(|make| make()).collect()
}
