//! What a user has changed in what passes, where the client has no field for it. Nothing is, unless it is asked for.

use std::sync::Arc;

use dlvgate_protocol::message::{Argument, LaunchDefaults};
use dlvgate_protocol::paths::{Rule, Rules};

/// Changes of a session's messages. The default is none.
#[derive(Clone, Debug, Default)]
pub struct Amendments {
    launch: Arc<LaunchDefaults>,
    paths: Arc<Rules>,
}

impl Amendments {
    /// `paths`: a file's names on the client's side and on dlv's, of which DAP has dlv itself take care. `set` and `force`:
    /// arguments of DAP's `launch` and `attach`, where the client has none of its own, or in any case.
    pub fn new(paths: Vec<Rule>, set: Vec<Argument>, force: Vec<Argument>) -> Amendments {
        let launch = LaunchDefaults { set, force, substitute_path: paths.clone() };
        Amendments { launch: Arc::new(launch), paths: Arc::new(Rules::new(paths)) }
    }

    pub(super) fn launch(&self) -> Option<Arc<LaunchDefaults>> {
        (!self.launch.is_empty()).then(|| Arc::clone(&self.launch))
    }

    pub(super) fn paths(&self) -> Option<Arc<Rules>> {
        (!self.paths.is_empty()).then(|| Arc::clone(&self.paths))
    }
}
