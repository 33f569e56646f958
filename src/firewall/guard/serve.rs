//! The guard itself: reads requests, drives the packet filter, and closes everything when the pipe
//! ends.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior};

use super::audit::Audit;
use super::journal_store::JournalStore;
use super::limits::{CallerLimits, RequestRefusal};
use super::state_machine::{GuardState, GuardStep, StepOutcome};
use super::wire::{
    self, Greeting, GuardReply, GuardRequest, LINE_LIMIT, Leftover, LostGate, Operation, VERSION,
};
use crate::failpoint;
use crate::firewall::Peer;
use crate::firewall::backend::{BackendError, GateBackend, GateOpenError};
use crate::firewall::pf::PfError;

/// When the proxy was killed, how long its dlv is given to end before the rules go that block its
/// port.
const LISTENER_GRACE: Duration = Duration::from_secs(1);

/// How long an answer may wait for room, and a look with it. The proxy waits for each answer: one
/// that leaves no room never meant to read.
const ANSWER_LIMIT: Duration = LOOK;

/// How often it is looked whether it has ended.
const LISTENER_POLL: Duration = Duration::from_millis(20);

/// How often it is looked whether another user has one of the ports now. Linux answers in some
/// milliseconds at most; what a user starts there meanwhile is open to the gate's peers, or closed
/// to its own, for as long.
const LOOK: Duration = Duration::from_millis(500);

/// Looks in a row that may fail before the gates go: a kernel that is short of memory for a moment
/// ends no session.
const BLIND_LOOKS: u32 = 6;

/// A guard, ready to serve.
pub(super) struct Guard<D> {
    gates: D,
    store: Arc<JournalStore>,
    state: GuardState,
    audit: Audit,
    limits: CallerLimits,
    /// Looks that failed, in a row.
    blind: u32,
}

impl<D: GateBackend> Guard<D> {
    pub(super) fn new(gates: D, store: Arc<JournalStore>, limits: CallerLimits) -> Guard<D> {
        let (state, audit) = (GuardState::new(limits.uid()), Audit::none());
        Guard { gates, store, state, audit, limits, blind: 0 }
    }

    /// The same, with entries in the system's log.
    pub(super) fn audited(self, audit: Audit) -> Guard<D> {
        Guard { audit, ..self }
    }

    /// Greets, serves until the pipe or `stop` ends, and leaves nothing behind. Returns what could
    /// not be closed.
    pub(super) async fn run(
        mut self,
        found: Vec<Leftover>,
        mut requests: impl AsyncBufRead + Unpin,
        mut replies: impl AsyncWrite + Unpin,
        stop: impl Future<Output = ()>,
    ) -> Vec<String> {
        let greeting = self.greet(found).await;
        let mut stop = std::pin::pin!(stop);
        let mut line = Vec::new();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ended = say(&mut replies, &greeting).await.is_err() || greeting.failed.is_some();
        while !ended {
            let has_gates = self.limits.are_there() && self.state.kept().next().is_some();
            // Only the wait for a request is interrupted, never what it asks for; what was read of
            // it stays.
            let read = tokio::select! {
                read = next_line(&mut requests, &mut line) => read,
                () = &mut stop => break,
                _ = look.tick(), if has_gates => {
                    ended = self.look(&mut replies).await.is_err();
                    continue;
                }
            };
            ended = match read {
                Err(_) | Ok(CallerLine::End) => true,
                Ok(CallerLine::Whole) => {
                    let reply = self.answer(&line).await;
                    line.clear();
                    say(&mut replies, &reply).await.is_err()
                }
                Ok(CallerLine::TooLong) => {
                    let failed = Some(format!("a line of more than {LINE_LIMIT} bytes: the guard ends"));
                    let _ = say(&mut replies, &GuardReply { id: 0, failed, of_another: false, ports: None })
                        .await;
                    true
                }
            };
        }
        self.state.end();
        let failed = self.walk(&[], &[]).await;
        // What could not be shut and is gone all the same is not left.
        if self.state.ports().next().is_none() { Vec::new() } else { said(&failed) }
    }

