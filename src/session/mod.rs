//! One session: a client's connection with its dlv, from the first byte to everything closed.

mod amendments;
mod aside;
mod carrier;
mod cause;
mod ear;
mod elsewhere;
mod farewell;
#[cfg(fuzzing)]
pub mod fuzzing;
mod journal;
mod lane;
mod ledger;
mod lifecycle;
mod link;
mod opening;
mod relay;
mod settings;
mod shared;
mod slot;
mod socket;
mod source;
mod spare;
mod talk;
mod way_out;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dlvgate_protocol::sniff::Protocol;
use dlvgate_recording::Tap;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

pub use amendments::Amendments;
pub use cause::Cause;
pub use journal::{Entry, Observer, Transition};
pub use lane::Unframed;
pub use lifecycle::{Lifecycle, Step};
pub use link::Link;
pub use opening::FIRST_BYTE;
pub use settings::{Settings, Upstream};
pub use shared::{Ended, SharedDelve};
pub use slot::Visitor;
pub use source::Source;
pub use spare::{MAX_SPARES, Spares};

use crate::delve::{Address, Delve};
use crate::fault;
use crate::firewall::{FirewallError, Gate, Peer};
use crate::shutdown::Shutdown;
use aside::Aside;
use elsewhere::Elsewhere;
use farewell::Farewell;
use journal::Journal;
use opening::{Hold, Opening};
use shared::Exit;
use slot::Slot;
use spare::Visit;
use talk::Talk;
use way_out::WayOut;

/// How long a connection to dlv may take. It listens already; on loopback this is microseconds.
const DIAL_LIMIT: Duration = Duration::from_secs(5);

/// How long a dlv that cannot be dialled may take to end and say why.
const EARLY_END: Duration = Duration::from_millis(500);

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
            let recorder = settings.recorder.as_ref();
            let tap = recorder.map_or_else(Tap::none, |recorder| recorder.begin(protocol, number, peer));
            let observer = settings.observer.clone();
            let journal = Journal::begin(number, observer, tap.clone(), format_args!("{what} from {peer}"));
            let mut session = Session::new(client, protocol, hold, settings, journal, tap.clone());
            let cause = session.run(visitor.sessions, stop).await;
            tap.end().await;
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
        socket::drain(client).await
    };
    let _ = tokio::time::timeout(REFUSAL_LINGER, said).await;
}

struct Session<'a> {
    client: Link,
    hold: Hold,
    settings: &'a Settings,
    journal: Journal,
    talk: Talk,
    lifecycle: Lifecycle,
    /// Held for as long as the session counts against the limit.
    slot: Option<Slot>,
    /// What the spares know of it.
    visit: Option<Visit>,
    delve: Option<Delve>,
    gate: Option<Gate>,
    /// The shared dlv's address.
    joined: Option<Address>,
    upstream: Option<Link>,
}

