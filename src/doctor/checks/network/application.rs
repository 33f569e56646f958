//! macOS's Application Firewall: another layer, after pf, that asks which program listens.

use std::env;
use std::path::Path;

use crate::doctor::context::Context;
use crate::doctor::facts::tool;
use crate::doctor::finding::{CheckGroup, Finding, Health, quoted_path};

const TOOL: &str = "/usr/libexec/ApplicationFirewall/socketfilterfw";

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    if !context.is_mac() {
        return Vec::new();
    }
    vec![look(context).await]
}

async fn look(context: &Context) -> Finding {
    let finding =
        |state, seen: String| Finding::new(CheckGroup::Network, "application-firewall", state, seen);
    let (state, all, apps) = tokio::join!(
        tool::ask(TOOL, &["--getglobalstate"]),
        tool::ask(TOOL, &["--getblockall"]),
        tool::ask(TOOL, &["--listapps"])
    );
    let state = match state {
        Err(why) => {
            return finding(
                Health::Unknown,
                format!("the Application Firewall does not report its state: {why}"),
            );
        }
        Ok(said) => said.stdout.to_lowercase(),
    };
    if state.contains("disabled") {
        return finding(Health::Good, "the Application Firewall is off".to_owned());
    }
    if !state.contains("enabled") {
        return finding(Health::Unknown, format!("the Application Firewall says: {}", state.trim()));
    }
    let Some(peer) = context.peer() else {
        let seen = "the Application Firewall is on; it does not filter connections from this machine itself";
        return finding(Health::Good, seen.to_owned());
    };
    // "Block all DISABLED!" before macOS 14, "… block all state set to disabled." since.
    let all = all.map(|said| said.stdout.to_lowercase()).unwrap_or_default();
    let port = context.port();
    if state.contains("state = 2") || (all.contains("enabled") && !all.contains("disabled")) {
        return finding(Health::Bad, "the Application Firewall blocks all incoming connections".to_owned())
            .why(format!(
                "{peer} cannot connect to anything here; a `pass` of pf does not get past this layer. Without this setting every \
                 program that is allowed could be reached; a tunnel from here to the client opens nothing, and the client then \
                 connects to its own 127.0.0.1:{port}"
            ))
            .remedy(format!("ssh -N -R {port}:127.0.0.1:{port} {peer}"));
    }
    let apps = apps.map(|said| said.stdout).unwrap_or_default();
    let own = env::current_exe().ok().and_then(|path| path.canonicalize().ok());
    let delve = context.delves().await.chosen.as_ref().ok().and_then(|delve| delve.path.canonicalize().ok());
    for path in own.iter().chain(&delve) {
        if is_blocked(&apps, path) {
            let name = quoted_path(path);
            return finding(Health::Bad, format!("the Application Firewall blocks connections to {name}"))
                .why(format!("{peer} cannot connect to it; a `pass` of pf does not get past this layer"))
                .undoable_remedy(
                    format!("sudo {TOOL} --unblockapp {name}"),
                    format!("sudo {TOOL} --blockapp {name}"),
                );
        }
    }
    let listed = own.as_ref().is_some_and(|own| apps.contains(&*own.display().to_string()));
    if listed {
        return finding(Health::Good, "the Application Firewall is on, and allows dlvgate".to_owned());
    }
    let name = own.map(|own| quoted_path(&own)).unwrap_or_default();
    finding(Health::Warning, "the Application Firewall is on, and does not know dlvgate yet".to_owned())
        .why("macOS asks at the first connection, in a window that stays unseen where dlvgate runs in the background")
        .undoable_remedy(format!("sudo {TOOL} --add {name}"), format!("sudo {TOOL} --remove {name}"))
}

/// `2 : /usr/local/bin/dlv`, then a line `( Block incoming connections )`.
fn is_blocked(apps: &str, path: &Path) -> bool {
    let path = path.display().to_string();
    let mut lines = apps.lines().skip_while(|line| !line.trim_end().ends_with(&path));
    lines.nth(1).is_some_and(|line| line.to_lowercase().contains("block incoming"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_program_is_found_in_the_list() {
        let apps = "Total number of apps = 2 \n1 : /usr/local/bin/dlvgate \n             (Allow incoming connections) \n\
                    2 : /usr/local/bin/dlv \n             ( Block incoming connections ) \n";
        assert!(is_blocked(apps, Path::new("/usr/local/bin/dlv")));
        assert!(!is_blocked(apps, Path::new("/usr/local/bin/dlvgate")));
        assert!(!is_blocked(apps, Path::new("/bin/other")));
    }
}