    async fn greet(&self, found: Vec<Leftover>) -> Greeting {
        let (filtering, failed) = match self.gates.is_filtering().await {
            Ok(filtering) => (Some(filtering), self.gates.check().await.err()),
            Err(error) => (None, Some(error)),
        };
        let failed = failed.map(|error| error.to_string());
        Greeting { dlvgate_guard: VERSION, pid: std::process::id(), filtering, found, failed }
    }

    async fn answer(&mut self, line: &[u8]) -> GuardReply {
        let (id, done) = match wire::parse(line) {
            Err(why) => (0, Err(why.into())),
            Ok(request) => (request.id, self.perform(request).await),
        };
        match done {
            Ok(ports) => GuardReply { id, failed: None, of_another: false, ports },
            Err(refusal) => {
                let of_another = matches!(refusal, RequestRefusal::OfAnother(_));
                GuardReply { id, failed: Some(refusal.to_string()), of_another, ports: None }
            }
        }
    }

    async fn perform(&mut self, request: GuardRequest) -> Result<Option<Vec<u16>>, RequestRefusal> {
        let done = self.obey(request).await;
        self.limits.forget_passed();
        done
    }

    async fn obey(&mut self, request: GuardRequest) -> Result<Option<Vec<u16>>, RequestRefusal> {
        let mut at = Vec::new();
        if let Operation::Open { port, peers, socket } = &request.operation {
            self.state.may_open(*port, peers)?;
            at = self.limits.may_open(*port, peers, *socket)?;
        }
        self.state.ask(&request.operation)?;
        let failed = match request.operation {
            Operation::Hello { pid, purpose, .. } => {
                self.store.proxy(pid, purpose);
                return Ok(None);
            }
            Operation::Status => return Ok(Some(self.state.ports().collect())),
            Operation::Open { peers, .. } => self.walk(&peers, &at).await,
            Operation::Shut { .. } | Operation::Drop { .. } => self.walk(&[], &[]).await,
        };
        failed.into_iter().next().map_or(Ok(None), Err)
    }

    /// Removes the gates of ports that another user has now, and says so.
    async fn look(&mut self, replies: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let gates: BTreeMap<u16, Vec<IpAddr>> =
            self.state.kept().map(|port| (port, self.store.at(port))).collect();
        let lost: Vec<(u16, String)> = match self.limits.strangers_at(&gates) {
            Ok(strangers) => {
                self.blind = 0;
                strangers.into_iter().map(|stranger| (stranger.port(), stranger.to_string())).collect()
            }
            Err(error) => {
                self.blind += 1;
                let why = format!("the system does not say any more who uses the port ({error})");
                let all = gates.keys().map(|port| (*port, why.clone()));
                if self.blind < BLIND_LOOKS { Vec::new() } else { all.collect() }
            }
        };
        for (port, why) in lost {
            self.state.lose(port);
            let left = said(&self.walk(&[], &[]).await);
            let why = [vec![why], left].concat().join("; ");
            say(replies, &LostGate { lost: port, why }).await?;
        }
        Ok(())
    }

    /// Takes the steps that the state machine names, to the last. Returns what failed, in order.
    async fn walk(&mut self, peers: &[Peer], at: &[IpAddr]) -> Vec<RequestRefusal> {
        let mut failed = Vec::new();
        while let Some(step) = self.state.next() {
            let outcome = match self.take(step, peers, at).await {
                Ok(()) => StepOutcome::Done,
                Err((why, outcome)) => {
                    failed.push(why);
                    outcome
                }
            };
            self.audit.step(step, outcome, peers);
            self.state.done(outcome);
        }
        failed
    }

