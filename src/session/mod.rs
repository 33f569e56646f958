//! One session: a client's connection with its dlv, from the first byte to everything closed.

mod backend;
mod client_close;
mod conversation;
mod detect;
mod elsewhere;
mod end_reason;
mod event_log;
mod filter;
#[cfg(fuzzing)]
pub mod fuzzing;
mod half_duplex;
mod lifecycle;
mod link;
mod message_rewrites;
mod news;
mod open_sessions;
mod poll_on_wake;
mod relay;
mod session_limit;
mod settings;
mod shared;
mod warm;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_recording::Tap;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tracing::{Instrument, Span};

pub use detect::FIRST_BYTE;
pub use end_reason::EndReason;
pub use event_log::{Observer, Transition, TransitionEvent};
pub use filter::Unframed;
pub use lifecycle::{Lifecycle, Step};
pub use link::Transport;
pub use message_rewrites::MessageRewrites;
pub use open_sessions::{OpenSessions, SessionDelve, SessionState, SessionStatus};
pub use session_limit::ClientInfo;
pub use settings::{SessionSettings, Upstream};
pub use shared::{DelveSource, Ended, SharedDelve};
pub use warm::{MAX_SPARES, Spares};

use crate::firewall::Gate;
use crate::shutdown::Shutdown;
use backend::{Backend, out_of_order};
use client_close::ClientClose;
use conversation::Conversation;
use detect::{Detected, PrefixBuffer};
use event_log::EventLog;
use lifecycle::Relayed;
use poll_on_wake::PollOnWake;
use session_limit::SessionPermit;
use shared::Exit;
use warm::Checkout;

/// How long a client that is refused at its first bytes may take to close.
const REFUSAL_LINGER: Duration = Duration::from_secs(1);

/// What became of a connection.
#[derive(Debug)]
pub enum SessionOutcome {
    /// It never spoke DAP: nothing was started for it.
    NoSession,
    /// It was a session, with this end.
    Session(EndReason),
}

/// Serves one connection to its end; when it returns nothing of it is left.
pub async fn run(
    mut client: Transport,
    mut client_info: ClientInfo<'_>,
    number: u64,
    settings: &SessionSettings,
    stop: &Shutdown,
) -> SessionOutcome {
    let peer = client_info.name;
    let opened = tokio::select! {
        opened = detect::open(&mut client, settings.upstream.serves_json_rpc()) => opened,
        _ = stop.begun() => return SessionOutcome::NoSession,
        () = settings.upstream.over() => return SessionOutcome::NoSession,
        () = client_info.comes_too_late() => return SessionOutcome::NoSession,
    };
    match opened {
        Detected::Client(protocol, hold) => {
            let what = match protocol {
                Protocol::Dap => "DAP",
                Protocol::JsonRpc => "JSON-RPC",
            };
            let span = tracing::info_span!(target: "dlvgate::session", "session", id = number, peer, protocol = what);
            let recorder = settings.recorder.as_ref();
            let begin = || recorder.map_or_else(Tap::none, |recorder| recorder.begin(protocol, number, peer));
            let tap = span.in_scope(begin);
            let (open, stop) = match &settings.open_sessions {
                Some(all) => {
                    let (open, own) = all.begin(number, peer, what);
                    (Some(Arc::new(open)), stop.or(own))
                }
                None => (None, stop.clone()),
            };
            let (observer, detail) = (settings.observer.clone(), format!("{what} from {peer}"));
            let events = EventLog::begin(number, observer, open.clone(), tap.clone(), detail);
            let conversation = Conversation::new(protocol, &settings.rewrites, tap.clone()).listed_as(open);
            let mut session = Session::new(client, hold, settings, events, conversation);
            let cause = session.run(client_info.sessions, &stop, &span).await;
            tap.end().instrument(span).await;
            SessionOutcome::Session(cause)
        }
        Detected::Refused { why, answer } => {
            tracing::warn!(target: "dlvgate::session", session = number, peer, "refused: {why}");
            refuse(&mut client, answer).await;
            SessionOutcome::NoSession
        }
        Detected::Probed { answer } => {
            tracing::debug!(target: "dlvgate::session", session = number, peer, "asked who is here");
            refuse(&mut client, answer).await;
            SessionOutcome::NoSession
        }
        Detected::Nothing { why } => {
            tracing::debug!(target: "dlvgate::session", session = number, peer, "no session: {why}");
            SessionOutcome::NoSession
        }
    }
}

async fn refuse(client: &mut Transport, answer: Bytes) {
    let said = async {
        client.write_all(&answer).await?;
        client.shutdown().await?;
        link::drain(client).await
    };
    let _ = tokio::time::timeout(REFUSAL_LINGER, said).await;
}

