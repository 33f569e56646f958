//! A dlv with its gate and its connection: brought up and torn down in one way, for a session, a
//! spare and a dlv that all sessions share.
//!
//! Each of the three asks its [`Lifecycle`] for the next step, and has it done here.

use std::fmt::Display;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use socket2::TcpKeepalive;

use super::end_reason::EndReason;
use super::event_log::{EventLog, Transition};
use super::lifecycle::{Lifecycle, Step};
use super::link::Transport;
use crate::delve::{Address, Delve, Launcher, Streams};
use crate::failpoint;
use crate::firewall::{Firewall, FirewallError, Gate, Peer};
use crate::shutdown::Shutdown;

/// How long a connection to dlv may take. It listens already; on loopback this is microseconds.
const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// How long a dlv that cannot be connected may take to end and say why.
const EARLY_END: Duration = Duration::from_millis(500);

/// The order of a session, with its dlv, gate and connection.
pub(super) type BackendLifecycle = Lifecycle<Delve, Address, Gate, Transport>;

/// Starts a dlv, opens its gate, connects to it, and gives all of it back.
pub(super) struct Backend {
    pub(super) lifecycle: BackendLifecycle,
    /// Gets each step.
    pub(super) events: EventLog,
    /// The dlvs that were given up: see [`Backend::launch_elsewhere`].
    pub(super) given_up: u32,
}

impl Backend {
    pub(super) fn new(lifecycle: BackendLifecycle, events: EventLog) -> Backend {
        Backend { lifecycle, events, given_up: 0 }
    }

    /// Where dlv listens, once that is known.
    pub(super) fn address(&self) -> Option<Address> {
        let foreign = || self.lifecycle.foreign_address().cloned();
        self.lifecycle.delve().map(Delve::address).or_else(foreign)
    }

    /// Starts dlv and waits for its ready line; `interrupt` ends the wait with its cause.
    ///
    /// # Errors
    /// If dlv does not get ready, or at the interrupt: then it is killed. One that runs in our
    /// place answers signals itself, so that is left to the [tear-down](Backend::tear_down).
    pub(super) async fn launch(
        &mut self,
        launcher: &Launcher,
        interrupt: impl Future<Output = EndReason>,
    ) -> Result<(), EndReason> {
        self.events.note(Transition::DlvStarting, "");
        let delve = match launcher.streams {
            Streams::InPlace(_) => {
                let mut delve = launcher.spawn().map_err(EndReason::NoDlv)?;
                let ready = tokio::select! {
                    ready = delve.ready(launcher.limit) => ready.map_err(EndReason::NoDlv),
                    cause = interrupt => Err(cause),
                };
                if let Err(cause) = ready {
                    self.lifecycle.launched(delve);
                    return Err(cause);
                }
                delve
            }
            _ => tokio::select! {
                delve = launcher.launch() => delve.map_err(EndReason::NoDlv)?,
                cause = interrupt => {
                    // by being dropped
                    self.events.note(Transition::DlvStopped, "killed before it was ready");
                    return Err(cause);
                }
            },
        };
        self.events.dlv_ready(delve.pid(), &delve.address());
        self.lifecycle.launched(delve);
        Ok(())
    }

