//! The system's own programs, at their fixed places: they run as root, and PATH is not asked.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Layout, PersistError, Platform};
use crate::firewall::{nftables, pf};

/// Checks a sudoers file (visudo(8)).
const VISUDO: &str = "/usr/sbin/visudo";

/// Which programs are run. Within a folder for trials only those that a test names.
#[derive(Clone, Debug)]
pub struct Tools {
    pub(super) visudo: Option<PathBuf>,
    pub(super) pfctl: Option<PathBuf>,
    pub(super) nft: Option<PathBuf>,
    /// launchctl or systemctl.
    pub(super) jobs: Option<PathBuf>,
}

impl Tools {
    /// The programs for this layout; a test may name its own pfctl.
    pub fn new(layout: &Layout, pfctl: Option<PathBuf>) -> Tools {
        let there = |path: &str| Some(PathBuf::from(path)).filter(|path| path.exists());
        let visudo = there(VISUDO); // changes nothing, so that a trial uses it too
        if !layout.is_system() {
            return Tools { visudo, pfctl, nft: None, jobs: None };
        }
        match layout.platform() {
            Platform::Macos => Tools {
                visudo,
                pfctl: pfctl.or_else(|| Some(pf::PFCTL.into())),
                nft: None,
                jobs: there("/bin/launchctl"),
            },
            Platform::Linux => Tools {
                visudo,
                pfctl,
                nft: Some(nftables::find()).filter(|nft| nft.exists()),
                // systemctl works only where systemd runs: systemd's own test, sd_booted(3).
                jobs: there("/usr/bin/systemctl").filter(|_| Path::new("/run/systemd/system").exists()),
            },
        }
    }
}

/// Runs a program; its standard output, or its own words about why not.
pub(super) fn run<S: AsRef<OsStr>>(program: &Path, arguments: &[S]) -> Result<String, PersistError> {
    let words: Vec<_> = arguments.iter().map(|word| word.as_ref().to_string_lossy()).collect();
    let command = format!("{} {}", program.display(), words.join(" "));
    let output = Command::new(program)
        .args(arguments.iter().map(AsRef::as_ref))
        .env("LC_ALL", "C")
        .output()
        .map_err(|said| PersistError::Refused { command: command.clone(), said: said.to_string() })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said).split_whitespace().collect::<Vec<_>>().join(" ");
    Err(PersistError::Refused { command, said })
}
