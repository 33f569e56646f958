//! What a user has changed in what passes, where the client has no field for it. Nothing is, unless
//! it is asked for.

use std::sync::Arc;

use dlvgate_protocol::message::{Argument, LaunchDefaults};
use dlvgate_protocol::paths::{PathRule, PathRules};

/// Changes of a session's messages. The default is none.
#[derive(Clone, Debug, Default)]
pub struct MessageRewrites {
    launch: Arc<LaunchDefaults>,
    paths: Arc<PathRules>,
}

impl MessageRewrites {
    /// `paths`: a file's names on the client's side and on dlv's, of which DAP has dlv itself take
    /// care. `set` and `force`: arguments of DAP's `launch` and `attach`, where the client has none
    /// of its own, or in any case.
    pub fn new(paths: Vec<PathRule>, set: Vec<Argument>, force: Vec<Argument>) -> MessageRewrites {
        let launch = LaunchDefaults { set, force, substitute_path: paths.clone() };
        MessageRewrites { launch: Arc::new(launch), paths: Arc::new(PathRules::new(paths)) }
    }

    pub(super) fn launch(&self) -> Option<Arc<LaunchDefaults>> {
        (!self.launch.is_empty()).then(|| Arc::clone(&self.launch))
    }

    pub(super) fn paths(&self) -> Option<Arc<PathRules>> {
        (!self.paths.is_empty()).then(|| Arc::clone(&self.paths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_changed_unless_it_is_asked_for() {
        let none = MessageRewrites::default();
        assert!(none.launch().is_none() && none.paths().is_none());
        let argument =
            MessageRewrites::new(Vec::new(), vec!["stopOnEntry=true".parse().unwrap()], Vec::new());
        assert!(argument.launch().is_some_and(|launch| launch.set.len() == 1) && argument.paths().is_none());
        let rule = MessageRewrites::new(vec!["/home/me=/src".parse().unwrap()], Vec::new(), Vec::new());
        assert!(
            rule.launch().is_some_and(|launch| launch.substitute_path.len() == 1),
            "DAP has dlv see to it"
        );
        let paths = rule.paths().expect("JSON-RPC has us see to it");
        assert_eq!(paths.to_server("/home/me/x.go").as_deref(), Some("/src/x.go"));
    }
}
