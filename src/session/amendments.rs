//! What a user has changed in what passes, where the client has no field for it. Nothing is, unless
//! it is asked for.

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
    /// `paths`: a file's names on the client's side and on dlv's, of which DAP has dlv itself take
    /// care. `set` and `force`: arguments of DAP's `launch` and `attach`, where the client has none
    /// of its own, or in any case.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_changed_unless_it_is_asked_for() {
        let none = Amendments::default();
        assert!(none.launch().is_none() && none.paths().is_none());
        let argument = Amendments::new(Vec::new(), vec!["stopOnEntry=true".parse().unwrap()], Vec::new());
        assert!(argument.launch().is_some_and(|launch| launch.set.len() == 1) && argument.paths().is_none());
        let rule = Amendments::new(vec!["/home/me=/src".parse().unwrap()], Vec::new(), Vec::new());
        assert!(
            rule.launch().is_some_and(|launch| launch.substitute_path.len() == 1),
            "DAP has dlv see to it"
        );
        let paths = rule.paths().expect("JSON-RPC has us see to it");
        assert_eq!(paths.to_server("/home/me/x.go").as_deref(), Some("/src/x.go"));
    }
}
