//! Spare dlvs: started, gated and connected ahead, so that a client does not wait for it.
//!
//! A spare has one owner at a time: the manager starts and ends it, [`Spares`] holds it when it is
//! ready, and a session that takes it gets dlv, gate and connection.

mod checkout;
mod manager;
mod pool;
mod spare;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::end_reason::EndReason;
use super::event_log::Observer;
use crate::delve::{LaunchError, Launcher};
use crate::firewall::Firewall;
use crate::shutdown::Shutdown;
pub(super) use checkout::Checkout;
use pool::{Pool, PoolPolicy};
use spare::Spare;

/// Spares at once. As many as a server has sessions by default: more could hardly be taken, and
/// each is a process of 15 MB.
pub const MAX_SPARES: u16 = 8;

/// The spares of a server, and how a dlv is started where there is none.
pub struct Spares {
    launcher: Launcher,
    firewall: Firewall,
    observer: Option<Observer>,
    stop: Shutdown,
    began: Instant,
    state: Mutex<PoolState>,
    /// For the manager: there may be something to do.
    to_do: Notify,
    /// For the sessions that wait for one.
    changed: Notify,
    manager: Mutex<Option<JoinHandle<()>>>,
}

struct PoolState {
    pool: Pool,
    /// Those that are ready, or were.
    ready: BTreeMap<u64, Spare>,
}

impl Spares {
    /// `size` spares, for as long as a client has come within `idle`. `once`: for one session, so
    /// that one that was taken is not replaced. None is started before [`Spares::start`].
    pub fn new(
        launcher: Launcher,
        firewall: Firewall,
        size: usize,
        idle: Duration,
        once: bool,
        stop: Shutdown,
    ) -> Arc<Spares> {
        let plan = PoolPolicy { size, idle, renewed: !once };
        let state = PoolState { pool: Pool::new(plan), ready: BTreeMap::new() };
        Arc::new(Spares {
            launcher,
            firewall,
            observer: None,
            stop,
            began: Instant::now(),
            state: Mutex::new(state),
            to_do: Notify::new(),
            changed: Notify::new(),
            manager: Mutex::new(None),
        })
    }

    /// How a dlv is started.
    pub fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// Ends them all, and waits until nothing of them is left.
    pub async fn end(&self) {
        self.change(Pool::close);
        let manager = self.manager.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(manager) = manager {
            let _ = manager.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool's time.
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Changes the pool, and wakes every task that waits for a change.
    fn change<T>(&self, change: impl FnOnce(&mut Pool) -> T) -> T {
        let changed = change(&mut self.state().pool);
        self.to_do.notify_one();
        self.changed.notify_waiters();
        changed
    }

    fn is_ready(&self, spare: Spare) {
        let (now, number) = (self.now(), spare.number);
        self.state().ready.insert(number, spare);
        self.change(|pool| pool.ready(number, now));
    }

    /// Logs the first failure in a row; sessions start their own dlv, and report its failure.
    fn has_failed(&self, number: u64, cause: &EndReason) {
        let now = self.now();
        if matches!(cause, EndReason::NoDlv(LaunchError::PortInUse { .. })) {
            // Sessions hold them, which is as it should be.
            tracing::debug!(target: "dlvgate::session", spare = number, "no spare now: {cause}");
            return self.change(|pool| pool.no_port(number, now));
        }
        let is_first = self.change(|pool| pool.failed(number, now));
        if is_first && !matches!(cause, EndReason::Stopped { .. }) {
            tracing::warn!(
                target: "dlvgate::session", spare = number,
                "no spare, so sessions start their dlv themselves; it is tried again now and then: {cause}"
            );
        }
    }

    /// One that lay ready is no good any more.
    fn has_died(&self, number: u64) {
        let now = self.now();
        if let Some(spare) = self.state().ready.get_mut(&number) {
            spare.ending("spare_died", "dlv has ended, or cannot be reached any more; no session had it");
        }
        self.change(|pool| pool.died(number, now));
    }
}
