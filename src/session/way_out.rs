//! The way out: gate shut, dlv stopped, gate gone.

use std::process::ExitStatus;

use super::journal::{Journal, Transition};
use super::lifecycle::{Lifecycle, Step};
use super::link::Link;
use crate::delve::Delve;
use crate::firewall::{FirewallError, Gate};
use crate::shutdown::Shutdown;
use nix::sys::signal::Signal;

/// What a session holds and gives back, step by step.
pub(super) struct WayOut<'a> {
    pub(super) lifecycle: &'a mut Lifecycle,
    pub(super) journal: &'a Journal,
    pub(super) delve: &'a mut Option<Delve>,
    pub(super) gate: &'a mut Option<Gate>,
    pub(super) upstream: &'a mut Option<Link>,
    /// dlv's exit status, once it is stopped.
    pub(super) status: Option<ExitStatus>,
}

impl WayOut<'_> {
    /// Takes the steps that the lifecycle names, to the end.
    pub(super) async fn walk(&mut self, stop: &Shutdown) {
        loop {
            match self.lifecycle.next() {
                Step::ShutGate => self.shut_gate().await,
                Step::StopDelve => self.stop_delve(stop).await,
                Step::RemoveGate => self.remove_gate().await,
                _ => break,
            }
            self.lifecycle.done();
        }
        self.upstream.take();
    }

    /// A failure does not keep the rest from being done: with dlv gone, nothing listens on the
    /// port.
    async fn shut_gate(&mut self) {
        let Some(gate) = self.gate.as_ref() else { return };
        match gate.shut().await {
            Ok(()) => self.journal.gate(Transition::GateShut, gate.backend(), gate.port()),
            Err(error) => self.gate_failed("shut", &error),
        }
    }

    async fn stop_delve(&mut self, stop: &Shutdown) {
        let Some(delve) = self.delve.take() else { return };
        // As it was asked of us: what dlv does then is dlv's to say.
        let signal = match stop.asked() {
            Some("SIGINT") => Signal::SIGINT,
            _ => Signal::SIGTERM,
        };
        // The port is another session's from then on. The guard, which has one after the other, is
        // told of this gate's end first.
        let stopped = delve.stop(signal, stop.hurried()).await;
        self.status = stopped.status;
        let status = stopped.status.map_or_else(|| "status unknown".to_owned(), |status| status.to_string());
        let force = if stopped.killed { ", killed after its grace" } else { "" };
        let orphans = match stopped.orphans {
            0 => String::new(),
            orphans => format!(", {orphans} orphaned process(es) killed"),
        };
        self.journal.note(Transition::DlvStopped, format_args!("{status}{force}{orphans}"));
    }

    async fn remove_gate(&mut self) {
        let Some(gate) = self.gate.take() else { return };
        let (backend, port) = (gate.backend(), gate.port());
        match gate.remove().await {
            Ok(()) => self.journal.gate(Transition::GateGone, backend, port),
            Err(error) => self.gate_failed("removed", &error),
        }
    }

    fn gate_failed(&self, what: &str, error: &FirewallError) {
        let session = self.journal.session();
        tracing::error!(target: "dlvgate::session", session, %error, "the gate could not be {what}");
    }
}
