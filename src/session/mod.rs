//! One session: a client's connection with its dlv, from the first byte to everything closed.

mod amendments;
mod aside;
mod backend;
mod carrier;
mod cause;
mod elsewhere;
mod farewell;
#[cfg(fuzzing)]
pub mod fuzzing;
mod journal;
mod lane;
mod lifecycle;
mod link;
mod opening;
mod relay;
mod settings;
mod shared;
mod slot;
mod spare;
mod talk;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_recording::Tap;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

pub use amendments::Amendments;
pub use cause::Cause;
pub use journal::{Entry, Observer, Transition};
pub use lane::Unframed;
pub use lifecycle::{Lifecycle, Step};
pub use link::Link;
pub use opening::FIRST_BYTE;
pub use settings::{Settings, Upstream};
pub use shared::{Ended, SharedDelve, Source};
pub use slot::Visitor;
pub use spare::{MAX_SPARES, Spares};

use crate::firewall::Gate;
use crate::shutdown::Shutdown;
use aside::Aside;
use backend::{Backend, out_of_order};
use farewell::Farewell;
use journal::Journal;
use lifecycle::Relayed;
use opening::{Hold, Opening};
use shared::Exit;
use slot::Slot;
use spare::Visit;
use talk::Talk;

/// How long a client that is refused at its first bytes may take to close.
const REFUSAL_LINGER: Duration = Duration::from_secs(1);

/// What became of a connection.
#[derive(Debug)]
pub enum Outcome {
    /// It never spoke DAP: nothing was started for it.
    NoSession,
    /// It was a session, with this end.
    Session(Cause),
}

/// Serves one connection to its end; when it returns nothing of it is left.
pub async fn run(
    mut client: Link,
    mut visitor: Visitor<'_>,
    number: u64,
    settings: &Settings,
    stop: &Shutdown,
) -> Outcome {
    let peer = visitor.name;
    let opened = tokio::select! {
        opened = opening::open(&mut client, settings.upstream.serves_json_rpc()) => opened,
        _ = stop.begun() => return Outcome::NoSession,
        () = settings.upstream.over() => return Outcome::NoSession,
        () = visitor.comes_too_late() => return Outcome::NoSession,
    };
    match opened {
        Opening::Client(protocol, hold) => {
            let what = match protocol {
                Protocol::Dap => "DAP",
                Protocol::JsonRpc => "JSON-RPC",
            };
            let span = tracing::info_span!(target: "dlvgate::session", "session", id = number, peer, protocol = what);
            let recorder = settings.recorder.as_ref();
            let begin = || recorder.map_or_else(Tap::none, |recorder| recorder.begin(protocol, number, peer));
            let tap = span.in_scope(begin);
            let observer = settings.observer.clone();
            let journal = Journal::begin(number, observer, tap.clone(), format_args!("{what} from {peer}"));
            let mut session = Session::new(client, protocol, hold, settings, journal, tap.clone());
            let cause = session.run(visitor.sessions, stop, &span).await;
            tap.end().instrument(span).await;
            Outcome::Session(cause)
        }
        Opening::Refused { why, answer } => {
            tracing::warn!(target: "dlvgate::session", session = number, peer, "refused: {why}");
            refuse(&mut client, answer).await;
            Outcome::NoSession
        }
        Opening::Probed { answer } => {
            tracing::debug!(target: "dlvgate::session", session = number, peer, "asked who is here");
            refuse(&mut client, answer).await;
            Outcome::NoSession
        }
        Opening::Nothing { why } => {
            tracing::debug!(target: "dlvgate::session", session = number, peer, "no session: {why}");
            Outcome::NoSession
        }
    }
}

async fn refuse(client: &mut Link, answer: Bytes) {
    let said = async {
        client.write_all(&answer).await?;
        client.shutdown().await?;
        link::drain(client).await
    };
    let _ = tokio::time::timeout(REFUSAL_LINGER, said).await;
}

struct Session<'a> {
    client: Link,
    hold: Hold,
    settings: &'a Settings,
    talk: Talk,
    backend: Backend,
    /// What the spares know of it.
    visit: Option<Visit>,
}

