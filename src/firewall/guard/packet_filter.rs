//! The packet filter as the guard drives it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::firewall::backend::{
    BackendError, FirewallBackend, GateBackend, GateOpenError, GateOwner, LeftGates, LoadedGate, Programs,
};
use crate::firewall::nftables::Nftables;
use crate::firewall::pf::{Pf, TokenNotes};
use crate::firewall::{Peer, nftables, pf};

/// The system's own program of this packet filter, where it is or would be.
pub(super) fn system_program(backend: FirewallBackend) -> PathBuf {
    match backend {
        FirewallBackend::Pf => pf::PFCTL.into(),
        FirewallBackend::Nftables => nftables::find(),
    }
}

/// One of the two.
pub(in crate::firewall) enum PacketFilter {
    Nftables(Nftables),
    Pf(Pf),
}

impl PacketFilter {
    pub(in crate::firewall) fn new(
        backend: FirewallBackend,
        programs: &Programs,
        owner: GateOwner,
        notes: Arc<dyn TokenNotes>,
    ) -> PacketFilter {
        match backend {
            FirewallBackend::Pf => {
                let pfctl = programs.pfctl.clone().unwrap_or_else(|| system_program(backend));
                PacketFilter::Pf(Pf::new(pfctl, owner, notes))
            }
            FirewallBackend::Nftables => {
                let nft = programs.nft.clone().unwrap_or_else(|| system_program(backend));
                PacketFilter::Nftables(Nftables::new(nft, owner))
            }
        }
    }
}

impl GateBackend for PacketFilter {
    async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), GateOpenError> {
        match self {
            PacketFilter::Nftables(nftables) => nftables.open(port, peers, at).await,
            PacketFilter::Pf(pf) => pf.open(port, peers, at).await,
        }
    }

    async fn shut(&self, port: u16) -> Result<(), BackendError> {
        match self {
            PacketFilter::Nftables(nftables) => nftables.shut(port).await?,
            PacketFilter::Pf(pf) => pf.shut(port).await?,
        }
        Ok(())
    }

    async fn remove(&self, port: u16) -> Result<(), BackendError> {
        match self {
            PacketFilter::Nftables(nftables) => nftables.remove(port).await?,
            PacketFilter::Pf(pf) => pf.remove(port).await?,
        }
        Ok(())
    }

    async fn is_filtering(&self) -> Result<bool, BackendError> {
        Ok(match self {
            PacketFilter::Nftables(nftables) => nftables.is_filtering().await?,
            PacketFilter::Pf(pf) => pf.is_filtering().await?,
        })
    }

    async fn check(&self) -> Result<(), BackendError> {
        match self {
            PacketFilter::Nftables(nftables) => nftables.check().await?,
            PacketFilter::Pf(pf) => pf.check().await?,
        }
        Ok(())
    }

    async fn loaded(&self) -> Result<Vec<LoadedGate>, BackendError> {
        Ok(match self {
            PacketFilter::Nftables(nftables) => nftables.loaded().await?,
            PacketFilter::Pf(pf) => pf.loaded().await?,
        })
    }

    async fn sweep(&self, left: &LeftGates) -> Result<(), BackendError> {
        let LeftGates { pid, ports, token } = left;
        match self {
            PacketFilter::Nftables(nftables) => nftables.sweep(*pid, ports).await?,
            PacketFilter::Pf(pf) => pf.sweep(*pid, ports, *token).await?,
        }
        Ok(())
    }
}
