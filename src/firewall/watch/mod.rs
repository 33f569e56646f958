//! Reports refusals at our ports as they happen.
//!
//! On Linux the kernel traces new connections to the gates' ports (`nftables`), on macOS it logs
//! what the gates' block rules block (`pflog`). Both print lines for people: `trace` and `pflog`
//! decode them without I/O.

mod error;
mod follower;
#[cfg(fuzzing)]
pub mod fuzzing;
mod nftables;
mod pflog;
mod refusal;
mod tcpdump;
mod trace;

use std::path::PathBuf;

pub use error::WatchError;
use nftables::Tracing;
pub use refusal::RefusedConnection;
use tcpdump::Logging;
pub use tcpdump::PfPrograms;

use crate::shutdown::Shutdown;

/// A running watch. Its holder ends it, whatever `next` said.
#[must_use = "a watch has to be ended"]
pub struct Watch(RefusalSource);

enum RefusalSource {
    Nftables(Tracing),
    Pf(Logging),
}

impl Watch {
    /// Starts to watch nftables: the kernel traces, and this nft prints.
    ///
    /// # Errors
    /// If nft is missing or refuses us; then nothing is left behind.
    pub async fn nftables(nft: PathBuf) -> Result<Watch, WatchError> {
        Ok(Watch(RefusalSource::Nftables(Tracing::start(nft).await?)))
    }

    /// Starts to watch pf's log.
    ///
    /// # Errors
    /// If a program is missing or refuses us; then nothing is left behind.
    pub async fn pf(programs: PfPrograms) -> Result<Watch, WatchError> {
        Ok(Watch(RefusalSource::Pf(Logging::start(programs).await?)))
    }

    /// Waits for the next refusal; `None`: dlvgate is to stop.
    ///
    /// # Errors
    /// If the watch cannot go on.
    pub async fn next(&mut self, stop: &Shutdown) -> Result<Option<RefusedConnection>, WatchError> {
        match &mut self.0 {
            RefusalSource::Nftables(tracing) => tracing.next(stop).await,
            RefusalSource::Pf(logging) => logging.next(stop).await,
        }
    }

    /// Removes what the watch made: its table, or the interface.
    ///
    /// # Errors
    /// If it could not be removed; the error names the command that does so by hand.
    pub async fn end(self) -> Result<(), WatchError> {
        match self.0 {
            RefusalSource::Nftables(tracing) => tracing.end().await,
            RefusalSource::Pf(logging) => logging.end().await,
        }
    }
}
