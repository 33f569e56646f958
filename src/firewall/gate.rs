//! The gates of this process: opened, shut and removed through the guard.

use std::fmt;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::backend::FirewallBackend;
use super::disabled::Disabled;
use super::error::FirewallError;
use super::guard::GuardError;
use super::guard::client::GuardClient;
use super::peer::Peer;

/// The holder of this process's gates. Clones share it.
#[derive(Clone)]
pub struct Firewall {
    held: FirewallState,
}

#[derive(Clone)]
enum FirewallState {
    Off(Disabled),
    Guarded { backend: FirewallBackend, guard: Arc<GuardClient> },
}

impl Firewall {
    /// A firewall that does nothing.
    pub fn off(why: Disabled) -> Firewall {
        Firewall { held: FirewallState::Off(why) }
    }

    pub(super) fn guarded(backend: FirewallBackend, guard: GuardClient) -> Firewall {
        Firewall { held: FirewallState::Guarded { backend, guard: Arc::new(guard) } }
    }

    /// The backend's name, as `--firewall` takes it.
    pub fn name(&self) -> &'static str {
        match &self.held {
            FirewallState::Off(_) => "off",
            FirewallState::Guarded { backend, .. } => backend.name(),
        }
    }

    /// Why there is no firewall, where there is none.
    pub fn is_off(&self) -> Option<Disabled> {
        match &self.held {
            FirewallState::Off(off) => Some(*off),
            FirewallState::Guarded { .. } => None,
        }
    }

    /// Guards `port`: the peers pass, everybody else is blocked. Returns once the rules were read
    /// back.
    ///
    /// # Errors
    /// Whatever keeps the rules from being loaded, enabled or read back; then nothing is left
    /// loaded.
    pub async fn open(&self, port: u16, peers: &[Peer]) -> Result<Gate, FirewallError> {
        self.open_with(port, peers, None).await
    }

    /// The same for a port at which no process listens yet: `socket` is bound to it.
    ///
    /// # Errors
    /// As [`Firewall::open`].
    pub async fn open_bound(
        &self,
        port: u16,
        peers: &[Peer],
        socket: BorrowedFd<'_>,
    ) -> Result<Gate, FirewallError> {
        self.open_with(port, peers, Some(socket)).await
    }

    async fn open_with(
        &self,
        port: u16,
        peers: &[Peer],
        socket: Option<BorrowedFd<'_>>,
    ) -> Result<Gate, FirewallError> {
        match &self.held {
            FirewallState::Off(off) => tracing::debug!(target: "dlvgate::firewall", port, "{off}"),
            FirewallState::Guarded { guard, .. } => guard.open(port, peers, socket).await?,
        }
        Ok(Gate { firewall: self.clone(), port })
    }

    /// Waits until the guard has ended without being asked by us, and says how; for ever where
    /// there is none.
    pub async fn lost(&self) -> GuardError {
        match &self.held {
            FirewallState::Off(_) => std::future::pending().await,
            FirewallState::Guarded { guard, .. } => guard.lost().await,
        }
    }

    /// Ends the guard, which closes all gates that are still open.
    ///
    /// # Errors
    /// If it does not end, or could not close everything.
    pub async fn end(&self) -> Result<(), FirewallError> {
        match &self.held {
            FirewallState::Off(_) => Ok(()),
            FirewallState::Guarded { guard, .. } => Ok(guard.end().await?),
        }
    }
}

impl fmt::Display for Firewall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.held {
            FirewallState::Off(off) => off.fmt(f),
            FirewallState::Guarded { backend, guard } => {
                write!(f, "{backend}: each session's port is guarded, by process {}", guard.pid())
            }
        }
    }
}

/// One port's gate. Its holder shuts it and removes it, in this order. The guard does so with one
/// that is dropped when its pipe ends.
#[must_use = "an open gate has to be shut and removed"]
pub struct Gate {
    firewall: Firewall,
    port: u16,
}

impl Gate {
    /// The guarded port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The backend's name, as `--firewall` takes it.
    pub fn backend(&self) -> &'static str {
        self.firewall.name()
    }

    /// Waits until the guard has removed this gate by itself, because another user has the port;
    /// for ever where it does not.
    pub async fn lost(&self) -> FirewallError {
        match &self.firewall.held {
            FirewallState::Off(_) => std::future::pending().await,
            FirewallState::Guarded { guard, .. } => {
                let why = guard.lost_gates().wait(self.port).await;
                FirewallError::GateLost { port: self.port, why }
            }
        }
    }

    /// The same, where there is a gate; for ever where there is none.
    pub async fn loss_of(gate: Option<&Gate>) -> FirewallError {
        match gate {
            Some(gate) => gate.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Whether the guard has done so.
    pub fn is_lost(&self) -> bool {
        match &self.firewall.held {
            FirewallState::Off(_) => false,
            FirewallState::Guarded { guard, .. } => guard.lost_gates().include(self.port),
        }
    }

    /// Blocks the port for everybody, the peers included.
    ///
    /// # Errors
    /// If the backend did not take the rules; the error says what may still be open.
    pub async fn shut(&self) -> Result<(), FirewallError> {
        match &self.firewall.held {
            FirewallState::Off(_) => Ok(()),
            FirewallState::Guarded { guard, .. } => Ok(guard.shut(self.port).await?),
        }
    }

    /// Takes every rule of this gate away, and with the last one what enabled the filter.
    ///
    /// # Errors
    /// If the backend refused; the guard tries again when it ends.
    pub async fn remove(self) -> Result<(), FirewallError> {
        match &self.firewall.held {
            FirewallState::Off(_) => Ok(()),
            FirewallState::Guarded { guard, .. } => Ok(guard.remove(self.port).await?),
        }
    }
}
