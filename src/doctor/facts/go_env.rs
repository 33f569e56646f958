//! Go's environment, as `go env` says it.

use std::collections::BTreeMap;

use super::go::Go;
use super::tool;

/// What `go env` says, in the root folder.
#[derive(Clone, Debug, Default)]
pub(in crate::doctor) struct GoEnv {
    variables: BTreeMap<String, String>,
    /// Why there are none, where `go` was asked.
    pub(in crate::doctor) silent: Option<String>,
}

impl GoEnv {
    /// A variable that is not empty.
    pub(in crate::doctor) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Asks this Go.
    pub(in crate::doctor) async fn of(go: &Go) -> GoEnv {
        let mut command = tokio::process::Command::new(&go.path);
        command.args(["env", "-json"]).current_dir("/").env_remove("GOROOT").env_remove("GOPATH");
        match tool::run(command).await.map(|said| serde_json::from_str(&said.stdout)) {
            Ok(Ok(variables)) => GoEnv { variables, silent: None },
            Ok(Err(_)) => {
                GoEnv { silent: Some("it says nothing that can be read".to_owned()), ..GoEnv::default() }
            }
            Err(why) => GoEnv { silent: Some(why.to_string()), ..GoEnv::default() },
        }
    }
}
