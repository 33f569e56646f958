//! What a packet filter is to the guard: what pf and nftables can do, with which data, and how they
//! fail.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::nftables::NftError;
use super::peer::Peer;
use super::pf::PfError;

/// Which packet filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirewallBackend {
    /// macOS's.
    Pf,
    /// Linux's.
    Nftables,
}

impl FirewallBackend {
    /// This system's own.
    pub const NATIVE: FirewallBackend =
        if cfg!(target_os = "macos") { FirewallBackend::Pf } else { FirewallBackend::Nftables };

    /// As `--firewall` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            FirewallBackend::Pf => "pf",
            FirewallBackend::Nftables => "nftables",
        }
    }
}

impl fmt::Display for FirewallBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The owner of gates.
#[derive(Clone, Copy, Debug)]
pub struct GateOwner {
    /// The process that loads the rules; its id is in their names.
    pub pid: u32,
    /// The user whose processes may connect over loopback.
    pub uid: u32,
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

/// A failure of the packet filter.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// pf.
    #[error(transparent)]
    Pf(#[from] PfError),
    /// nftables.
    #[error(transparent)]
    Nft(#[from] NftError),
}

impl BackendError {
    /// Whether there is no packet filter that we may use.
    pub fn is_without_filter(&self) -> bool {
        matches!(
            self,
            BackendError::Pf(PfError::NoPfctl { .. } | PfError::NotRoot { .. })
                | BackendError::Nft(NftError::NoNft { .. } | NftError::NotRoot { .. })
        )
    }
}

/// The gates of a guard that is dead.
pub(in crate::firewall) struct LeftGates {
    /// That guard's process id.
    pub(in crate::firewall) pid: u32,
    /// The ports.
    pub(in crate::firewall) ports: Vec<u16>,
    /// Its enable token of pf: the pfctl that took it, and its number, once pfctl has printed it.
    pub(in crate::firewall) token: Option<(u32, Option<u64>)>,
}

/// A gate that was not opened.
pub(in crate::firewall) struct GateOpenError {
    pub(in crate::firewall) why: BackendError,
    /// Whether rules of it may be left all the same.
    pub(in crate::firewall) may_be_left: bool,
}

/// A gate found in the packet filter: the guard in its name, and the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LoadedGate {
    /// The guard's process id.
    pub pid: u32,
    /// The port.
    pub port: u16,
}

/// What the guard needs of a packet filter; apart from it so that the guard can be tested against
/// anything.
pub(in crate::firewall) trait GateBackend {
    /// `at`: this machine's addresses at which the port is gated; none: all.
    async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), GateOpenError>;
    async fn shut(&self, port: u16) -> Result<(), BackendError>;
    async fn remove(&self, port: u16) -> Result<(), BackendError>;
    /// Whether there is anything to get past.
    async fn is_filtering(&self) -> Result<bool, BackendError>;
    /// Whether gates would work.
    async fn check(&self) -> Result<(), BackendError>;
    /// Every gate of any guard.
    async fn loaded(&self) -> Result<Vec<LoadedGate>, BackendError>;
    /// Removes what a guard that is dead has left.
    async fn sweep(&self, left: &LeftGates) -> Result<(), BackendError>;
}
