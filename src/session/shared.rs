//! A dlv that outlives its clients: a headless one that several share, or one that runs in our
//! place.

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::backend::{Backend, BackendLifecycle, out_of_order};
use super::end_reason::EndReason;
use super::event_log::{EventLog, Observer};
use super::lifecycle::{Lifecycle, Step};
use crate::delve::{Address, Launcher, Serves, Streams};
use crate::firewall::{Firewall, Gate};
use crate::shutdown::Shutdown;

/// After a session's connection to dlv has ended, how long dlv's own end is waited for.
const EXIT: Duration = Duration::from_millis(500);

/// Where a shared dlv comes from.
#[derive(Clone, Debug)]
pub enum DelveSource {
    /// It is started.
    Launch(Box<Launcher>),
    /// A headless one that listens already, at this address. Whether it takes several clients is
    /// its own affair.
    Running(SocketAddr),
}

impl DelveSource {
    fn serves(&self) -> Option<Serves> {
        match self {
            DelveSource::Launch(launcher) => launcher.argv.serves(),
            DelveSource::Running(_) => Some(Serves::Both),
        }
    }

    fn launcher(&self) -> Option<&Launcher> {
        match self {
            DelveSource::Launch(launcher) => Some(launcher),
            DelveSource::Running(_) => None,
        }
    }

    fn is_in_place(&self) -> bool {
        matches!(self, DelveSource::Launch(launcher) if matches!(launcher.streams, Streams::InPlace(_)))
    }

    fn serves_one_alone(&self) -> bool {
        matches!(self, DelveSource::Launch(launcher) if !launcher.argv.multiclient())
    }

    fn lifecycle(&self) -> BackendLifecycle {
        match self {
            DelveSource::Launch(launcher) if launcher.is_on_a_port() => Lifecycle::of_a_server(),
            DelveSource::Launch(_) => Lifecycle::of_a_server().on_no_port(),
            DelveSource::Running(address) => {
                Lifecycle::of_a_running_server((*address).into(), address.ip().is_loopback())
            }
        }
    }
}

/// A dlv for all sessions, behind a gate that lives as long as it does. It is started by the first
/// session, or by [`SharedDelve::start`]; where it has ended the next session starts another one,
/// unless it runs in our place.
pub struct SharedDelve {
    source: DelveSource,
    firewall: Firewall,
    /// What its ready line says, where it runs in our place.
    front: String,
    observer: Option<Observer>,
    stop: Shutdown,
    /// Asks for its end while the server goes on.
    end: Notify,
    life: Mutex<Option<Life>>,
}

/// One dlv's life.
struct Life {
    phase: watch::Receiver<Phase>,
    task: JoinHandle<()>,
    /// It serves one client, and that one has come.
    spent: bool,
}

#[derive(Clone)]
enum Phase {
    Starting,
    Ready(Address),
    /// dlv has ended by itself; what it leaves is being seen to.
    Exited(Exit),
    Ended(Ended),
}

/// How dlv ended by itself.
#[derive(Clone, Debug)]
pub(super) struct Exit {
    pub(super) status: ExitStatus,
    /// The end of its standard error, where that is ours to read.
    pub(super) stderr: String,
}

/// How a shared dlv ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Why.
    pub cause: Arc<EndReason>,
    /// Its exit status, where it had been started.
    pub status: Option<ExitStatus>,
}

impl SharedDelve {
    /// One that is not started yet. `front` is where its clients connect.
    pub fn new(
        source: DelveSource,
        firewall: Firewall,
        front: String,
        observer: Option<Observer>,
        stop: Shutdown,
    ) -> Arc<SharedDelve> {
        let (end, life) = (Notify::new(), Mutex::new(None));
        Arc::new(SharedDelve { source, firewall, front, observer, stop, end, life })
    }

    /// Which protocols it serves.
    pub fn serves(&self) -> Option<Serves> {
        self.source.serves()
    }

    /// Starts it, where it does not run.
    pub fn start(self: &Arc<SharedDelve>) {
        drop(self.living());
    }

    /// Waits until it can be connected: it listens and its gate is open. Starts it where it does
    /// not run. Can be cancelled.
    ///
    /// # Errors
    /// If it cannot be started, has ended for good, or serves one client alone and that one has
    /// come already.
    pub(super) async fn join(self: &Arc<SharedDelve>) -> Result<Address, EndReason> {
        loop {
            let (mut phase, is_ending) = self.living_phase()?;
            let settled = |phase: &Phase| matches!(phase, Phase::Ready(_) | Phase::Ended(_));
            match phase.wait_for(settled).await.map(|phase| phase.clone()) {
                Ok(Phase::Ready(address)) => return Ok(address),
                // the next one is started
                Ok(Phase::Ended(_)) if is_ending && !self.source.is_in_place() => {}
                Ok(Phase::Ended(ended)) => return Err(EndReason::SharedEnded(ended.cause)),
                Ok(_) | Err(_) => return Err(EndReason::Stopped { signal: "the server's end" }),
            }
        }
    }

