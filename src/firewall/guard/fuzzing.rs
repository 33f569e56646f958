//! The guard as its fuzz target sees it: with a packet filter that records its calls.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::journal::{self, GuardRecord, Journals};
use super::journal_store::JournalStore;
use super::limits::CallerLimits;
use super::serve::Guard;
use super::wire;
use crate::firewall::Peer;
use crate::firewall::backend::{
    BackendError, FirewallBackend, GateBackend, GateOpenError, LeftGates, LoadedGate,
};
use crate::firewall::pf::PfError;

/// The packet filter's calls.
#[derive(Debug, Default)]
pub struct Noted {
    /// Each port that was opened, and for how many peers.
    pub opened: Vec<(u16, usize)>,
    /// The open gates.
    pub open: BTreeMap<u16, Vec<Peer>>,
    /// The most that were open at once.
    pub most: usize,
    /// A port was opened that no journal on disk named.
    pub unwritten: Option<u16>,
    /// Calls so far.
    calls: u32,
}

/// How a run of the guard ended.
#[derive(Debug)]
pub struct Served {
    /// What it said.
    pub replies: Vec<u8>,
    /// The calls of the packet filter.
    pub noted: Noted,
    /// The gates that could not be closed.
    pub left: Vec<String>,
    /// Journals that are still there.
    pub journals: usize,
}

/// Feeds these requests to a guard of this user. A set bit of `refusals` makes the call with its
/// number, modulo 64, fail.
///
/// # Errors
/// If the journals cannot be used.
pub async fn serve(uid: u32, journals: Journals, said: &[u8], refusals: u64) -> std::io::Result<Served> {
    let store = Arc::new(JournalStore::open(journals.clone(), FirewallBackend::Pf, uid)?);
    let notes = Notes { noted: Arc::default(), journals: journals.clone(), refusals };
    let mut replies = Vec::new();
    let guard = Guard::new(notes.clone(), store, CallerLimits::none(uid));
    let left = guard.run(Vec::new(), said, &mut replies, std::future::pending()).await;
    let noted = std::mem::take(&mut *notes.noted());
    Ok(Served { replies, noted, left, journals: journals.read()?.len() })
}

/// Reads a request, and a journal under this name; both as JSON again where they are believed.
pub fn read(name: &str, text: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let request = wire::parse(text).ok().map(|request| wire::line(&request));
    let record = journal::believed(Path::new(name), text).ok().map(|record| wire::line(&record));
    (request, record)
}

#[derive(Clone)]
struct Notes {
    noted: Arc<Mutex<Noted>>,
    journals: Journals,
    refusals: u64,
}

impl Notes {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) -> Result<MutexGuard<'_, Noted>, BackendError> {
        let mut noted = self.noted();
        let number = noted.calls;
        noted.calls += 1;
        match self.refusals >> (number % 64) & 1 {
            0 => Ok(noted),
            _ => Err(PfError::NotRoot { said: "no".to_owned() }.into()),
        }
    }

    fn is_written(&self, port: u16) -> bool {
        let found = self.journals.read().unwrap_or_default();
        found
            .iter()
            .filter_map(|found| found.record.as_ref().ok())
            .any(|record: &GuardRecord| record.gates.iter().any(|gate| gate.port == port))
    }
}

impl GateBackend for Notes {
    async fn open(&self, port: u16, peers: &[Peer], _: &[IpAddr]) -> Result<(), GateOpenError> {
        let is_written = self.is_written(port);
        let mut noted = self.call().map_err(|why| GateOpenError { why, may_be_left: false })?;
        noted.opened.push((port, peers.len()));
        noted.open.insert(port, peers.to_vec());
        noted.most = noted.most.max(noted.open.len());
        if !is_written {
            noted.unwritten = Some(port);
        }
        Ok(())
    }

    async fn shut(&self, port: u16) -> Result<(), BackendError> {
        self.call()?.open.insert(port, Vec::new());
        Ok(())
    }

    async fn remove(&self, port: u16) -> Result<(), BackendError> {
        self.call()?.open.remove(&port);
        Ok(())
    }

    async fn is_filtering(&self) -> Result<bool, BackendError> {
        Ok(true)
    }

    async fn check(&self) -> Result<(), BackendError> {
        Ok(())
    }

    async fn loaded(&self) -> Result<Vec<LoadedGate>, BackendError> {
        Ok(Vec::new())
    }

    async fn sweep(&self, _: &LeftGates) -> Result<(), BackendError> {
        Ok(())
    }
}
