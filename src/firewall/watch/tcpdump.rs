//! Watching pf: tcpdump prints what the gates' block rules log to pflog0.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::error::WatchError;
use super::follower::Follower;
use super::pflog;
use super::refusal::RefusedConnection;
use crate::shutdown::Shutdown;

/// Where macOS has them. Never looked up in PATH: they run as root.
const TCPDUMP: &str = "/usr/sbin/tcpdump";
const IFCONFIG: &str = "/sbin/ifconfig";

/// Where `log` without `(to …)` writes to.
const INTERFACE: &str = "pflog0";

/// Numbers, pf's header, a line at once and not by the buffer.
const ARGUMENTS: [&str; 7] = ["-n", "-e", "-l", "-ttt", "--immediate-mode", "-i", INTERFACE];

/// What the system says to those who are not root.
const REFUSALS: [&str; 3] = ["Operation not permitted", "permission", "Permission denied"];

/// What a watch of pf runs.
pub struct PfPrograms {
    /// Prints the log.
    pub tcpdump: PathBuf,
    /// Makes the interface that the log goes to.
    pub ifconfig: PathBuf,
}

impl Default for PfPrograms {
    /// Where macOS has them; PATH is not asked, since they run as root.
    fn default() -> PfPrograms {
        PfPrograms { tcpdump: TCPDUMP.into(), ifconfig: IFCONFIG.into() }
    }
}

/// What the watch changed of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InterfaceChange {
    /// Made by us.
    Made,
    /// It was there, and down.
    Raised,
    /// It was there and up, and stays so.
    Untouched,
}

/// A running watch.
pub(super) struct Logging {
    programs: PfPrograms,
    tcpdump: Follower,
    interface: InterfaceChange,
}

impl Logging {
    pub(super) async fn start(programs: PfPrograms) -> Result<Logging, WatchError> {
        let interface = raise(&programs.ifconfig).await?;
        match Follower::start(&programs.tcpdump, &ARGUMENTS) {
            Ok(tcpdump) => {
                tracing::info!(target: "dlvgate::firewall", interface = INTERFACE, "watching what pf logs");
                Ok(Logging { programs, tcpdump, interface })
            }
            Err(said) => {
                lower(&programs.ifconfig, interface).await?;
                Err(no_program(&programs.tcpdump, said))
            }
        }
    }

    pub(super) async fn next(&mut self, stop: &Shutdown) -> Result<Option<RefusedConnection>, WatchError> {
        loop {
            let line = tokio::select! {
                line = self.tcpdump.line() => line,
                _ = stop.begun() => return Ok(None),
            };
            let Ok(Some(line)) = line else {
                let (status, said) = self.tcpdump.ended().await;
                return Err(if is_refusal(&said) {
                    WatchError::NotRoot { said }
                } else {
                    WatchError::Ended { path: self.tcpdump.path().to_owned(), status, said }
                });
            };
            if let Some(refused) = pflog::parse(&line) {
                return Ok(Some(refused));
            }
        }
    }

    pub(super) async fn end(self) -> Result<(), WatchError> {
        self.tcpdump.end().await;
        lower(&self.programs.ifconfig, self.interface).await
    }
}

/// Sees to it that the interface is there and up.
async fn raise(ifconfig: &Path) -> Result<InterfaceChange, WatchError> {
    let shown = call(ifconfig, &[INTERFACE]).await?;
    let flags = String::from_utf8_lossy(&shown.stdout).into_owned();
    let made = if !shown.status.success() {
        succeeds(ifconfig, &[INTERFACE, "create"]).await?;
        InterfaceChange::Made
    } else if is_up(&flags) {
        return Ok(InterfaceChange::Untouched);
    } else {
        InterfaceChange::Raised
    };
    if let Err(error) = succeeds(ifconfig, &[INTERFACE, "up"]).await {
        lower(ifconfig, made).await?;
        return Err(error);
    }
    Ok(made)
}

/// `pflog0: flags=141<UP,RUNNING,PROMISC> mtu 33080`.
fn is_up(shown: &str) -> bool {
    let flags = shown.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    flags.is_some_and(|(flags, _)| flags.split(',').any(|flag| flag == "UP"))
}

/// As it was before.
async fn lower(ifconfig: &Path, interface: InterfaceChange) -> Result<(), WatchError> {
    let verb = match interface {
        InterfaceChange::Made => "destroy",
        InterfaceChange::Raised => "down",
        InterfaceChange::Untouched => return Ok(()),
    };
    succeeds(ifconfig, &[INTERFACE, verb]).await.map_err(|error| WatchError::Left {
        what: format!("the interface {INTERFACE}"),
        said: error.to_string(),
        remedy: format!("sudo ifconfig {INTERFACE} {verb}"),
    })
}

async fn succeeds(ifconfig: &Path, arguments: &[&str]) -> Result<(), WatchError> {
    let output = call(ifconfig, arguments).await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(if is_refusal(&said) {
        WatchError::NotRoot { said }
    } else {
        WatchError::Ifconfig { arguments: arguments.join(" "), status: output.status.to_string(), said }
    })
}

async fn call(ifconfig: &Path, arguments: &[&str]) -> Result<Output, WatchError> {
    let mut command = Command::new(ifconfig);
    command.args(arguments).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    command.output().await.map_err(|said| no_program(ifconfig, said))
}

fn no_program(path: &Path, said: std::io::Error) -> WatchError {
    let remedy = "pf and its log exist on macOS only, which has this program";
    WatchError::NoProgram { path: PathBuf::from(path), said, remedy }
}

fn is_refusal(said: &str) -> bool {
    REFUSALS.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_up_by_its_flag() {
        assert!(is_up("pflog0: flags=141<UP,RUNNING,PROMISC> mtu 33080\n"));
        assert!(!is_up("pflog0: flags=0<> mtu 33080\n") && !is_up("pflog0: flags=100<UPPER> mtu 1\n"));
    }
}
