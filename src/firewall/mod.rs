//! The gate: what the packet filter is told about one port, and by which backend.
//!
//! The rest of the program sees three operations on a port (open it for peers, shut it for everybody,
//! remove every trace) and nothing of rules, anchors or tokens. A backend is one file or folder of that shape.

mod error;
pub mod explain;
pub mod guard;
pub mod nftables;
mod off;
mod peer;
pub mod pf;
pub mod watch;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

pub use error::FirewallError;
pub use peer::{Peer, PeerError};

use nftables::Nftables;
use off::Off;
use pf::Pf;

/// What `--firewall` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// pf on macOS, off elsewhere; the log says which
    #[default]
    Auto,
    /// macOS's packet filter, through /sbin/pfctl (needs root)
    Pf,
    /// Linux's packet filter, through /usr/sbin/nft (needs root)
    Nftables,
    /// No packet filter: the port stays as reachable as the system makes it
    Off,
}

/// The backend that holds this process's gates. Clones share it.
#[derive(Clone)]
pub struct Firewall {
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Nftables(Arc<Nftables>),
    Off(Off),
    Pf(Arc<Pf>),
}

/// The programs that the backends run.
pub struct Programs {
    /// pf's.
    pub pfctl: PathBuf,
    /// nftables'.
    pub nft: PathBuf,
}

impl Default for Programs {
    /// Where the system has them; PATH is not asked, since they run as root.
    fn default() -> Programs {
        Programs { pfctl: pf::PFCTL.into(), nft: nftables::find() }
    }
}

impl Firewall {
    /// Settles the choice and checks that the backend can be used at all, so that what is missing is
    /// said when the server starts and not when a client waits.
    ///
    /// # Errors
    /// Where pf is to be used and `pfctl` is missing, refuses us, or its main ruleset does not
    /// evaluate our anchors; where nftables is to be used and `nft` is missing or refuses us.
    pub async fn prepare(choice: Choice, programs: Programs) -> Result<Firewall, FirewallError> {
        let backend = match choice {
            Choice::Off => Backend::Off(Off::chosen()),
            Choice::Auto if !cfg!(target_os = "macos") => Backend::Off(Off::nothing_to_drive()),
            Choice::Auto | Choice::Pf => {
                let pf = Pf::new(programs.pfctl);
                pf.check().await?;
                Backend::Pf(Arc::new(pf))
            }
            Choice::Nftables => {
                let nftables = Nftables::new(programs.nft);
                nftables.check().await?;
                Backend::Nftables(Arc::new(nftables))
            }
        };
        Ok(Firewall { backend })
    }

    /// A firewall that does nothing, for where no gate is wanted.
    pub fn off() -> Firewall {
        Firewall { backend: Backend::Off(Off::chosen()) }
    }

    /// The backend's name, as `--firewall` takes it.
    pub fn name(&self) -> &'static str {
        match &self.backend {
            Backend::Nftables(_) => "nftables",
            Backend::Off(_) => "off",
            Backend::Pf(_) => "pf",
        }
    }

    /// Guards `port`: the peers pass, everybody else is blocked. Returns once the rules were read back.
    ///
    /// # Errors
    /// Whatever keeps the rules from being loaded, enabled or read back; then nothing is left loaded.
    pub async fn open(&self, port: u16, peers: &[IpAddr]) -> Result<Gate, FirewallError> {
        match &self.backend {
            Backend::Nftables(nftables) => nftables.open(port, peers).await?,
            Backend::Off(off) => off.open(port),
            Backend::Pf(pf) => pf.open(port, peers).await?,
        }
        Ok(Gate { firewall: self.clone(), port })
    }

    async fn shut(&self, port: u16) -> Result<(), FirewallError> {
        match &self.backend {
            Backend::Nftables(nftables) => nftables.shut(port).await,
            Backend::Off(_) => Ok(()),
            Backend::Pf(pf) => pf.shut(port).await,
        }
    }

    async fn remove(&self, port: u16) -> Result<(), FirewallError> {
        match &self.backend {
            Backend::Nftables(nftables) => nftables.remove(port).await,
            Backend::Off(_) => Ok(()),
            Backend::Pf(pf) => pf.remove(port).await,
        }
    }
}

impl fmt::Display for Firewall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.backend {
            Backend::Nftables(nftables) => nftables.fmt(f),
            Backend::Off(off) => off.fmt(f),
            Backend::Pf(pf) => pf.fmt(f),
        }
    }
}

/// One port's gate. Its holder shuts it and removes it, in this order.
#[must_use = "an open gate has to be shut and removed"]
pub struct Gate {
    firewall: Firewall,
    port: u16,
}

impl Gate {
    /// The guarded port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The backend's name, as `--firewall` takes it.
    pub fn backend(&self) -> &'static str {
        self.firewall.name()
    }

    /// Blocks the port for everybody, the peers included.
    ///
    /// # Errors
    /// Where the backend did not take the rules; the error says what may still be open.
    pub async fn shut(&self) -> Result<(), FirewallError> {
        self.firewall.shut(self.port).await
    }

    /// Takes every rule of this gate away, and with the last one what enabled the filter.
    ///
    /// # Errors
    /// Where the backend refused; the error names the command that removes the rules by hand.
    pub async fn remove(self) -> Result<(), FirewallError> {
        self.firewall.remove(self.port).await
    }
}
