//! One spare: a dlv that is started, gated and dialled before there is a client for it.

use std::io::ErrorKind;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use crate::delve::{Address, Delve, Launcher, Target};
use crate::fault;
use crate::firewall::{Firewall, FirewallError, Gate, Peer};
use crate::session::cause::Cause;
use crate::session::elsewhere::Elsewhere;
use crate::session::journal::{Journal, Observer, Transition};
use crate::session::lifecycle::{Lifecycle, Step};
use crate::session::way_out::WayOut;
use crate::session::{DIAL_LIMIT, Link, socket};
use crate::shutdown::Shutdown;

/// Keepalive of the connection to a spare's dlv. A spare may wait for long, and the packet filter
/// may be reloaded without our rules meanwhile. The probes have to pass the filter, so a spare that
/// is blocked is replaced within 13 s instead of hanging a session.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(10))
    .with_interval(Duration::from_secs(1))
    .with_retries(3);

/// What a spare holds.
pub(in crate::session) struct Spare {
    pub(super) number: u64,
    pub(super) lifecycle: Lifecycle,
    pub(super) delve: Option<Delve>,
    pub(super) gate: Option<Gate>,
    /// The one connection that dlv serves, so that no other client can take it. If dlvgate is
    /// killed, it closes and dlv ends.
    pub(super) upstream: Option<Link>,
    target: Option<Target>,
    journal: Journal,
}

impl Spare {
    pub(super) fn new(number: u64, observer: Option<Observer>) -> Spare {
        let lifecycle = Lifecycle::of_a_spare();
        let journal = Journal::of_a_spare(number, observer);
        Spare { number, lifecycle, delve: None, gate: None, upstream: None, target: None, journal }
    }

    /// One that has taken them all, with this connection.
    #[cfg(test)]
    pub(super) fn waiting(number: u64, upstream: tokio::net::TcpStream, target: Target) -> Spare {
        let mut spare = Spare::new(number, None);
        while spare.lifecycle.next() != Step::Wait {
            spare.lifecycle.done();
        }
        Spare { upstream: Some(Link::Tcp(upstream)), target: Some(target), ..spare }
    }

    /// Takes the steps up to the wait for a session.
    ///
    /// # Errors
    /// The first that fails, or a call to stop. What it holds then has to be given back with
    /// [`Spare::end`].
    pub(super) async fn prepare(
        &mut self,
        launcher: &Launcher,
        firewall: &Firewall,
        stop: &Shutdown,
    ) -> Result<(), Cause> {
        if !launcher.is_on_a_port() {
            self.lifecycle = self.lifecycle.clone().on_no_port();
        }
        let mut elsewhere = Elsewhere::default();
        loop {
            match self.lifecycle.next() {
                Step::Launch => self.launch(launcher, stop).await?,
                Step::OpenGate => {
                    if let Err(cause) = self.open_gate(firewall).await {
                        let (delve, lifecycle) = (&mut self.delve, &mut self.lifecycle);
                        let journal = &self.journal;
                        elsewhere.instead_of(cause, Some(launcher), delve, lifecycle, journal, stop).await?;
                        continue;
                    }
                }
                Step::Dial => self.dial(stop).await?,
                _ => break,
            }
            self.lifecycle.done();
        }
        let (pid, address) = self.process();
        self.journal.note(Transition::SpareReady, format_args!("pid {pid} at {address}"));
        fault::point("spare").await;
        Ok(())
    }

    async fn launch(&mut self, launcher: &Launcher, stop: &Shutdown) -> Result<(), Cause> {
        self.journal.note(Transition::DlvStarting, "");
        self.target = Some(launcher.target().map_err(Cause::NoDlv)?);
        let delve = tokio::select! {
            delve = launcher.launch() => delve.map_err(Cause::NoDlv)?,
            signal = stop.begun() => {
                // by being dropped
                self.journal.note(Transition::DlvStopped, "killed before it was ready");
                return Err(Cause::Stopped { signal });
            }
        };
        self.journal.dlv_ready(delve.pid(), &delve.address());
        self.delve = Some(delve);
        Ok(())
    }

    /// Not interrupted by anything: a gate is open or it is not, never in between.
    async fn open_gate(&mut self, firewall: &Firewall) -> Result<(), Cause> {
        let address = self.process().1.tcp().ok_or(Cause::GateRefused(FirewallError::NoPort))?;
        let name = firewall.name();
        self.journal.gate(Transition::GateOpening, name, address.port());
        let peers: Vec<Peer> = Peer::try_from(address.ip()).into_iter().collect();
        self.gate = Some(firewall.open(address.port(), &peers).await.map_err(Cause::GateRefused)?);
        self.journal.gate(Transition::GateOpen, name, address.port());
        Ok(())
    }

    async fn dial(&mut self, stop: &Shutdown) -> Result<(), Cause> {
        let address = self.process().1;
        let stream = tokio::select! {
            stream = socket::dial(&address, DIAL_LIMIT) => stream,
            signal = stop.begun() => return Err(Cause::Stopped { signal }),
        };
        let watched = stream.and_then(|stream| {
            if let Link::Tcp(stream) = &stream {
                SockRef::from(stream).set_tcp_keepalive(&KEEPALIVE)?;
            }
            Ok(stream)
        });
        self.journal.note(Transition::Dialled, &address);
        self.upstream = Some(watched.map_err(|source| Cause::NotDialled { address, source, ours: true })?);
        Ok(())
    }

    /// dlv's process id, and where it listens.
    pub(super) fn process(&self) -> (i32, Address) {
        self.delve.as_ref().map_or((0, Address::ANY), |delve| (delve.pid(), delve.address()))
    }

    /// Whether it is what would be started now.
    pub(super) fn is(&self, target: Option<&Target>) -> bool {
        target.is_some() && self.target.as_ref() == target
    }

    /// Whether dlv holds the connection still. The kernel closes it with dlv, however dlv ends; and
    /// dlv, which speaks when it is spoken to, has said nothing.
    pub(super) fn is_alive(&self) -> bool {
        let peeked = self.upstream.as_ref().map(Link::peek);
        let is_guarded = !self.gate.as_ref().is_some_and(Gate::is_lost);
        is_guarded && matches!(peeked, Some(Err(error)) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Ready once it is no good any more.
    pub(super) fn poll_death(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.upstream {
            Some(upstream) => upstream.poll_anything(cx),
            None => Poll::Ready(()),
        }
    }

    /// The connection is a session's from now on, and like any other: the kernel asks no more.
    pub(super) fn unwatch(&self) {
        if let Some(Link::Tcp(upstream)) = &self.upstream {
            // fails where it is closed already
            let _ = SockRef::from(upstream).set_keepalive(false);
        }
    }

    /// Why it is given up, for the log; the first reason counts.
    pub(super) fn ending(&mut self, cause: &'static str, detail: impl std::fmt::Display) {
        if !self.lifecycle.is_ending() {
            self.journal.ending(cause, detail);
        }
        self.lifecycle.end();
    }

    /// Gate shut, dlv stopped, gate gone.
    pub(super) async fn end(mut self, stop: &Shutdown) {
        self.lifecycle.end();
        let mut way_out = WayOut {
            lifecycle: &mut self.lifecycle,
            journal: &self.journal,
            delve: &mut self.delve,
            gate: &mut self.gate,
            upstream: &mut self.upstream,
            status: None,
        };
        way_out.walk(stop).await;
    }
}