    /// The phase of the present life, and whether that is at its end.
    fn living_phase(self: &Arc<SharedDelve>) -> Result<(watch::Receiver<Phase>, bool), EndReason> {
        let mut life = self.living();
        let Some(life) = life.as_mut() else { return Err(EndReason::AlreadyUsed) };
        let is_ending = matches!(&*life.phase.borrow(), Phase::Exited(_));
        let is_over = matches!(&*life.phase.borrow(), Phase::Ended(_));
        if !is_ending
            && !is_over
            && self.source.serves_one_alone()
            && std::mem::replace(&mut life.spent, true)
        {
            return Err(EndReason::AlreadyUsed);
        }
        Ok((life.phase.clone(), is_ending))
    }

    /// How dlv ended, for a session whose connection has ended; `None` if dlv goes on.
    pub(super) async fn exit(&self) -> Option<Exit> {
        let mut phase = self.life().as_ref().map(|life| life.phase.clone())?;
        let exited = phase.wait_for(|phase| matches!(phase, Phase::Exited(_) | Phase::Ended(_)));
        let phase = tokio::time::timeout(EXIT, exited).await.ok()?.ok()?.clone();
        match phase {
            Phase::Exited(exit) => Some(exit),
            Phase::Ended(ended) => match &*ended.cause {
                EndReason::DlvEnded { status, stderr } => {
                    Some(Exit { status: *status, stderr: stderr.clone() })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Waits until no client can be served any more: for ever where another one follows it.
    pub(super) async fn over(&self) {
        if !self.source.is_in_place() {
            std::future::pending::<()>().await;
        }
        self.ended().await;
    }

    /// Waits for its end; for ever where it was not started.
    pub async fn ended(&self) -> Ended {
        let phase = self.life().as_ref().map(|life| life.phase.clone());
        let Some(mut phase) = phase else { return std::future::pending().await };
        let over = phase.wait_for(|phase| matches!(phase, Phase::Ended(_))).await.map(|phase| phase.clone());
        match over {
            Ok(Phase::Ended(ended)) => ended,
            _ => std::future::pending().await,
        }
    }

    /// Ends it where it runs, and waits until nothing of it is left.
    pub async fn end(&self) {
        let life = self.life().take();
        if let Some(life) = life {
            self.end.notify_one();
            let _ = life.task.await;
        }
    }

    fn life(&self) -> MutexGuard<'_, Option<Life>> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its present life; a new one where the last has ended and another may follow.
    fn living(self: &Arc<SharedDelve>) -> MutexGuard<'_, Option<Life>> {
        let mut life = self.life();
        let is_over = |life: &Life| matches!(&*life.phase.borrow(), Phase::Ended(_));
        let again = !self.source.is_in_place();
        if life.as_ref().is_none_or(|life| again && is_over(life)) {
            let (sender, phase) = watch::channel(Phase::Starting);
            let task = tokio::spawn(Arc::clone(self).live(sender));
            *life = Some(Life { phase, task, spent: false });
        }
        life
    }

    /// From its start to the end of what it leaves.
    async fn live(self: Arc<SharedDelve>, phase: watch::Sender<Phase>) {
        let events = EventLog::of_a_server(self.observer.clone());
        let mut backend = Backend::new(self.source.lifecycle(), events);
        let cause = match self.bring_up(&mut backend).await {
            Ok(()) => self.until_an_end(&mut backend, &phase).await,
            Err(cause) => cause,
        };
        backend.begin_end(cause.name(), !cause.is_success(), &cause);
        let status = backend.tear_down(&self.stop).await;
        phase.send_replace(Phase::Ended(Ended { cause: Arc::new(cause), status }));
    }

    /// Takes the steps until sessions can connect.
    async fn bring_up(&self, backend: &mut Backend) -> Result<(), EndReason> {
        let launcher = self.source.launcher();
        loop {
            match backend.lifecycle.next() {
                Step::Launch => {
                    let launcher = launcher.ok_or_else(|| out_of_order(Step::Launch))?;
                    backend.launch(launcher, self.asked_to_end()).await?;
                }
                Step::OpenGate => backend.open_gate(&self.firewall, launcher, &self.stop).await?,
                Step::Relay => return Ok(()),
                step @ (Step::Take
                | Step::Join
                | Step::Dial
                | Step::Wait
                | Step::ShutGate
                | Step::StopDelve
                | Step::RemoveGate
                | Step::Close) => return Err(out_of_order(step)),
            }
        }
    }

    /// Has sessions connect until the first reason to end.
    async fn until_an_end(&self, backend: &mut Backend, phase: &watch::Sender<Phase>) -> EndReason {
        let Some(address) = backend.address() else { return out_of_order(Step::Relay) };
        phase.send_replace(Phase::Ready(address));
        let (delve, gate) = backend.lifecycle.held();
        let lost = Gate::loss_of(gate);
        let Some(delve) = delve else {
            return tokio::select! {
                cause = self.asked_to_end() => cause,
                lost = lost => EndReason::GateLost(lost),
            };
        };
        delve.observe();
        delve.announce(&self.front);
        tokio::select! {
            status = delve.exited() => {
                let stderr = delve.last_words().await;
                phase.send_replace(Phase::Exited(Exit { status, stderr: stderr.clone() }));
                EndReason::DlvEnded { status, stderr }
            }
            cause = self.asked_to_end() => cause,
            lost = lost => EndReason::GateLost(lost),
        }
    }

    async fn asked_to_end(&self) -> EndReason {
        tokio::select! {
            signal = self.stop.begun() => EndReason::Stopped { signal },
            () = self.end.notified() => EndReason::Stopped { signal: "the server's end" },
        }
    }
}
