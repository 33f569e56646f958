//! How many spares there are to be and what is to be done next, without I/O. Time is what has
//! passed since the pool's beginning.

use std::collections::BTreeMap;
use std::time::Duration;

/// After a session has its dlv, how long it has the processors to itself before the next spare is
/// started (some 30 ms of one core). An `initialize`, a `launch` of a built program and its
/// breakpoints are through by then; a `launch` that builds is longer, and hardly notices.
pub(super) const RENEW_AFTER: Duration = Duration::from_secs(1);

/// After a spare that could not be started, or that died, how long until the next; doubled each
/// time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest such pause: a dlv that works again is found within this, or by the next session.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What to do now. [`Pool::next`] takes it for done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Start the spare of this number.
    Start(u64),
    /// End the spare of this number.
    End(u64),
    /// Nothing, until something happens, or this time comes.
    Wait(Option<Duration>),
    /// All spares are gone, and there will be no more.
    Over,
}

/// What a pool is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolPolicy {
    /// Spares that are kept ready between sessions.
    pub(super) size: usize,
    /// Without a session for so long, there are none.
    pub(super) idle: Duration,
    /// One that was taken is replaced.
    pub(super) renewed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpareState {
    Starting,
    Ready {
        since: Duration,
    },
    /// It is to be ended instead of handed out.
    Unwanted,
    Ending,
}

/// The spares by their numbers, and the sessions that could want one.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    plan: PoolPolicy,
    spares: BTreeMap<u64, SpareState>,
    last: u64,
    sessions: usize,
    /// Sessions that are starting a dlv of their own.
    launching: usize,
    /// A session has, or is getting, its dlv.
    served: bool,
    /// When the last session ended, or the pool began.
    used: Duration,
    /// When the next may be started.
    not_before: Duration,
    failures: u32,
    /// Every port of the plan is in use.
    no_port: bool,
    closing: bool,
}

impl Pool {
    pub(super) fn new(plan: PoolPolicy) -> Pool {
        Pool {
            plan,
            spares: BTreeMap::new(),
            last: 0,
            sessions: 0,
            launching: 0,
            served: false,
            used: Duration::ZERO,
            not_before: Duration::ZERO,
            failures: 0,
            no_port: false,
            closing: false,
        }
    }

    /// Returns what to do at this time.
    pub(super) fn next(&mut self, now: Duration) -> Order {
        let is_idle = self.sessions == 0 && now >= self.used + self.plan.idle;
        let is_unwanted = |state: &SpareState| match state {
            SpareState::Unwanted => true,
            SpareState::Ready { .. } => self.closing || is_idle,
            SpareState::Starting | SpareState::Ending => false,
        };
        let unwanted = self.spares.iter().find(|(_, state)| is_unwanted(state)).map(|(number, _)| *number);
        if let Some(number) = unwanted {
            self.spares.insert(number, SpareState::Ending);
            return Order::End(number);
        }
        if self.closing {
            return if self.spares.is_empty() { Order::Over } else { Order::Wait(None) };
        }
        let is_wanted = !is_idle && self.spares.len() < self.plan.size && (self.plan.renewed || !self.served);
        // One at a time, not beside a session's own, and not while one that ends holds its port.
        let may_start = is_wanted && self.launching == 0 && !self.is_starting() && !self.is_ending();
        if may_start && now >= self.not_before {
            self.last += 1;
            self.spares.insert(self.last, SpareState::Starting);
            return Order::Start(self.last);
        }
        let start = may_start.then_some(self.not_before);
        let idle = (self.sessions == 0 && !is_idle).then_some(self.used + self.plan.idle);
        Order::Wait(start.into_iter().chain(idle).min())
    }

    /// A session begins.
    pub(super) fn session_begins(&mut self) {
        self.sessions += 1;
    }

    /// It has ended, and its port is free again.
    pub(super) fn session_ends(&mut self, now: Duration) {
        self.sessions = self.sessions.saturating_sub(1);
        self.used = now;
        if std::mem::take(&mut self.no_port) {
            self.not_before = now + RENEW_AFTER;
        }
    }

