//! Another dlv at another port, where another user has the one that the system chose.

use nix::sys::signal::Signal;

use super::backend::Backend;
use super::end_reason::EndReason;
use super::event_log::Transition;
use crate::delve::Launcher;
use crate::shutdown::Shutdown;

/// How many more dlvs are started: one user's connections and gates are at a few ports of many.
const MAX_MORE: u32 = 8;

impl Backend {
    /// After a gate that could not be opened: stops the dlv, so that another one is started.
    ///
    /// # Errors
    /// The same cause, where another dlv would change nothing.
    pub(super) async fn launch_elsewhere(
        &mut self,
        cause: EndReason,
        launcher: Option<&Launcher>,
        stop: &Shutdown,
    ) -> Result<(), EndReason> {
        let is_of_another = matches!(&cause, EndReason::GateRefused(why) if why.is_of_another());
        let may_move =
            is_of_another && self.given_up < MAX_MORE && launcher.is_some_and(Launcher::may_be_started_again);
        if !may_move {
            return Err(cause);
        }
        let Some(at_others) = self.lifecycle.launch_again() else { return Err(cause) };
        self.given_up += 1;
        at_others.stop(Signal::SIGTERM, stop.hurried()).await;
        self.events.note(Transition::DlvStopped, format_args!("another one is started: {cause}"));
        Ok(())
    }
}
