//! The gate: the packet filter's rules for one port, and the processes that load them.
//!
//! The rest of the program sees three operations on a port (open it for peers, shut it for
//! everybody, remove every trace) and nothing of rules, anchors or tokens. The [`guard`], a process
//! of its own, drives the packet filter: [`pf`] or [`nftables`], each a folder of the same shape.

mod backend;
mod command;
mod disabled;
mod error;
pub mod explain;
mod gate;
pub mod guard;
mod mode;
pub mod nftables;
mod peer;
pub mod persist;
pub mod pf;
pub mod status;
pub mod watch;

pub use backend::{BackendError, FirewallBackend, GateOwner, LoadedGate, Programs};
pub use disabled::Disabled;
pub use error::FirewallError;
pub use gate::{Firewall, Gate};
pub use guard::client::Start;
pub use mode::{FirewallMode, Parts, sweep};
pub use peer::{Peer, PeerError};
