//! Another dlv at another port, where another user has the one that the system chose.

use nix::sys::signal::Signal;

use super::cause::Cause;
use super::journal::{Journal, Transition};
use super::lifecycle::Lifecycle;
use crate::delve::{Delve, Launcher};
use crate::shutdown::Shutdown;

/// How many more dlvs are started: one user's connections and gates are at a few ports of many.
const MAX_MORE: u32 = 8;

/// Counts the dlvs that one session has given up.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(u32);

impl Elsewhere {
    /// After a gate that could not be opened: stops the dlv, so that another one is started.
    ///
    /// # Errors
    /// The same cause, where another dlv would change nothing.
    pub(super) async fn instead_of(
        &mut self,
        cause: Cause,
        launcher: Option<&Launcher>,
        delve: &mut Option<Delve>,
        lifecycle: &mut Lifecycle,
        journal: &Journal,
        stop: &Shutdown,
    ) -> Result<(), Cause> {
        let is_of_another = matches!(&cause, Cause::GateRefused(why) if why.is_of_another());
        let may_move =
            is_of_another && self.0 < MAX_MORE && launcher.is_some_and(Launcher::may_be_started_again);
        let Some(at_others) = delve.take_if(|_| may_move) else { return Err(cause) };
        self.0 += 1;
        at_others.stop(Signal::SIGTERM, stop.hurried()).await;
        journal.note(Transition::DlvStopped, format_args!("another one is started: {cause}"));
        lifecycle.launch_again();
        Ok(())
    }
}
