//! The session's transitions: one structured log event each, so that a test and a user can read the
//! order.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dlvgate_recording::Tap;
pub use dlvgate_recording::Transition;

use super::open_sessions::OpenSession;
use crate::delve::Address;

/// A transition as an observer gets it.
#[derive(Clone, Debug)]
pub struct TransitionEvent {
    /// The session's number, counted from 1 for each server; 0 for a dlv that all sessions share,
    /// or that none has yet.
    pub session: u64,
    /// What happened.
    pub transition: Transition,
    /// Time since the client's first byte, or since the start of a dlv that is no session's own.
    pub at: Duration,
    /// The session's own dlv, once it is ready: process id and address.
    pub delve: Option<(i32, Address)>,
    /// What else there is to say, in words; may be empty.
    pub detail: String,
}

/// Is called at each transition, on the session's task: it must not block.
pub type Observer = Arc<dyn Fn(&TransitionEvent) + Send + Sync>;

/// Writes one session's transitions to the log and the recording, and passes them to an observer.
pub(super) struct EventLog {
    session: u64,
    began: Instant,
    observer: Option<Observer>,
    tap: Tap,
    delve: Mutex<Option<(i32, Address)>>,
    /// The number of the spare whose life it is.
    spare: Option<u64>,
    /// The session's place among those that are open.
    open: Option<Arc<OpenSession>>,
}

/// A field that only some transitions have.
enum Extra {
    Nothing,
    /// The end's cause, and whether the client did not want it.
    Cause(&'static str, bool),
    Firewall(&'static str),
}

impl EventLog {
    /// The session begins: the client has spoken.
    pub(super) fn begin(
        session: u64,
        observer: Option<Observer>,
        open: Option<Arc<OpenSession>>,
        tap: Tap,
        detail: impl fmt::Display,
    ) -> EventLog {
        let events = EventLog { session, tap, open, ..EventLog::of_a_server(observer) };
        events.write(Transition::FirstByte, Duration::ZERO, Extra::Nothing, detail);
        events
    }

    /// The life of a dlv that all sessions share, as session 0.
    pub(super) fn of_a_server(observer: Option<Observer>) -> EventLog {
        let (began, tap, delve) = (Instant::now(), Tap::none(), Mutex::default());
        EventLog { session: 0, began, observer, tap, delve, spare: None, open: None }
    }

    /// The life of a spare until a session takes it, as session 0 too.
    pub(super) fn of_a_spare(number: u64, observer: Option<Observer>) -> EventLog {
        EventLog { spare: Some(number), ..EventLog::of_a_server(observer) }
    }

    /// The session has this spare from now on: a dlv that is ready, its open gate and its
    /// connection.
    pub(super) fn takes_spare(&self, number: u64, pid: i32, address: &Address, firewall: &'static str) {
        self.has_delve(pid, address);
        let at = self.began.elapsed();
        self.note(Transition::DlvReady, format_args!("pid {pid} at {address}, spare {number}"));
        if let Some(address) = address.tcp() {
            let (port, extra) = (address.port(), Extra::Firewall(firewall));
            self.write(Transition::GateOpen, at, extra, format_args!("port {port}, spare {number}"));
        }
        self.note(Transition::UpstreamConnected, format_args!("{address}, spare {number}"));
    }

    /// The session's number.
    pub(super) fn session(&self) -> u64 {
        self.session
    }

    pub(super) fn note(&self, transition: Transition, detail: impl fmt::Display) {
        self.write(transition, self.began.elapsed(), Extra::Nothing, detail);
    }

    /// dlv is ready.
    pub(super) fn dlv_ready(&self, pid: i32, address: &Address) {
        self.has_delve(pid, address);
        self.note(Transition::DlvReady, format_args!("pid {pid} at {address}"));
    }

    fn has_delve(&self, pid: i32, address: &Address) {
        *self.delve.lock().unwrap_or_else(PoisonError::into_inner) = Some((pid, address.clone()));
    }

    /// A step of the gate on `port`; `firewall` is the backend, and `off` means that there is no
    /// rule.
    pub(super) fn gate(&self, transition: Transition, firewall: &'static str, port: u16) {
        self.write(transition, self.began.elapsed(), Extra::Firewall(firewall), format_args!("port {port}"));
    }

    /// The session ends; `cause` is the reason in a word. `is_failure`: it is logged as a warning.
    pub(super) fn ending(&self, cause: &'static str, is_failure: bool, detail: impl fmt::Display) {
        self.write(Transition::Ending, self.began.elapsed(), Extra::Cause(cause, is_failure), detail);
    }

    fn write(&self, transition: Transition, at: Duration, extra: Extra, detail: impl fmt::Display) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let delve = self.delve.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let detail = match (self.spare, detail.to_string()) {
            (None, detail) => detail,
            (Some(number), detail) if detail.is_empty() => format!("spare {number}"),
            (Some(number), detail) => format!("{detail}, spare {number}"),
        };
        let entry = TransitionEvent { session: self.session, transition, at, delve, detail };
        let (at_us, wall_us) = (at.as_micros() as u64, wall.as_micros() as u64);
        let (session, name, detail) = (
            entry.session,
            transition.name(),
            Some(entry.detail.as_str()).filter(|detail| !detail.is_empty()),
        );
        let (cause, firewall) = match extra {
            Extra::Nothing => (None, None),
            Extra::Cause(cause, _) => (Some(cause), None),
            Extra::Firewall(firewall) => (None, Some(firewall)),
        };
        // In text without the span, which has the same number; JSON has it where there is one.
        match extra {
            Extra::Cause(_, true) => {
                tracing::warn!(target: "dlvgate::session", parent: None, session, transition = name, at_us, wall_us, cause, firewall, spare = self.spare, detail);
            }
            _ => {
                tracing::info!(target: "dlvgate::session", parent: None, session, transition = name, at_us, wall_us, cause, firewall, spare = self.spare, detail);
            }
        }
        self.tap.step(name, &entry.detail, firewall, cause);
        if let Some(open) = &self.open {
            open.note(transition, entry.delve.as_ref());
        }
        if let Some(observer) = &self.observer {
            observer(&entry);
        }
    }
}