impl<'a> Session<'a> {
    fn new(
        client: Link,
        protocol: Protocol,
        hold: Hold,
        settings: &'a Settings,
        journal: Journal,
        tap: Tap,
    ) -> Session<'a> {
        let gated = |lifecycle: Lifecycle| match settings.upstream.is_on_a_port() {
            true => lifecycle,
            false => lifecycle.on_no_port(),
        };
        let lifecycle = match &settings.upstream {
            Upstream::Launch(_) => gated(Lifecycle::with_own_delve()),
            Upstream::Warm(_) => gated(Lifecycle::with_a_spare()),
            Upstream::Running(address) => Lifecycle::with_running_delve(address.ip().is_loopback()),
            Upstream::Shared(_) => Lifecycle::with_shared_delve(),
        };
        let talk = Talk::new(protocol, &settings.amendments, tap);
        Session {
            client,
            hold,
            settings,
            journal,
            talk,
            lifecycle,
            slot: None,
            visit: None,
            delve: None,
            gate: None,
            joined: None,
            upstream: None,
        }
    }

    async fn run(&mut self, of_address: Option<Arc<Semaphore>>, stop: &Shutdown) -> Cause {
        let cause = match Slot::take(self.settings, of_address).await {
            Ok(slot) => {
                self.slot = Some(slot);
                self.until_an_end(stop).await
            }
            Err(cause) => cause,
        };
        self.lifecycle.end();
        self.journal.ending(cause.name(), &cause);
        // The client hears the reason while the port is shut and dlv is stopped; neither waits for
        // the other.
        let text = cause.to_client();
        let farewell = text.as_deref().map_or(Farewell::Wanted, Farewell::Because);
        let mut way_out = WayOut {
            lifecycle: &mut self.lifecycle,
            journal: &self.journal,
            delve: &mut self.delve,
            gate: &mut self.gate,
            upstream: &mut self.upstream,
            status: None,
        };
        let slot = &mut self.slot;
        tokio::join!(farewell::say(&mut self.client, &mut self.talk, &self.hold.bytes, farewell), async {
            way_out.walk(stop).await;
            *slot = None; // a client that keeps its socket open holds no place
        });
        self.journal.note(Transition::Closed, "");
        cause
    }

    /// Everything up to the first reason to end.
    async fn until_an_end(&mut self, stop: &Shutdown) -> Cause {
        let mut elsewhere = Elsewhere::default();
        loop {
            let done = match self.lifecycle.next() {
                Step::Take => match self.take(stop).await {
                    Ok(true) => continue, // the lifecycle is the spare's from here on
                    nothing => nothing.map(drop),
                },
                Step::Launch => self.launch(stop).await,
                Step::Join => self.join(stop).await,
                Step::OpenGate => self.open_gate().await,
                Step::Dial => self.dial(stop).await,
                _ => {
                    let cause = self.relay(stop).await;
                    return self.explained(cause).await;
                }
            };
            match done {
                Ok(()) => self.lifecycle.done(),
                Err(cause) => {
                    let launcher = self.settings.upstream.launcher();
                    let (delve, lifecycle) = (&mut self.delve, &mut self.lifecycle);
                    let instead =
                        elsewhere.instead_of(cause, launcher, delve, lifecycle, &self.journal, stop);
                    if let Err(cause) = instead.await {
                        return cause;
                    }
                }
            }
        }
    }

    async fn launch(&mut self, stop: &Shutdown) -> Result<(), Cause> {
        let Some(launcher) = self.settings.upstream.launcher() else { return Ok(()) };
        self.journal.note(Transition::DlvStarting, "");
        let delve = tokio::select! {
            delve = launcher.launch() => delve.map_err(Cause::NoDlv),
            _ = self.hold.keep_reading(&mut self.client) => Err(Cause::ClientReset),
            signal = stop.begun() => Err(Cause::Stopped { signal }),
        };
        let delve = match delve {
            Err(cause @ (Cause::ClientReset | Cause::Stopped { .. })) => {
                // by being dropped
                self.journal.note(Transition::DlvStopped, "killed before it was ready");
                return Err(cause);
            }
            other => other?,
        };
        self.journal.dlv_ready(delve.pid(), &delve.address());
        self.delve = Some(delve);
        if let Some(visit) = &mut self.visit {
            visit.launched();
        }
        Ok(())
    }

    /// Waits for the dlv that all sessions share, with its gate.
    async fn join(&mut self, stop: &Shutdown) -> Result<(), Cause> {
        let Upstream::Shared(shared) = &self.settings.upstream else {
            return Ok(());
        };
        let address = tokio::select! {
            address = shared.join() => address?,
            _ = self.hold.keep_reading(&mut self.client) => return Err(Cause::ClientReset),
            signal = stop.begun() => return Err(Cause::Stopped { signal }),
        };
        self.joined = Some(address);
        Ok(())
    }

    /// Not interrupted by anything: a gate is open or it is not, never in between.
    async fn open_gate(&mut self) -> Result<(), Cause> {
        let Some(address) = self.upstream_address().tcp() else {
            return Err(Cause::GateRefused(FirewallError::NoPort));
        };
        let firewall = self.settings.firewall.name();
        self.journal.gate(Transition::GateOpening, firewall, address.port());
        // A connection to a loopback address comes from that address, and other upstreams have no
        // gate.
        let peers: Vec<Peer> = Peer::try_from(address.ip()).into_iter().collect();
        let gate = self.settings.firewall.open(address.port(), &peers).await.map_err(Cause::GateRefused)?;
        self.gate = Some(gate);
        self.journal.gate(Transition::GateOpen, firewall, address.port());
        fault::point("readback").await;
        Ok(())
    }

    async fn dial(&mut self, stop: &Shutdown) -> Result<(), Cause> {
        let address = self.upstream_address();
        let stream = tokio::select! {
            stream = socket::dial(&address, DIAL_LIMIT) => stream,
            _ = self.hold.keep_reading(&mut self.client) => return Err(Cause::ClientReset),
            signal = stop.begun() => return Err(Cause::Stopped { signal }),
        };
        let stream = match stream {
            Ok(stream) => stream,
            Err(source) => {
                // A headless dlv prints its ready line before it looks at the program.
                if let Some(cause) = self.ended_early().await {
                    return Err(cause);
                }
                let ours = self.delve.is_some() || self.joined.is_some();
                return Err(Cause::NotDialled { address, source, ours });
            }
        };
        self.upstream = Some(stream);
        self.journal.note(Transition::Dialled, &address);
        Ok(())
    }

    /// What a dlv of ours said that ended before it could be dialled.
    async fn ended_early(&mut self) -> Option<Cause> {
        if let Upstream::Shared(shared) = &self.settings.upstream {
            let Exit { status, stderr } = shared.exit().await?;
            return Some(Cause::DlvGone { status: Some(status), stderr, malformed: false });
        }
        let delve = self.delve.as_mut()?;
        let status = tokio::time::timeout(EARLY_END, delve.exited()).await.ok()?;
        let stderr = delve.last_words().await;
        Some(Cause::DlvGone { status: Some(status), stderr, malformed: false })
    }

    async fn relay(&mut self, stop: &Shutdown) -> Cause {
        let Some(upstream) = &mut self.upstream else {
            return Cause::ClientLeft;
        };
        self.journal.note(Transition::Forwarding, "");
        let held = std::mem::take(&mut self.hold.bytes);
        tokio::select! {
            cause = relay::relay(&mut self.client, upstream, self.delve.as_mut(), held, &mut self.talk) => cause,
            signal = Aside::new(stop.begun()) => Cause::Stopped { signal },
            lost = Aside::new(Gate::loss_of(self.gate.as_ref())) => Cause::GateLost(lost),
        }
    }

    /// Replaces the cause by the shared dlv's own end, which its holder knows.
    async fn explained(&self, cause: Cause) -> Cause {
        match (cause, &self.settings.upstream) {
            (Cause::DlvGone { status: None, malformed, .. }, Upstream::Shared(shared)) => {
                let exit = shared.exit().await;
                let (status, stderr) =
                    exit.map_or_else(Default::default, |exit| (Some(exit.status), exit.stderr));
                Cause::DlvGone { status, stderr, malformed }
            }
            (cause, _) => cause,
        }
    }

    fn upstream_address(&self) -> Address {
        match (&self.delve, &self.joined, &self.settings.upstream) {
            (Some(delve), ..) => delve.address(),
            (None, Some(address), _) => address.clone(),
            (None, None, Upstream::Running(address)) => (*address).into(),
            (None, None, _) => Address::ANY,
        }
    }
}