struct Session<'a> {
    client: Transport,
    hold: PrefixBuffer,
    settings: &'a SessionSettings,
    conversation: Conversation,
    backend: Backend,
    /// What the spares know of it.
    visit: Option<Checkout>,
}

impl<'a> Session<'a> {
    fn new(
        client: Transport,
        hold: PrefixBuffer,
        settings: &'a SessionSettings,
        events: EventLog,
        conversation: Conversation,
    ) -> Session<'a> {
        let backend = Backend::new(settings.upstream.lifecycle(), events);
        Session { client, hold, settings, conversation, backend, visit: None }
    }

    /// `span` gives log entries their session. It is not entered while bytes are relayed, which
    /// would cost a little at each chunk.
    async fn run(&mut self, of_address: Option<Arc<Semaphore>>, stop: &Shutdown, span: &Span) -> EndReason {
        let (slot, cause) = match SessionPermit::take(self.settings, of_address).await {
            Ok(slot) => (Some(slot), self.until_an_end(stop, span).await),
            Err(cause) => (None, cause),
        };
        self.backend.begin_end(cause.name(), !cause.is_success(), &cause);
        // The client hears the reason while the port is shut and dlv is stopped; neither waits for
        // the other.
        let text = cause.to_client();
        let close = text.as_deref().map_or(ClientClose::Wanted, ClientClose::Because);
        let backend = &mut self.backend;
        tokio::join!(
            client_close::say(&mut self.client, &mut self.conversation, &self.hold.bytes, close),
            async {
                backend.tear_down(stop).instrument(span.clone()).await;
                drop(slot); // a client that keeps its socket open holds no place
            }
        );
        self.backend.events.note(Transition::Closed, "");
        cause
    }

    /// Everything up to the first reason to end.
    async fn until_an_end(&mut self, stop: &Shutdown, span: &Span) -> EndReason {
        let cause = match self.bring_up(stop).instrument(span.clone()).await {
            Ok(()) => self.relay(stop).await,
            Err(cause) => cause,
        };
        self.explained(cause).await
    }

    /// Takes the steps up to the first byte that is forwarded.
    async fn bring_up(&mut self, stop: &Shutdown) -> Result<(), EndReason> {
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
    async fn take(&mut self, stop: &Shutdown) -> Result<(), EndReason> {
        let Upstream::Warm(spares) = &self.settings.upstream else {
            return Err(out_of_order(Step::Take));
        };
        let visit = self.visit.insert(Checkout::new(spares));
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
    async fn join(&mut self, stop: &Shutdown) -> Result<(), EndReason> {
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

    async fn relay(&mut self, stop: &Shutdown) -> EndReason {
        let Some(Relayed { connection, delve, gate }) = self.backend.lifecycle.relayed() else {
            return out_of_order(Step::Relay);
        };
        self.backend.events.note(Transition::Forwarding, "");
        let held = std::mem::take(&mut self.hold.bytes);
        tokio::select! {
            cause = relay::relay(&mut self.client, connection, delve, held, &mut self.conversation) => cause,
            signal = PollOnWake::new(stop.begun()) => EndReason::Stopped { signal },
            lost = PollOnWake::new(Gate::loss_of(gate)) => EndReason::GateLost(lost),
        }
    }

    /// Replaces the cause by the shared dlv's own end, which its holder knows.
    async fn explained(&self, cause: EndReason) -> EndReason {
        let Upstream::Shared(shared) = &self.settings.upstream else { return cause };
        match cause {
            EndReason::DlvGone { status: None, malformed, .. } => {
                let exit = shared.exit().await;
                let (status, stderr) =
                    exit.map_or_else(Default::default, |exit| (Some(exit.status), exit.stderr));
                EndReason::DlvGone { status, stderr, malformed }
            }
            EndReason::ConnectFailed { address, source, .. } => match shared.exit().await {
                Some(Exit { status, stderr }) => {
                    EndReason::DlvGone { status: Some(status), stderr, malformed: false }
                }
                None => EndReason::ConnectFailed { address, source, ours: true },
            },
            other => other,
        }
    }
}

/// Waits for what ends a session before its dlv is there, and keeps the client's bytes meanwhile.
async fn interrupted(hold: &mut PrefixBuffer, client: &mut Transport, stop: &Shutdown) -> EndReason {
    tokio::select! {
        _ = hold.keep_reading(client) => EndReason::ClientReset,
        signal = stop.begun() => EndReason::Stopped { signal },
    }
}
