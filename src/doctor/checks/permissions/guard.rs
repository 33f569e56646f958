//! Whether a gate could be opened: root, or the installed helper.

use std::path::Path;

use crate::doctor::context::{Context, sudo};
use crate::doctor::facts::tool;
use crate::doctor::finding::{CheckGroup, Finding, Health, quoted_path};
use crate::firewall::guard::{ARGUMENTS, GuardError, HELPER, helper_is_safe};

const SUDO: &str = "/usr/bin/sudo";

pub(in crate::doctor) async fn check(_: &Context) -> Vec<Finding> {
    vec![look().await]
}

async fn look() -> Finding {
    let finding = |state, seen: String| Finding::new(CheckGroup::Permissions, "guard", state, seen);
    let sudo = sudo();
    let is_root = nix::unistd::geteuid().is_root();
    match helper_is_safe() {
        Err(GuardError::NoHelper) if is_root => {
            finding(Health::Good, "gates can be opened: you are root".to_owned())
        }
        Err(GuardError::NoHelper) => {
            finding(Health::Note, "the helper that opens gates without a password is not installed".to_owned())
                .why("where a packet filter filters, `sudo dlvgate serve …` opens them as well; dlv runs as you all the same")
                .remedy("sudo dlvgate firewall install")
        }
        Err(GuardError::UnsafeHelper { path, why }) => {
            let finding =
                finding(Health::Bad, format!("root must not trust what is at {}: {why}", path.display()));
            if path != Path::new(HELPER) {
                // Homebrew's /usr/local is one: a folder is not taken from those who use it.
                return finding
                    .why(
                        "who can change the folder can replace the helper, and is root then; no gate is opened with it. The folder \
                         stays as it is: without the helper `sudo dlvgate serve …` opens gates, and dlv runs as you all the same",
                    )
                    .remedy(format!("ls -ld {}", quoted_path(&path)));
            }
            // Made root's, it would be trusted with what others may have put there.
            finding
                .why("who can change the helper is root; no gate is opened with it, and its content may be another's by now")
                .remedy(format!("{sudo}rm {HELPER}"))
                .remedy("sudo dlvgate firewall install")
        }
        Err(other) => finding(Health::Warning, other.to_string()).remedy("sudo dlvgate firewall install"),
        Ok(()) => helper(is_root, finding).await,
    }
}

async fn helper(is_root: bool, finding: impl Fn(Health, String) -> Finding) -> Finding {
    let ours = format!("dlvgate {}", env!("CARGO_PKG_VERSION"));
    let theirs = match tool::ask(HELPER, &["-V"]).await {
        Ok(said) => said.stdout.trim().to_owned(),
        Err(why) => {
            return finding(Health::Unknown, format!("the helper {HELPER} does not tell its version: {why}"));
        }
    };
    if theirs != ours {
        return finding(
            Health::Warning,
            format!("the helper {HELPER} is of another version ({theirs}, and this is {ours})"),
        )
        .why("a guard that speaks otherwise is refused")
        .remedy("sudo dlvgate firewall install");
    }
    if is_root || !Path::new(SUDO).exists() {
        return finding(Health::Good, format!("the helper {HELPER} is root's, and of this version"));
    }
    let may = [&["-n", "-l", HELPER][..], &ARGUMENTS].concat();
    match tool::ask(SUDO, &may).await {
        Ok(said) if said.success => {
            finding(Health::Good, format!("the helper {HELPER} may be started without a password"))
        }
        Ok(_) => finding(
            Health::Warning,
            format!("the helper {HELPER} is there, and sudo does not let you start it"),
        )
        .why("sudo would ask for a password, which an IDE cannot type")
        .remedy("sudo dlvgate firewall install"),
        Err(why) => {
            finding(Health::Unknown, format!("sudo does not tell whether you may start {HELPER}: {why}"))
        }
    }
}