    /// Opens the gate and reads it back. Where the port turns out to be another user's, dlv is
    /// stopped, and [`Step::Launch`] is next again. Not interrupted by anything: a gate is open or
    /// it is not, never in between.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) async fn open_gate(
        &mut self,
        firewall: &Firewall,
        launcher: Option<&Launcher>,
        stop: &Shutdown,
    ) -> Result<(), EndReason> {
        let address = self.address().ok_or_else(|| out_of_order(Step::OpenGate))?;
        let address = address.tcp().ok_or(EndReason::GateRefused(FirewallError::NoPort))?;
        self.events.gate(Transition::GateOpening, firewall.name(), address.port());
        // A connection to a loopback address comes from that address, and other upstreams have no
        // gate.
        let peers: Vec<Peer> = Peer::try_from(address.ip()).into_iter().collect();
        match firewall.open(address.port(), &peers).await {
            Ok(gate) => {
                self.lifecycle.gate_opened(gate);
                self.events.gate(Transition::GateOpen, firewall.name(), address.port());
                failpoint::point("readback").await;
                Ok(())
            }
            Err(why) => self.launch_elsewhere(EndReason::GateRefused(why), launcher, stop).await,
        }
    }

    /// Connects to dlv, the only time. With `keepalive` the kernel asks now and then whether dlv is
    /// there still.
    ///
    /// # Errors
    /// If dlv cannot be connected to, or at the interrupt.
    pub(super) async fn connect(
        &mut self,
        keepalive: Option<&TcpKeepalive>,
        interrupt: impl Future<Output = EndReason>,
    ) -> Result<(), EndReason> {
        let address = self.address().ok_or_else(|| out_of_order(Step::Dial))?;
        let connected = tokio::select! {
            connection = Transport::dial(&address, DIAL_LIMIT) => connection,
            cause = interrupt => return Err(cause),
        };
        let kept_alive = |connection: Transport| match keepalive {
            Some(keepalive) => connection.keep_alive(keepalive).map(|()| connection),
            None => Ok(connection),
        };
        match connected.and_then(kept_alive) {
            Ok(connection) => {
                self.lifecycle.connected(connection);
                self.events.note(Transition::UpstreamConnected, &address);
                Ok(())
            }
            // A headless dlv prints its ready line before it looks at the program.
            Err(source) => Err(match self.ended_early().await {
                Some(cause) => cause,
                None => EndReason::ConnectFailed { address, source, ours: self.lifecycle.delve().is_some() },
            }),
        }
    }

    /// What a dlv of ours said that ended before it could be connected.
    async fn ended_early(&mut self) -> Option<EndReason> {
        let (delve, _) = self.lifecycle.held();
        let delve = delve?;
        let status = tokio::time::timeout(EARLY_END, delve.exited()).await.ok()?;
        let stderr = delve.last_words().await;
        Some(EndReason::DlvGone { status: Some(status), stderr, malformed: false })
    }

    /// Begins the end, and says why: `cause` in a word, `detail` in a sentence. The first reason
    /// counts.
    pub(super) fn begin_end(&mut self, cause: &'static str, is_failure: bool, detail: impl Display) {
        if !self.lifecycle.is_ending() {
            self.events.ending(cause, is_failure, detail);
        }
        self.lifecycle.end();
    }

    /// Shuts the gate, stops dlv, and removes the gate, from whatever step it has reached. Returns
    /// dlv's exit status.
    pub(super) async fn tear_down(&mut self, stop: &Shutdown) -> Option<ExitStatus> {
        let mut status = None;
        loop {
            match self.lifecycle.next() {
                Step::ShutGate => self.shut_gate().await,
                Step::StopDelve => {
                    if let Some(delve) = self.lifecycle.stop_delve() {
                        status = self.stop_delve(delve, stop).await;
                    }
                }
                Step::RemoveGate => {
                    if let Some(gate) = self.lifecycle.remove_gate() {
                        self.remove_gate(gate).await;
                    }
                }
                Step::Close => break,
                Step::Take
                | Step::Launch
                | Step::Join
                | Step::OpenGate
                | Step::Dial
                | Step::Wait
                | Step::Relay => self.lifecycle.end(),
            }
        }
        drop(self.lifecycle.close());
        status
    }

    /// A failure does not keep the rest from being done: with dlv gone, nothing listens on the
    /// port.
    async fn shut_gate(&mut self) {
        if let Some(gate) = self.lifecycle.gate() {
            match gate.shut().await {
                Ok(()) => self.events.gate(Transition::GateShut, gate.backend(), gate.port()),
                Err(error) => self.gate_failed("shut", &error),
            }
        }
        self.lifecycle.gate_shut();
    }

    async fn stop_delve(&self, delve: Delve, stop: &Shutdown) -> Option<ExitStatus> {
        // As it was asked of us: what dlv does then is dlv's to say.
        let signal = match stop.asked() {
            Some("SIGINT") => Signal::SIGINT,
            _ => Signal::SIGTERM,
        };
        // The port is another session's from then on. The guard, which has one after the other, is
        // told of this gate's end first.
        let stopped = delve.stop(signal, stop.hurried()).await;
        let status = stopped.status.map_or_else(|| "status unknown".to_owned(), |status| status.to_string());
        let force = if stopped.killed { ", killed after its grace" } else { "" };
        let orphans = match stopped.orphans {
            0 => String::new(),
            orphans => format!(", {orphans} orphaned process(es) killed"),
        };
        self.events.note(Transition::DlvStopped, format_args!("{status}{force}{orphans}"));
        stopped.status
    }

    async fn remove_gate(&self, gate: Gate) {
        let (backend, port) = (gate.backend(), gate.port());
        match gate.remove().await {
            Ok(()) => self.events.gate(Transition::GateRemoved, backend, port),
            Err(error) => self.gate_failed("removed", &error),
        }
    }

    fn gate_failed(&self, what: &str, error: &FirewallError) {
        let session = self.events.session();
        tracing::error!(target: "dlvgate::session", session, %error, "the gate could not be {what}");
    }
}

/// Ends a backend at a step that its owner does not know. No lifecycle names one; if one did,
/// nothing would be forwarded.
pub(super) fn out_of_order(step: Step) -> EndReason {
    tracing::error!(target: "dlvgate::session", ?step, "a step out of order");
    EndReason::Stopped { signal: "a step out of order" }
}

#[cfg(test)]
mod tests;
