//! Why a gate could not be opened, shut or removed.

use super::backend::BackendError;
use super::guard::GuardError;

/// A failure of the guard or its packet filter. Each message says what failed and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirewallError {
    /// There is nothing to guard: dlv listens on a Unix socket.
    #[error("dlv listens on no port, and without a port there is no gate; this is a fault in dlvgate")]
    NoPort,
    /// Another user has the port of an open gate.
    #[error("the gate of port {port} is gone: {why}. What it guarded ends with it")]
    GateLost {
        /// The port.
        port: u16,
        /// The present holder, in words.
        why: String,
    },
    /// The guard.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The packet filter.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

impl FirewallError {
    /// Whether a gate was refused because another user is at the port, or has a gate there: another
    /// port may do.
    pub fn is_of_another(&self) -> bool {
        matches!(self, FirewallError::Guard(GuardError::OfAnother { .. }))
    }

    /// Whether there is no packet filter that we may use: a server, other than `firewall open`, can
    /// do without.
    pub fn is_without_filter(&self) -> bool {
        match self {
            FirewallError::Backend(error) => error.is_without_filter(),
            FirewallError::Guard(error) => {
                matches!(error, GuardError::NoHelper | GuardError::UnsafeHelper { .. })
            }
            FirewallError::NoPort | FirewallError::GateLost { .. } => false,
        }
    }
}
