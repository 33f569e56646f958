//! Does what the pool orders: starts spares, ends them, and looks after those that wait.

use std::future::{pending, poll_fn};
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{Instrument, Span};

use super::Spares;
use super::pool::{Order, Pool};
use super::spare::Spare;

impl Spares {
    /// Starts to keep spares, until the server is to stop or [`Spares::end`] is called.
    pub fn start(self: &Arc<Spares>) {
        let mut manager = self.manager.lock().unwrap_or_else(PoisonError::into_inner);
        if manager.is_none() {
            *manager = Some(tokio::spawn(keep(Arc::clone(self))));
        }
    }
}

/// Keeps the spares until the last is gone.
async fn keep(spares: Arc<Spares>) {
    let mut tasks = JoinSet::new();
    loop {
        let now = spares.now();
        let order = spares.state().pool.next(now);
        match order {
            Order::Start(number) => {
                tasks.spawn(start(Arc::clone(&spares), number).instrument(span(number)));
            }
            Order::End(number) => {
                let spare = spares.state().ready.remove(&number);
                tasks.spawn(end(Arc::clone(&spares), number, spare).instrument(span(number)));
            }
            Order::Over => break,
            Order::Wait(until) => tokio::select! {
                () = spares.to_do.notified() => {}
                () = at(until, now) => {}
                number = a_death(&spares) => spares.has_died(number),
                Some(done) = tasks.join_next() => {
                    if let Err(error) = done {
                        tracing::error!(target: "dlvgate::session", %error, "a spare's task failed");
                    }
                }
                () = stopped(&spares) => spares.change(Pool::close),
            },
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Tells which spare an entry of the log is about.
fn span(number: u64) -> Span {
    tracing::info_span!(target: "dlvgate::session", "spare", id = number)
}

async fn at(until: Option<Duration>, now: Duration) {
    match until {
        Some(until) => tokio::time::sleep(until.saturating_sub(now)).await,
        None => pending().await,
    }
}

/// A call to stop is heard once.
async fn stopped(spares: &Spares) {
    if spares.state().pool.is_closing() {
        pending::<()>().await;
    }
    spares.stop.begun().await;
}

/// The number of one that lay ready and is no good any more.
async fn a_death(spares: &Spares) -> u64 {
    poll_fn(|cx| {
        let state = spares.state();
        let lies_ready = |number: &u64| state.pool.is_ready(*number);
        let mut waiting = state.ready.iter().filter(|(number, _)| lies_ready(number));
        match waiting.find(|(_, spare)| spare.poll_death(cx).is_ready()) {
            Some((number, _)) => Poll::Ready(*number),
            None => Poll::Pending,
        }
    })
    .await
}

/// Says that it is gone, also where its task fails: a session may be waiting for it.
struct EndedSpare<'a> {
    spares: &'a Spares,
    number: u64,
}

impl Drop for EndedSpare<'_> {
    fn drop(&mut self) {
        let number = self.number;
        self.spares.change(|pool| pool.gone(number));
    }
}

async fn start(spares: Arc<Spares>, number: u64) {
    let gone = EndedSpare { spares: &spares, number };
    let mut spare = Spare::new(number, &spares.launcher, spares.observer.clone());
    match spare.prepare(&spares.launcher, &spares.firewall, &spares.stop).await {
        Ok(()) => {
            std::mem::forget(gone);
            spares.is_ready(spare);
        }
        Err(cause) => {
            spare.ending(cause.name(), &cause);
            spare.end(&spares.stop).await;
            spares.has_failed(number, &cause);
        }
    }
}

async fn end(spares: Arc<Spares>, number: u64, spare: Option<Spare>) {
    let _gone = EndedSpare { spares: &spares, number };
    if let Some(mut spare) = spare {
        spare.ending("spare_idle", "no session took it");
        spare.end(&spares.stop).await;
    }
}