    async fn take(
        &self,
        step: GuardStep,
        peers: &[Peer],
        at: &[IpAddr],
    ) -> Result<(), (RequestRefusal, StepOutcome)> {
        let no_journal = |error: io::Error| (no_journal(&error).into(), StepOutcome::Failed);
        let failed = |error: BackendError| (error.to_string().into(), StepOutcome::Failed);
        match step {
            GuardStep::Note(port) => {
                self.store.opening(port, peers, at).map_err(no_journal)?;
                self.store.keep(&self.limits, port).map_err(|why| (why, StepOutcome::Undone))
            }
            GuardStep::Load(port) => {
                failpoint::point("journal").await;
                self.gates.open(port, peers, at).await.map_err(|GateOpenError { why, may_be_left }| {
                    (
                        why.to_string().into(),
                        if may_be_left { StepOutcome::Failed } else { StepOutcome::Undone },
                    )
                })
            }
            GuardStep::Shut(port) => {
                let strangers = self.limits.strangers_at(&BTreeMap::from([(port, self.store.at(port))]));
                match strangers.unwrap_or_default().first() {
                    // Shut, it would be closed to them too.
                    Some(stranger) => {
                        let why = format!("{stranger}: the gate goes, and is not shut");
                        Err((RequestRefusal::OfAnother(why), StepOutcome::Another))
                    }
                    None => self.gates.shut(port).await.map_err(failed),
                }
            }
            GuardStep::NoteShut(port) => self.store.shut(port).map_err(no_journal),
            GuardStep::Remove(port) => match self.gates.remove(port).await {
                // The token is given back, and could not be noted so; a guard that holds nothing
                // any more needs no room for its note.
                Ok(()) | Err(BackendError::Pf(PfError::NoJournal { .. })) => Ok(()),
                Err(error) => Err(failed(error)),
            },
            GuardStep::Strike(port) => self.store.gone(port).map_err(no_journal),
            GuardStep::Linger => {
                self.linger().await;
                Ok(())
            }
        }
    }

    /// Waits for what listens on the ports, in all [`LISTENER_GRACE`] at most.
    async fn linger(&self) {
        let deadline = Instant::now() + LISTENER_GRACE;
        for port in self.state.ports() {
            while is_listened_on(port) && Instant::now() < deadline {
                tokio::time::sleep(LISTENER_POLL).await;
            }
        }
    }
}

/// A port on loopback that cannot be bound is listened on. Nothing is connected to, and nothing is
/// spent.
fn is_listened_on(port: u16) -> bool {
    matches!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)), Err(error) if error.kind() == io::ErrorKind::AddrInUse)
}

enum CallerLine {
    Whole,
    TooLong,
    End,
}

/// Reads up to the next newline, at most [`LINE_LIMIT`] bytes with those that are there. Can be
/// cancelled and called again.
async fn next_line(requests: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> io::Result<CallerLine> {
    requests.take((LINE_LIMIT - line.len()) as u64).read_until(b'\n', line).await?;
    Ok(match line.last() {
        Some(b'\n') => CallerLine::Whole,
        Some(_) if line.len() == LINE_LIMIT => CallerLine::TooLong,
        _ => CallerLine::End, // a line without a newline was cut off: it is not obeyed
    })
}

/// Says it within [`ANSWER_LIMIT`], or fails: the guard then ends, as where the pipe does.
pub(super) async fn say(
    replies: &mut (impl AsyncWrite + Unpin),
    said: &impl serde::Serialize,
) -> io::Result<()> {
    let line = wire::line(said);
    let told = async {
        replies.write_all(&line).await?;
        replies.flush().await
    };
    tokio::time::timeout(ANSWER_LIMIT, told).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn said(failed: &[RequestRefusal]) -> Vec<String> {
    failed.iter().map(ToString::to_string).collect()
}

fn no_journal(error: &io::Error) -> String {
    format!("the journal cannot be written: {error}; nothing is opened without it")
}

#[cfg(test)]
mod tests;
