//! The packet filter as the guard drives it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::firewall::backend::{Backend, BackendError, Driver, LeftGates, Loaded, Owner, Programs, Refused};
use crate::firewall::nftables::Nftables;
use crate::firewall::pf::{Pf, TokenNotes};
use crate::firewall::{Peer, nftables, pf};

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

    async fn shut(&self, port: u16) -> Result<(), BackendError> {
        match self {
            Filter::Nftables(nftables) => nftables.shut(port).await?,
            Filter::Pf(pf) => pf.shut(port).await?,
        }
        Ok(())
    }

    async fn remove(&self, port: u16) -> Result<(), BackendError> {
        match self {
            Filter::Nftables(nftables) => nftables.remove(port).await?,
            Filter::Pf(pf) => pf.remove(port).await?,
        }
        Ok(())
    }

    async fn is_filtering(&self) -> Result<bool, BackendError> {
        Ok(match self {
            Filter::Nftables(nftables) => nftables.is_filtering().await?,
            Filter::Pf(pf) => pf.is_filtering().await?,
        })
    }

    async fn check(&self) -> Result<(), BackendError> {
        match self {
            Filter::Nftables(nftables) => nftables.check().await?,
            Filter::Pf(pf) => pf.check().await?,
        }
        Ok(())
    }

    async fn loaded(&self) -> Result<Vec<Loaded>, BackendError> {
        Ok(match self {
            Filter::Nftables(nftables) => nftables.loaded().await?,
            Filter::Pf(pf) => pf.loaded().await?,
        })
    }

    async fn sweep(&self, left: &LeftGates) -> Result<(), BackendError> {
        let LeftGates { pid, ports, token } = left;
        match self {
            Filter::Nftables(nftables) => nftables.sweep(*pid, ports).await?,
            Filter::Pf(pf) => pf.sweep(*pid, ports, *token).await?,
        }
        Ok(())
    }
}
