//! The gate: what the packet filter is told about one port, and by whom.
//!
//! The rest of the program sees three operations on a port (open it for peers, shut it for
//! everybody, remove every trace) and nothing of rules, anchors or tokens. The [`guard`], a process
//! of its own, drives the packet filter: [`pf`] or [`nftables`], each a folder of the same shape.

mod backend;
mod call;
mod choice;
mod error;
pub mod explain;
mod gate;
pub mod guard;
pub mod nftables;
mod off;
mod peer;
pub mod persist;
pub mod pf;
pub mod status;
pub mod watch;

pub use backend::{Backend, BackendError, Loaded, Owner, Programs};
pub use choice::{Choice, Parts, sweep};
pub use error::FirewallError;
pub use gate::{Firewall, Gate};
pub use guard::client::Start;
pub use off::Off;
pub use peer::{Peer, PeerError};
