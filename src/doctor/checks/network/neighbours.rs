//! Programs that manage the packet filter besides us.

use std::path::Path;

use crate::doctor::context::{Context, sudo};
use crate::doctor::facts::tool;
use crate::doctor::finding::{CheckGroup, Finding, Health};

/// The program that writes the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    Ufw,
    Firewalld,
}

const UFW: &str = "/usr/sbin/ufw";
const UFW_SETTINGS: &str = "/etc/ufw/ufw.conf";
const FIREWALL_CMD: &str = "/usr/bin/firewall-cmd";

/// The one that is active.
pub(super) async fn manager() -> Option<Manager> {
    // `ufw status` is for root; its settings are for all.
    let settings = std::fs::read_to_string(UFW_SETTINGS).unwrap_or_default();
    if Path::new(UFW).exists() && settings.lines().any(|line| line.trim() == "ENABLED=yes") {
        return Some(Manager::Ufw);
    }
    let running = tool::ask(FIREWALL_CMD, &["--state"]).await;
    running.is_ok_and(|said| said.stdout.trim() == "running").then_some(Manager::Firewalld)
}

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    if context.is_mac() {
        return Vec::new();
    }
    let note = |seen: String| Finding::new(CheckGroup::Network, "neighbours", Health::Note, seen);
    let sudo = sudo();
    match manager().await {
        Some(Manager::Ufw) => vec![note(format!(
            "ufw is active and writes this machine's rules; `{sudo}ufw status verbose` lists them. A gate of dlvgate's opens its \
             port for as long as a session lasts, and leaves them as they are"
        ))],
        Some(Manager::Firewalld) => vec![note(format!(
            "firewalld is active and writes this machine's rules; `{sudo}firewall-cmd --list-all` lists them. It replaces them \
             when it is reloaded, and a session's gate is then gone"
        ))],
        None => Vec::new(),
    }
}
