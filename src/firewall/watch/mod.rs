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

/// Where refusals are learned from.
pub enum RefusalSource {
    /// The kernel's trace.
    Nftables {
        /// The nft to run.
        nft: PathBuf,
    },
    /// pf's log.
    Pf {
        /// The programs to run.
        programs: PfPrograms,
    },
}

/// A running watch. Its holder ends it, whatever `next` said.
#[must_use = "a watch has to be ended"]
pub struct Watch(WatchKind);

enum WatchKind {
    Nftables(Tracing),
    Pf(Logging),
}

impl Watch {
    /// Starts to watch.
    ///
    /// # Errors
    /// Where a program is missing or refuses us; then nothing is left behind.
    pub async fn start(source: RefusalSource) -> Result<Watch, WatchError> {
        Ok(Watch(match source {
            RefusalSource::Nftables { nft } => WatchKind::Nftables(Tracing::start(nft).await?),
            RefusalSource::Pf { programs } => WatchKind::Pf(Logging::start(programs).await?),
        }))
    }

    /// Waits for the next refusal; `None`: we are told to stop.
    ///
    /// # Errors
    /// Where the watch cannot go on.
    pub async fn next(&mut self, stop: &Shutdown) -> Result<Option<RefusedConnection>, WatchError> {
        match &mut self.0 {
            WatchKind::Nftables(tracing) => tracing.next(stop).await,
            WatchKind::Pf(logging) => logging.next(stop).await,
        }
    }

    /// Takes away what the watch made: its table, or the interface.
    ///
    /// # Errors
    /// Where it could not be taken away; the error names the command that does so by hand.
    pub async fn end(self) -> Result<(), WatchError> {
        match self.0 {
            WatchKind::Nftables(tracing) => tracing.end().await,
            WatchKind::Pf(logging) => logging.end().await,
        }
    }
}
