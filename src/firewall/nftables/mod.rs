//! Linux's nftables, through a child `nft`.
//!
//! Each gate is a table of its own, and a marked accept rule at the head of every chain of others that could drop
//! what the gate lets through: a packet has to pass every base chain of its hook, so our accept alone opens nothing.
//! Each change is one transaction, made from the ruleset as it is at that moment, and then read back; what cannot be
//! read back is taken away again and refused.

mod error;
pub mod explain;
mod gate;
mod listing;
mod nft;
mod proof;
mod ruleset;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use tokio::sync::Mutex;

use super::FirewallError;
pub use error::NftError;
use gate::{Gate, State};
pub(super) use nft::Nft;
pub use nft::find;

/// How often a change is tried where somebody else changes the ruleset at the same moment.
const TRIES: usize = 3;

/// Prefix of the tables' names: `dlvgate_PID_PORT`.
pub(super) const GATES: &str = gate::TABLE_PREFIX;

/// The gates that this process holds in nftables.
pub(super) struct Nftables {
    nft: Nft,
    /// Calls are made one after another: each is made from what the one before left.
    held: Mutex<BTreeMap<u16, Gate>>,
}

impl Nftables {
    pub(super) fn new(path: PathBuf) -> Nftables {
        Nftables { nft: Nft::new(path), held: Mutex::default() }
    }

    /// Whether nftables can be used: nft is there, and tells us the ruleset.
    pub(super) async fn check(&self) -> Result<(), FirewallError> {
        self.nft.list().await?;
        Ok(())
    }

    pub(super) async fn open(&self, port: u16, peers: &[IpAddr]) -> Result<(), FirewallError> {
        let mut held = self.held.lock().await;
        if held.contains_key(&port) {
            return Err(FirewallError::AlreadyGuarded { port });
        }
        let user = nix::unistd::geteuid().as_raw();
        let gate = Gate::new(port, peers, std::process::id(), user);
        let opened = self.bring(&gate, State::Guarded).await;
        if let Err(refused) = opened {
            if let Err(error) = self.bring(&gate, State::Gone).await {
                tracing::warn!(target: "dlvgate::firewall", port, %error, "a refused gate may have left rules");
            }
            return Err(refused.into());
        }
        held.insert(port, gate);
        Ok(())
    }

    pub(super) async fn shut(&self, port: u16) -> Result<(), FirewallError> {
        let held = self.held.lock().await;
        if let Some(gate) = held.get(&port) {
            self.bring(gate, State::Shut).await?;
        }
        Ok(())
    }

    pub(super) async fn remove(&self, port: u16) -> Result<(), FirewallError> {
        let mut held = self.held.lock().await;
        if let Some(gate) = held.remove(&port) {
            self.bring(&gate, State::Gone).await?;
        }
        Ok(())
    }

    async fn bring(&self, gate: &Gate, state: State) -> Result<(), NftError> {
        let mut tries = 1;
        let missing = loop {
            self.change(gate, state).await?;
            match proof::missing(&self.nft.list().await?, gate, state) {
                None => return Ok(()),
                Some(missing) if tries == TRIES => break missing,
                Some(_) => tries += 1, // a firewall's reload may have come between
            }
        };
        Err(match state {
            State::Gone => NftError::RulesLeft { left: missing },
            State::Guarded | State::Shut => {
                NftError::NotInForce { table: format!("inet {}", gate.table()), missing }
            }
        })
    }

    async fn change(&self, gate: &Gate, state: State) -> Result<(), NftError> {
        let mut tries = 1;
        loop {
            let now = self.nft.list().await?;
            let Some(commands) = ruleset::transaction(&now, gate, state) else { return Ok(()) };
            match self.nft.load(&commands).await {
                Err(error) if error.is_stale() && tries < TRIES => tries += 1,
                other => return other,
            }
        }
    }
}

impl fmt::Display for Nftables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nftables, through {}: each session's port is guarded", self.nft.path().display())
    }
}
