//! A session's side: it takes a spare, waits for the one that is being started, or starts its own.

use std::sync::Arc;

use tokio::sync::futures::Notified;

use super::Spares;
use super::spare::Spare;

/// A session, for as long as it may need a dlv or has one.
pub(in crate::session) struct Checkout {
    spares: Arc<Spares>,
    /// It starts its own dlv: no spare is started beside it.
    launching: bool,
}

impl Checkout {
    pub(in crate::session) fn new(spares: &Arc<Spares>) -> Checkout {
        spares.change(super::Pool::session_begins);
        Checkout { spares: Arc::clone(spares), launching: false }
    }

    /// Its own dlv is there.
    pub(in crate::session) fn launched(&mut self) {
        self.launch_ends(true);
    }

    fn launch_ends(&mut self, is_there: bool) {
        let now = self.spares.now();
        if std::mem::take(&mut self.launching) {
            self.spares.change(|pool| pool.launch_ends(now, is_there));
        }
    }

    /// A spare that lives and is what would be started now; `None` if the session has to start
    /// its own, for which a port is left. Can be cancelled.
    pub(in crate::session) async fn take(&mut self) -> Option<Spare> {
        loop {
            let changed = self.spares.changed.notified();
            tokio::pin!(changed);
            Notified::enable(changed.as_mut());
            if let Some(spare) = self.take_now() {
                return Some(spare);
            }
            if !self.is_worth_waiting() {
                self.launching = true;
                self.spares.change(super::Pool::launch_begins);
                return None;
            }
            changed.await;
        }
    }

    fn take_now(&self) -> Option<Spare> {
        let spares = &self.spares;
        loop {
            let number = spares.state().pool.offered()?;
            let target = spares.launcher.target().ok();
            let (is_same, is_alive) = {
                let state = spares.state();
                let spare = state.ready.get(&number);
                (spare.is_some_and(|spare| spare.is(target.as_ref())), spare.is_some_and(Spare::is_alive))
            };
            if is_same && is_alive {
                let now = spares.now();
                spares.change(|pool| pool.taken(number, now));
                return spares.state().ready.remove(&number);
            }
            if is_alive {
                if let Some(spare) = spares.state().ready.get_mut(&number) {
                    spare.ending("spare_outdated", "dlv, or the folder that it runs in, was replaced");
                }
                spares.change(|pool| pool.outdated(number));
            } else {
                spares.has_died(number);
            }
        }
    }

    /// One that is being started is there sooner than another would be, and one that ends may hold
    /// the last port.
    fn is_worth_waiting(&self) -> bool {
        let pool = &self.spares.state().pool;
        pool.is_starting() || (pool.is_ending() && self.spares.launcher.ports.is_exhausted())
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.launch_ends(false);
        let now = self.spares.now();
        self.spares.change(|pool| pool.session_ends(now));
    }
}

#[cfg(test)]
mod tests;