    /// A session starts a dlv of its own.
    pub(super) fn launch_begins(&mut self) {
        self.launching += 1;
        self.served = true;
    }

    /// It has got one, or not.
    pub(super) fn launch_ends(&mut self, now: Duration, is_there: bool) {
        self.launching = self.launching.saturating_sub(1);
        if is_there {
            self.works(now);
        }
    }

    /// The spare that a session is to have: the oldest.
    pub(super) fn offered(&self) -> Option<u64> {
        if self.closing {
            return None;
        }
        self.spares
            .iter()
            .find(|(_, state)| matches!(state, SpareState::Ready { .. }))
            .map(|(number, _)| *number)
    }

    /// A session has it. `false` if it is not one that is ready.
    pub(super) fn taken(&mut self, number: u64, now: Duration) -> bool {
        if self.offered() != Some(number) {
            return false;
        }
        self.spares.remove(&number);
        self.served = true;
        self.works(now);
        true
    }

    /// One that was started is ready.
    pub(super) fn ready(&mut self, number: u64, now: Duration) {
        if self.spares.get(&number) == Some(&SpareState::Starting) {
            self.spares.insert(number, SpareState::Ready { since: now });
        }
    }

    /// One could not be started, and nothing of it is left. Returns whether this is the first
    /// failure in a row.
    pub(super) fn failed(&mut self, number: u64, now: Duration) -> bool {
        self.gone(number);
        self.pause(now)
    }

    /// There was no port for one: the next session that ends gives one back.
    pub(super) fn no_port(&mut self, number: u64, now: Duration) {
        self.gone(number);
        self.no_port = true;
        self.not_before = now + LONGEST_PAUSE;
    }

    /// One that was ready is no good any more, by itself. Returns whether this is the first failure
    /// in a row.
    pub(super) fn died(&mut self, number: u64, now: Duration) -> bool {
        let Some(SpareState::Ready { since }) = self.spares.get(&number).copied() else { return false };
        if now.saturating_sub(since) > LONGEST_PAUSE {
            self.failures = 0;
        }
        self.spares.insert(number, SpareState::Unwanted);
        self.pause(now)
    }

    /// One is not what would be started now.
    pub(super) fn outdated(&mut self, number: u64) {
        if let Some(state @ SpareState::Ready { .. }) = self.spares.get_mut(&number) {
            *state = SpareState::Unwanted;
        }
    }

    /// Nothing of this one is left.
    pub(super) fn gone(&mut self, number: u64) {
        if matches!(self.spares.get(&number), Some(SpareState::Starting | SpareState::Ending)) {
            self.spares.remove(&number);
        }
    }

    /// No more are started, and those that are there go.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// One is ready, and wanted.
    pub(super) fn is_ready(&self, number: u64) -> bool {
        matches!(self.spares.get(&number), Some(SpareState::Ready { .. }))
    }

    /// One is being started: waiting for it takes less than starting another.
    pub(super) fn is_starting(&self) -> bool {
        self.spares.values().any(|state| *state == SpareState::Starting)
    }

    /// One is being ended, and holds its port until it is gone.
    pub(super) fn is_ending(&self) -> bool {
        self.spares.values().any(|state| matches!(state, SpareState::Unwanted | SpareState::Ending))
    }

    /// A dlv could be had: the next spare comes once the session has had its time.
    fn works(&mut self, now: Duration) {
        let is_due = self.not_before <= now;
        if !self.no_port && (self.failures > 0 || is_due) {
            self.not_before = now + RENEW_AFTER;
        }
        self.failures = 0;
    }

    fn pause(&mut self, now: Duration) -> bool {
        let doubled = FIRST_PAUSE * 2_u32.pow(self.failures.min(16));
        self.not_before = now + doubled.min(LONGEST_PAUSE);
        self.failures += 1;
        self.failures == 1
    }
}

#[cfg(test)]
mod tests;
