//! One spare: a dlv that is started, gated and connected before there is a client for it.

use std::io::ErrorKind;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::TcpKeepalive;

use crate::delve::{LaunchFingerprint, Launcher};
use crate::failpoint;
use crate::firewall::{Firewall, Gate};
use crate::session::backend::{Backend, out_of_order};
use crate::session::end_reason::EndReason;
use crate::session::event_log::{EventLog, Observer, Transition};
use crate::session::lifecycle::{Lifecycle, Step};
use crate::session::link::Transport;
use crate::shutdown::Shutdown;

/// Keepalive of the connection to a spare's dlv. A spare may wait for long, and the packet filter
/// may be reloaded without our rules meanwhile. The probes have to pass the filter, so a spare that
/// is blocked is replaced within 13 s instead of hanging a session.
const KEEPALIVE: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(10))
    .with_interval(Duration::from_secs(1))
    .with_retries(3);

/// A backend without a session. It has the one connection that its dlv serves, so that no other
/// client can take it; if dlvgate is killed, that closes and dlv ends.
pub(in crate::session) struct Spare {
    pub(super) number: u64,
    pub(super) backend: Backend,
    target: Option<LaunchFingerprint>,
}

impl Spare {
    /// One of which nothing stands yet.
    pub(super) fn new(number: u64, launcher: &Launcher, observer: Option<Observer>) -> Spare {
        let lifecycle = Lifecycle::of_a_spare();
        let lifecycle = if launcher.is_on_a_port() { lifecycle } else { lifecycle.on_no_port() };
        let backend = Backend::new(lifecycle, EventLog::of_a_spare(number, observer));
        Spare { number, backend, target: None }
    }

    /// One that waits, with this connection to a dlv of the test.
    #[cfg(test)]
    pub(super) fn waiting(
        number: u64,
        connection: tokio::net::TcpStream,
        target: LaunchFingerprint,
    ) -> Spare {
        let address = connection.peer_addr().unwrap().into();
        let mut lifecycle = Lifecycle::of_a_spare().on_no_port();
        lifecycle.joined(address);
        lifecycle.connected(Transport::Tcp(connection));
        let backend = Backend::new(lifecycle, EventLog::of_a_spare(number, None));
        Spare { number, backend, target: Some(target) }
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
    ) -> Result<(), EndReason> {
        let stopped = async || EndReason::Stopped { signal: stop.begun().await };
        loop {
            match self.backend.lifecycle.next() {
                Step::Launch => {
                    self.target = launcher.target().ok(); // without a dlv, the launch says why
                    self.backend.launch(launcher, stopped()).await?;
                }
                Step::OpenGate => self.backend.open_gate(firewall, Some(launcher), stop).await?,
                Step::Dial => self.backend.connect(Some(&KEEPALIVE), stopped()).await?,
                Step::Wait => break,
                step @ (Step::Take
                | Step::Join
                | Step::Relay
                | Step::ShutGate
                | Step::StopDelve
                | Step::RemoveGate
                | Step::Close) => return Err(out_of_order(step)),
            }
        }
        if let Some(delve) = self.backend.lifecycle.delve() {
            let (pid, address) = (delve.pid(), delve.address());
            self.backend.events.note(Transition::SpareReady, format_args!("pid {pid} at {address}"));
        }
        failpoint::point("spare").await;
        Ok(())
    }

    /// Whether it is what would be started now.
    pub(super) fn is(&self, target: Option<&LaunchFingerprint>) -> bool {
        target.is_some() && self.target.as_ref() == target
    }

    /// Whether dlv holds the connection still. The kernel closes it with dlv, however dlv ends; and
    /// dlv, which speaks when it is spoken to, has said nothing.
    pub(super) fn is_alive(&self) -> bool {
        let peeked = self.backend.lifecycle.connection().map(Transport::peek);
        let is_guarded = !self.backend.lifecycle.gate().is_some_and(Gate::is_lost);
        is_guarded && matches!(peeked, Some(Err(error)) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Ready once it is no good any more.
    pub(super) fn poll_death(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self.backend.lifecycle.connection() {
            Some(connection) => connection.poll_anything(cx),
            None => Poll::Ready(()),
        }
    }

    /// Gives a session, which looks for a spare, all that this one holds. The connection is like
    /// any other from then on: the kernel asks no more.
    pub(in crate::session) async fn hand_over(
        mut self,
        session: &mut Backend,
        firewall: &'static str,
        stop: &Shutdown,
    ) {
        if !session.lifecycle.take(&mut self.backend.lifecycle) {
            return self.end(stop).await;
        }
        if let Some(connection) = session.lifecycle.connection() {
            connection.end_keepalive();
        }
        if let Some(delve) = session.lifecycle.delve() {
            session.events.takes_spare(self.number, delve.pid(), &delve.address(), firewall);
        }
    }

    /// Why it is given up, for the log; the first reason counts.
    pub(super) fn ending(&mut self, cause: &'static str, detail: impl std::fmt::Display) {
        self.backend.begin_end(cause, false, detail);
    }

    /// Gate shut, dlv stopped, gate gone.
    pub(super) async fn end(mut self, stop: &Shutdown) {
        self.backend.tear_down(stop).await;
    }
}
