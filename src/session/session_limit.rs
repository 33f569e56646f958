//! A session's place among all, and among those of one address.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::end_reason::EndReason;
use super::settings::SessionSettings;

/// How long a client waits for a place where all are taken: a session that ends gives its own
/// back within this, and an IDE's restart connects at once.
const PLACE_PATIENCE: Duration = Duration::from_secs(1);

/// The client at the other end of a connection.
pub struct ClientInfo<'a> {
    /// For the log, and for a recording.
    pub name: &'a str,
    /// A permit for each session that its address may have open; `None` if that is not limited.
    pub sessions: Option<Arc<Semaphore>>,
    /// Its sender is dropped when no session may begin any more.
    pub closing: Option<watch::Receiver<()>>,
}

impl<'a> ClientInfo<'a> {
    /// The only one there is.
    pub fn alone(name: &'a str) -> ClientInfo<'a> {
        ClientInfo { name, sessions: None, closing: None }
    }

    /// Returns once no session may begin any more.
    pub(super) async fn comes_too_late(&mut self) {
        match &mut self.closing {
            Some(closing) => while closing.changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }
}

/// Held for as long as a session counts against the limits.
pub(super) struct SessionPermit {
    _of_all: OwnedSemaphorePermit,
    _of_address: Option<OwnedSemaphorePermit>,
}

impl SessionPermit {
    /// The address's own place comes first: who has too many must not wait in the way of others.
    ///
    /// # Errors
    /// If none becomes free in time.
    pub(super) async fn take(
        settings: &SessionSettings,
        of_address: Option<Arc<Semaphore>>,
    ) -> Result<SessionPermit, EndReason> {
        let of_address = match of_address {
            Some(places) => {
                let limit = settings.max_sessions_per_address;
                Some(place(places).await.ok_or(EndReason::TooManyOfAddress { limit })?)
            }
            None => None,
        };
        let of_all = place(Arc::clone(&settings.slots)).await;
        let of_all = of_all.ok_or(EndReason::TooManySessions { limit: settings.max_sessions })?;
        Ok(SessionPermit { _of_all: of_all, _of_address: of_address })
    }
}

async fn place(places: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    tokio::time::timeout(PLACE_PATIENCE, places.acquire_owned()).await.ok().and_then(Result::ok)
}
