//! What this guard holds, in memory and in its journal: the two change together.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::{GuardRecord, Journals, ProcessIdentity, TokenRecord};
use super::limits::{CallerLimits, RequestRefusal};
use super::wire::Purpose;
use crate::firewall::pf::TokenNotes;
use crate::firewall::{FirewallBackend, Peer};

/// The journal of one guard, on disk. Each change is on disk when its call returns; the disk is
/// waited for on purpose, since nothing may be loaded before. What the disk does not take has not
/// happened.
pub(super) struct JournalStore {
    journals: Journals,
    record: Mutex<GuardRecord>,
}

impl JournalStore {
    pub(super) fn open(journals: Journals, backend: FirewallBackend, uid: u32) -> io::Result<JournalStore> {
        journals.prepare()?;
        Ok(JournalStore { journals, record: Mutex::new(GuardRecord::begin(backend, uid)?) })
    }

    /// Sets the process whose gates these are; it is in the journal from the first gate on. A
    /// process of another user is not noted, because closing a port would signal it.
    pub(super) fn proxy(&self, pid: u32, purpose: Purpose) {
        let mut record = self.record();
        record.proxy = ProcessIdentity::of_user(pid, record.uid);
        record.purpose = Some(purpose);
    }

    pub(super) fn opening(&self, port: u16, peers: &[Peer], at: &[IpAddr]) -> io::Result<()> {
        self.change(|record| record.open(port, peers.to_vec(), at.to_vec()))
    }

    /// The addresses at which this port is gated; none: all.
    pub(super) fn at(&self, port: u16) -> Vec<IpAddr> {
        let record = self.record();
        record.gates.iter().find(|gate| gate.port == port).map_or_else(Vec::new, |gate| gate.at.clone())
    }

    /// Whether the gates in the user's journals, this port's among them, are within the limits.
    ///
    /// It is written first and counted then: of two guards that do so at the same time none can
    /// miss the other, without a lock that a third could hold.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn keep(&self, limits: &CallerLimits, port: u16) -> Result<(), RequestRefusal> {
        if !limits.are_there() {
            return Ok(());
        }
        let unread =
            |error| format!("the journals cannot be read ({error}), so that others' gates are not known");
        let found = self.journals.read().map_err(unread)?;
        let live: Vec<GuardRecord> = found
            .into_iter()
            .filter_map(|found| found.record.ok())
            .filter(|record| record.is_of_this_boot() && record.is_of_this_network() && !record.is_orphaned())
            .collect();
        limits.keep_quota(live.iter())?;
        limits.keep_out_of_others(port, live.iter())
    }

    pub(super) fn shut(&self, port: u16) -> io::Result<()> {
        self.change(|record| {
            record.gates.iter_mut().filter(|gate| gate.port == port).for_each(|gate| gate.shut = true);
        })
    }

    pub(super) fn gone(&self, port: u16) -> io::Result<()> {
        self.change(|record| record.gates.retain(|gate| gate.port != port))
    }

    /// What the disk does not take has not happened.
    fn change(&self, change: impl FnOnce(&mut GuardRecord)) -> io::Result<()> {
        let mut record = self.record();
        let mut changed = record.clone();
        change(&mut changed);
        self.journals.write(&changed)?;
        *record = changed;
        Ok(())
    }

    fn record(&self) -> MutexGuard<'_, GuardRecord> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenNotes for JournalStore {
    fn folder(&self) -> &Path {
        self.journals.folder()
    }

    fn taking(&self, pid: u32) -> io::Result<()> {
        self.change(|record| record.token = Some(TokenRecord { pid, token: None }))
    }

    fn taken(&self, pid: u32, token: u64) -> io::Result<()> {
        self.change(|record| record.token = Some(TokenRecord { pid, token: Some(token) }))
    }

    /// It is given back, whatever the disk takes: a guard that then holds nothing removes its
    /// journal, which needs no room.
    fn released(&self) -> io::Result<()> {
        let mut record = self.record();
        record.token = None;
        self.journals.write(&record)
    }
}

#[cfg(test)]
mod tests;
