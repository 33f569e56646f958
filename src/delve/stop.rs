//! Ending a dlv and everything that stems from it.

use std::process::ExitStatus;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};

use super::process::Delve;
use super::process_tree::{ProcessTree, TERM_GRACE};

/// How long the pipes of an ended family may take to reach their end.
const PIPES_GRACE: Duration = Duration::from_secs(1);

/// How a dlv ended.
#[derive(Debug)]
pub struct Stopped {
    /// Its exit status; `None` if it could not be had.
    pub status: Option<ExitStatus>,
    /// Whether SIGKILL was needed.
    pub killed: bool,
    /// Processes that outlived dlv and were killed.
    pub orphans: usize,
}

impl Delve {
    /// Ends dlv with `signal` (SIGTERM or SIGINT), after 5 s with SIGKILL to its process group, and
    /// then whatever is left of its family: the debugged program has a group of its own. Removes
    /// the binary that a killed dlv leaves. `hurry` skips the grace.
    pub async fn stop(mut self, signal: Signal, hurry: impl Future<Output = ()>) -> Stopped {
        self.keep();
        // where it was not ready yet, what it says last is passed on all the same
        self.announce("");
        let mut killed = false;
        let mut status = self.child.try_wait().ok().flatten();
        if status.is_none() {
            // The family is looked at while it lives: a built binary's path is known only then.
            self.in_family(|family, pid| drop(family.members(pid))).await;
            let _ = kill(self.pid, signal);
            let ended = tokio::select! {
                ended = tokio::time::timeout(TERM_GRACE, self.child.wait()) => ended.ok().and_then(Result::ok),
                () = hurry => None,
            };
            killed = ended.is_none();
            status = ended;
            if killed {
                let own_group = self.family.lock().unwrap_or_else(PoisonError::into_inner).has_own_group();
                let _ = if own_group {
                    killpg(self.pid, Signal::SIGKILL)
                } else {
                    kill(self.pid, Signal::SIGKILL)
                };
                status = self.child.wait().await.ok();
            }
        }
        let orphans = self.in_family(|family, pid| family.kill(pid)).await.unwrap_or_default();
        self.reaper.over(self.pid);
        let unclean = killed || orphans > 0 || status.is_none_or(|status| status.code().is_none());
        if unclean {
            self.in_family(|family, _| {
                for path in family.remove_built() {
                    tracing::debug!(target: "dlvgate::delve", path = %path.display(), "removed the binary that dlv left");
                }
            })
            .await;
        }
        let pumps = async { while self.pumps.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(PIPES_GRACE, pumps).await;
        Stopped { status, killed, orphans }
    }

    /// Reading the process table blocks, so it is done beside the runtime.
    async fn in_family<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut ProcessTree, nix::unistd::Pid) -> T + Send + 'static,
    ) -> Option<T> {
        let (family, pid) = (Arc::clone(&self.family), self.pid);
        let work = move || work(&mut family.lock().unwrap_or_else(PoisonError::into_inner), pid);
        tokio::task::spawn_blocking(work).await.ok()
    }
}
