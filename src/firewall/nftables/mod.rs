//! Linux's nftables, through a child `nft`.
//!
//! Each gate is a table of its own, and a marked accept rule at the head of every chain of others
//! that could drop what the gate lets through: a packet has to pass every base chain of its hook,
//! so our accept alone opens nothing. Each change is one transaction, made from the ruleset as it
//! is at that moment, and then read back; what cannot be read back is taken away again and refused.

mod cidr;
mod error;
pub mod explain;
#[cfg(fuzzing)]
pub mod fuzzing;
mod gate;
mod listing;
mod nft;
mod ruleset;
mod tables;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use tokio::sync::Mutex;

use super::Peer;
use super::backend::{GateOpenError, GateOwner, LoadedGate};
use crate::failpoint;
pub use error::NftError;
use gate::{NftGate, WantedGate};
use listing::Listing;
pub(super) use nft::Nft;
pub use nft::find;

/// Tries of a change, where another program changes the ruleset at the same moment.
const TRIES: usize = 3;

/// Prefix of the tables' names: `dlvgate_PID_PORT`.
pub(super) const GATES: &str = gate::TABLE_PREFIX;

/// The gates that this process holds in nftables.
pub(super) struct Nftables {
    nft: Nft,
    owner: GateOwner,
    /// Calls are made one after another: each is made from what the one before left.
    held: Mutex<BTreeMap<u16, NftGate>>,
    /// The listing of a sweep, kept for the query right after it at a guard's start.
    listed: Mutex<Option<Listing>>,
}

impl Nftables {
    pub(super) fn new(path: PathBuf, owner: GateOwner) -> Nftables {
        Nftables { nft: Nft::new(path), owner, held: Mutex::default(), listed: Mutex::default() }
    }

    /// Whether nftables can be used: nft is there, and lists the ruleset for us.
    pub(super) async fn check(&self) -> Result<(), NftError> {
        self.nft.tables().await?;
        Ok(())
    }

    /// Whether a chain of anybody's could drop a packet that comes to a port of this machine, or
    /// its answer.
    pub(super) async fn is_filtering(&self) -> Result<bool, NftError> {
        let listed = self.listed.lock().await.take();
        let now = match listed {
            Some(listed) => listed,
            None => self.nft.list().await?,
        };
        Ok(ruleset::may_drop(&now).next().is_some())
    }

    pub(super) async fn open(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> Result<(), GateOpenError> {
        let mut held = self.held.lock().await;
        let gate = NftGate::new(port, peers, at, self.owner);
        if let Err(why) = self.bring(&gate, WantedGate::Guarded).await {
            let may_be_left = self.bring(&gate, WantedGate::Gone).await.is_err();
            return Err(GateOpenError { why: why.into(), may_be_left });
        }
        held.insert(port, gate);
        Ok(())
    }

    pub(super) async fn shut(&self, port: u16) -> Result<(), NftError> {
        let held = self.held.lock().await;
        if let Some(gate) = held.get(&port) {
            self.bring(gate, WantedGate::Shut).await?;
        }
        Ok(())
    }

    pub(super) async fn remove(&self, port: u16) -> Result<(), NftError> {
        let mut held = self.held.lock().await;
        let gate = NftGate::new(port, &[], &[], self.owner);
        self.bring(&gate, WantedGate::Gone).await?;
        held.remove(&port);
        Ok(())
    }

    /// Every gate of any guard.
    pub(super) async fn loaded(&self) -> Result<Vec<LoadedGate>, NftError> {
        let now = self.nft.list().await?;
        let gates = gates(&now);
        *self.listed.lock().await = Some(now);
        Ok(gates)
    }

    /// Removes the gates of a guard that is dead.
    pub(super) async fn sweep(&self, pid: u32, ports: &[u16]) -> Result<(), NftError> {
        for port in ports {
            self.bring(&NftGate::new(*port, &[], &[], GateOwner { pid, ..self.owner }), WantedGate::Gone)
                .await?;
        }
        Ok(())
    }

    async fn bring(&self, gate: &NftGate, state: WantedGate) -> Result<(), NftError> {
        let mut tries = 1;
        let missing = loop {
            self.change(gate, state).await?;
            if state == WantedGate::Guarded {
                failpoint::point("load").await;
            }
            let of_this_port = |table: &str| gate::of_table(table).is_some_and(|(_, port)| port == gate.port);
            match verify::missing(&self.nft.list_with(of_this_port).await?, gate, state) {
                None => return Ok(()),
                Some(missing) if tries == TRIES => break missing,
                Some(_) => tries += 1, // a firewall's reload may have come between
            }
        };
        Err(match state {
            WantedGate::Gone => NftError::RulesLeft { mark: gate.mark(), left: missing },
            WantedGate::Guarded | WantedGate::Shut => {
                NftError::NotInForce { table: format!("inet {}", gate.table()), missing }
            }
        })
    }

    async fn change(&self, gate: &NftGate, state: WantedGate) -> Result<(), NftError> {
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

/// The gates of which a table or a marked rule is there, each once.
fn gates(now: &Listing) -> Vec<LoadedGate> {
    let tables = now.tables.iter().filter_map(|table| gate::of_table(&table.name));
    let marks = now.rules.iter().filter_map(|rule| gate::of_mark(&rule.comment));
    let gates: BTreeSet<(u32, u16)> = tables.chain(marks).collect();
    gates.into_iter().map(|(pid, port)| LoadedGate { pid, port }).collect()
}
