//! The packet filter as the guard drives it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::journal::{Record, Token};
use crate::firewall::nftables::Nftables;
use crate::firewall::pf::{Pf, TokenNotes};
use crate::firewall::{Backend, FirewallError, Owner, Peer, nftables, pf};

/// A gate that was not opened.
pub(in crate::firewall) struct Refused {
    pub(in crate::firewall) why: FirewallError,
    /// Whether rules of it may be left all the same.
    pub(in crate::firewall) may_be_left: bool,
}

/// A gate found in the packet filter: the guard in its name, and the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Loaded {
    /// The guard's process id.
    pub pid: u32,
    /// The port.
    pub port: u16,
}

/// What the guard needs of a packet filter; apart from it so that the guard can be tested against
/// anything.
pub(in crate::firewall) trait Driver {
    /// `at`: this machine's addresses at which the port is gated; none: all.
    async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), Refused>;
    async fn shut(&self, port: u16) -> Result<(), FirewallError>;
    async fn remove(&self, port: u16) -> Result<(), FirewallError>;
    /// Whether there is anything to get past.
    async fn is_filtering(&self) -> Result<bool, FirewallError>;
    /// Whether gates would work.
    async fn check(&self) -> Result<(), FirewallError>;
    /// Every gate of any guard.
    async fn loaded(&self) -> Result<Vec<Loaded>, FirewallError>;
    /// Removes what a guard that is dead has left.
    async fn sweep(&self, left: &Record) -> Result<(), FirewallError>;
}

/// The programs that the drivers run: the system's own, at fixed places, unless a test names
/// others.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// pf's.
    pub pfctl: Option<PathBuf>,
    /// nftables'.
    pub nft: Option<PathBuf>,
}

/// The system's own program of this packet filter, where it is or would be.
pub(super) fn system_program(backend: Backend) -> PathBuf {
    match backend {
        Backend::Pf => pf::PFCTL.into(),
        Backend::Nftables => nftables::find(),
    }
}

/// One of the two.
pub(in crate::firewall) enum Filter {
    Nftables(Nftables),
    Pf(Pf),
}

impl Filter {
    pub(in crate::firewall) fn new(
        backend: Backend,
        programs: &Programs,
        owner: Owner,
        notes: Arc<dyn TokenNotes>,
    ) -> Filter {
        match backend {
            Backend::Pf => {
                let pfctl = programs.pfctl.clone().unwrap_or_else(|| system_program(backend));
                Filter::Pf(Pf::new(pfctl, owner, notes))
            }
            Backend::Nftables => {
                let nft = programs.nft.clone().unwrap_or_else(|| system_program(backend));
                Filter::Nftables(Nftables::new(nft, owner))
            }
        }
    }
}

impl Driver for Filter {
    async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), Refused> {
        match self {
            Filter::Nftables(nftables) => nftables.open(port, peers, at).await,
            Filter::Pf(pf) => pf.open(port, peers, at).await,
        }
    }

    async fn shut(&self, port: u16) -> Result<(), FirewallError> {
        match self {
            Filter::Nftables(nftables) => nftables.shut(port).await,
            Filter::Pf(pf) => pf.shut(port).await,
        }
    }

    async fn remove(&self, port: u16) -> Result<(), FirewallError> {
        match self {
            Filter::Nftables(nftables) => nftables.remove(port).await,
            Filter::Pf(pf) => pf.remove(port).await,
        }
    }

    async fn is_filtering(&self) -> Result<bool, FirewallError> {
        match self {
            Filter::Nftables(nftables) => nftables.is_filtering().await,
            Filter::Pf(pf) => pf.is_filtering().await,
        }
    }

    async fn check(&self) -> Result<(), FirewallError> {
        match self {
            Filter::Nftables(nftables) => nftables.check().await,
            Filter::Pf(pf) => pf.check().await,
        }
    }

    async fn loaded(&self) -> Result<Vec<Loaded>, FirewallError> {
        match self {
            Filter::Nftables(nftables) => nftables.loaded().await,
            Filter::Pf(pf) => pf.loaded().await,
        }
    }

    async fn sweep(&self, left: &Record) -> Result<(), FirewallError> {
        let ports: Vec<u16> = left.gates.iter().map(|gate| gate.port).collect();
        match self {
            Filter::Nftables(nftables) => nftables.sweep(left.guard.pid, &ports).await,
            Filter::Pf(pf) => {
                let token = left.token.as_ref();
                pf.sweep(left.guard.pid, &ports, token.map(|Token { pid, token }| (*pid, *token))).await
            }
        }
    }
}