impl<'a> Session<'a> {
    fn new(
        client: Link,
        protocol: Protocol,
        hold: Hold,
        settings: &'a Settings,
        events: Journal,
        tap: Tap,
    ) -> Session<'a> {
        let talk = Talk::new(protocol, &settings.amendments, tap);
        let backend = Backend::new(settings.upstream.lifecycle(), events);
        Session { client, hold, settings, talk, backend, visit: None }
    }

    /// `span` tells whose an entry of the log is. It is not entered while bytes are relayed, which
    /// would cost a little at each chunk.
    async fn run(&mut self, of_address: Option<Arc<Semaphore>>, stop: &Shutdown, span: &Span) -> Cause {
        let (slot, cause) = match Slot::take(self.settings, of_address).await {
            Ok(slot) => (Some(slot), self.until_an_end(stop, span).await),
            Err(cause) => (None, cause),
        };
        self.backend.begin_end(cause.name(), &cause);
        // The client hears the reason while the port is shut and dlv is stopped; neither waits for
        // the other.
        let text = cause.to_client();
        let farewell = text.as_deref().map_or(Farewell::Wanted, Farewell::Because);
        let backend = &mut self.backend;
        tokio::join!(farewell::say(&mut self.client, &mut self.talk, &self.hold.bytes, farewell), async {
            backend.tear_down(stop).instrument(span.clone()).await;
            drop(slot); // a client that keeps its socket open holds no place
        });
        self.backend.events.note(Transition::Closed, "");
        cause
    }

    /// Everything up to the first reason to end.
    async fn until_an_end(&mut self, stop: &Shutdown, span: &Span) -> Cause {
        let cause = match self.bring_up(stop).instrument(span.clone()).await {
            Ok(()) => self.relay(stop).await,
            Err(cause) => cause,
        };
        self.explained(cause).await
    }

    /// Takes the steps up to the first byte that is forwarded.
    async fn bring_up(&mut self, stop: &Shutdown) -> Result<(), Cause> {
        let launcher = self.settings.upstream.launcher();
        loop {
            match self.backend.lifecycle.next() {
                Step::Take => self.take(stop).await?,
                Step::Join => self.join(stop).await?,
                Step::Launch => {
                    let launcher = launcher.ok_or_else(|| out_of_order(Step::Launch))?;
                    let interrupt = interrupted(&mut self.hold, &mut self.client, stop);
                    self.backend.launch(launcher, interrupt).await?;
                    if let Some(visit) = &mut self.visit {
                        visit.launched();
                    }
                }
                Step::OpenGate => self.backend.open_gate(&self.settings.firewall, launcher, stop).await?,
                Step::Dial => {
                    let interrupt = interrupted(&mut self.hold, &mut self.client, stop);
                    self.backend.connect(None, interrupt).await?;
                }
                Step::Relay => return Ok(()),
                step @ (Step::Wait | Step::ShutGate | Step::StopDelve | Step::RemoveGate | Step::Close) => {
                    return Err(out_of_order(step));
                }
            }
        }
    }

    /// Takes a spare over, with its place in the order of things, where there is one.
    async fn take(&mut self, stop: &Shutdown) -> Result<(), Cause> {
        let Upstream::Warm(spares) = &self.settings.upstream else {
            return Err(out_of_order(Step::Take));
        };
        let visit = self.visit.insert(Visit::new(spares));
        let taken = tokio::select! {
            taken = visit.take() => taken,
            cause = interrupted(&mut self.hold, &mut self.client, stop) => return Err(cause),
        };
        match taken {
            Some(spare) => spare.hand_over(&mut self.backend, self.settings.firewall.name(), stop).await,
            None => self.backend.lifecycle.found_no_spare(),
        }
        Ok(())
    }

    /// Waits for the dlv that all sessions share, with its gate.
    async fn join(&mut self, stop: &Shutdown) -> Result<(), Cause> {
        let Upstream::Shared(shared) = &self.settings.upstream else {
            return Err(out_of_order(Step::Join));
        };
        let address = tokio::select! {
            address = shared.join() => address?,
            cause = interrupted(&mut self.hold, &mut self.client, stop) => return Err(cause),
        };
        self.backend.lifecycle.joined(address);
        Ok(())
    }

    async fn relay(&mut self, stop: &Shutdown) -> Cause {
        let Some(Relayed { connection, delve, gate }) = self.backend.lifecycle.relayed() else {
            return out_of_order(Step::Relay);
        };
        self.backend.events.note(Transition::Forwarding, "");
        let held = std::mem::take(&mut self.hold.bytes);
        tokio::select! {
            cause = relay::relay(&mut self.client, connection, delve, held, &mut self.talk) => cause,
            signal = Aside::new(stop.begun()) => Cause::Stopped { signal },
            lost = Aside::new(Gate::loss_of(gate)) => Cause::GateLost(lost),
        }
    }

    /// Replaces the cause by the shared dlv's own end, which its holder knows.
    async fn explained(&self, cause: Cause) -> Cause {
        let Upstream::Shared(shared) = &self.settings.upstream else { return cause };
        match cause {
            Cause::DlvGone { status: None, malformed, .. } => {
                let exit = shared.exit().await;
                let (status, stderr) =
                    exit.map_or_else(Default::default, |exit| (Some(exit.status), exit.stderr));
                Cause::DlvGone { status, stderr, malformed }
            }
            Cause::NotDialled { address, source, .. } => match shared.exit().await {
                Some(Exit { status, stderr }) => {
                    Cause::DlvGone { status: Some(status), stderr, malformed: false }
                }
                None => Cause::NotDialled { address, source, ours: true },
            },
            other => other,
        }
    }
}

/// Waits for what ends a session before its dlv is there, and keeps the client's bytes meanwhile.
async fn interrupted(hold: &mut Hold, client: &mut Link, stop: &Shutdown) -> Cause {
    tokio::select! {
        _ = hold.keep_reading(client) => Cause::ClientReset,
        signal = stop.begun() => Cause::Stopped { signal },
    }
}
