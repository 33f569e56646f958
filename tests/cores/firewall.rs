//! The parts that decide about gates.

mod backend;
mod error;
pub mod guard;
pub mod nftables;
mod peer;
pub mod pf;

pub use backend::{FirewallBackend, BackendError, LoadedGate, GateOwner, Programs};
pub use error::FirewallError;
pub use peer::{Peer, PeerError};
