//! What all sessions of a server share: which dlv, who guards its port, how many there may be.

use std::net::SocketAddr;
use std::sync::Arc;

use dlvgate_recording::Recorder;
use tokio::sync::Semaphore;

use super::backend::BackendLifecycle;
use super::event_log::Observer;
use super::lifecycle::Lifecycle;
use super::message_rewrites::MessageRewrites;
use super::open_sessions::OpenSessions;
use super::shared::SharedDelve;
use super::warm::Spares;
use crate::delve::{Launcher, Serves};
use crate::firewall::Firewall;

/// Which dlv serves a session.
#[derive(Clone)]
pub enum Upstream {
    /// One that is started for it.
    Launch(Box<Launcher>),
    /// One that was started ahead, else one that is started for it.
    Warm(Arc<Spares>),
    /// A `dlv dap` that listens already, at this address.
    Running(SocketAddr),
    /// One for all sessions.
    Shared(Arc<SharedDelve>),
}

impl Upstream {
    /// Waits until it serves no session any more.
    pub(super) async fn over(&self) {
        match self {
            Upstream::Shared(shared) => shared.over().await,
            _ => std::future::pending().await,
        }
    }

    /// How a session starts a dlv of its own.
    pub(super) fn launcher(&self) -> Option<&Launcher> {
        match self {
            Upstream::Launch(launcher) => Some(launcher),
            Upstream::Warm(spares) => Some(spares.launcher()),
            Upstream::Running(_) | Upstream::Shared(_) => None,
        }
    }

    /// The lifecycle of a session with it.
    pub(super) fn lifecycle(&self) -> BackendLifecycle {
        let lifecycle = match self {
            Upstream::Launch(_) => Lifecycle::with_own_delve(),
            Upstream::Warm(_) => Lifecycle::with_a_spare(),
            Upstream::Running(address) => {
                Lifecycle::with_running_delve((*address).into(), address.ip().is_loopback())
            }
            Upstream::Shared(_) => Lifecycle::with_shared_delve(),
        };
        let is_on_a_port = self.launcher().is_none_or(Launcher::is_on_a_port);
        if is_on_a_port { lifecycle } else { lifecycle.on_no_port() }
    }

    pub(super) fn serves_json_rpc(&self) -> bool {
        let serves = match self {
            Upstream::Launch(launcher) => launcher.argv.serves(),
            Upstream::Warm(spares) => spares.launcher().argv.serves(),
            Upstream::Running(_) => Some(Serves::Dap),
            Upstream::Shared(shared) => shared.serves(),
        };
        serves == Some(Serves::Both)
    }
}

/// What all sessions of a server share.
pub struct SessionSettings {
    /// Which dlv.
    pub upstream: Upstream,
    /// The firewall that guards its port.
    pub firewall: Firewall,
    /// Sessions that may be open at once.
    pub max_sessions: usize,
    /// Of one address, where several may connect.
    pub max_sessions_per_address: usize,
    /// One permit each.
    pub slots: Arc<Semaphore>,
    /// The rewrites of messages.
    pub rewrites: MessageRewrites,
    /// The recorder of the sessions.
    pub recorder: Option<Arc<Recorder>>,
    /// Told of each transition, besides the log.
    pub observer: Option<Observer>,
    /// Where the sessions are listed while they are open.
    pub open_sessions: Option<Arc<OpenSessions>>,
}
