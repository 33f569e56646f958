//! The parts that decide about gates.

mod error;
pub mod guard;
pub mod nftables;
mod peer;
pub mod pf;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use error::FirewallError;
pub use peer::{Peer, PeerError};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    Pf,
    Nftables,
}

impl Backend {
    pub const NATIVE: Backend = Backend::Nftables;
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Pf => "pf",
            Backend::Nftables => "nftables",
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub pid: u32,
    pub uid: u32,
}
