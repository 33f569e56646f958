//! Where things are, on each system, and below which folder.

use std::path::{Path, PathBuf};

use crate::firewall::backend::FirewallBackend;
use crate::firewall::guard::policy::POLICY;
use crate::firewall::guard::{HELPER_ON_LINUX, HELPER_ON_MACOS};

/// Prefix of the jobs that restore openings at boot.
const JOB: &str = "io.github.dlvgate.open";

/// The system whose conventions hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// launchd, pf.
    Macos,
    /// systemd, nftables.
    Linux,
}

/// The places of a system, below a folder that is `/` but for trials.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
    platform: Platform,
}

impl Platform {
    /// This system.
    pub const NATIVE: Platform = if cfg!(target_os = "macos") { Platform::Macos } else { Platform::Linux };
}

impl Layout {
    /// The places of this platform below `root`, or of the system itself.
    pub fn new(root: Option<PathBuf>, platform: Platform) -> Layout {
        Layout { root: root.unwrap_or_else(|| "/".into()), platform }
    }

    /// Whether this is the system itself, and not a folder for trials.
    pub fn is_system(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The system whose conventions hold.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    /// The packet filter.
    pub fn backend(&self) -> FirewallBackend {
        match self.platform {
            Platform::Macos => FirewallBackend::Pf,
            Platform::Linux => FirewallBackend::Nftables,
        }
    }

    /// A path of the system, below the root.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A path below the root as the system knows it.
    pub fn name_of(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        format!("/{}", below.display())
    }

    pub(super) fn helper(&self) -> &'static str {
        match self.platform {
            Platform::Macos => HELPER_ON_MACOS,
            Platform::Linux => HELPER_ON_LINUX,
        }
    }

    pub(super) fn record(&self) -> &'static str {
        match self.platform {
            Platform::Macos => "/var/db/dlvgate/installed.json",
            Platform::Linux => "/var/lib/dlvgate/installed.json",
        }
    }

    pub(super) fn sudoers(&self) -> &'static str {
        "/etc/sudoers.d/dlvgate"
    }

    /// What users may open.
    pub(super) fn policy(&self) -> &'static str {
        POLICY
    }

    pub(super) fn pf_conf(&self) -> &'static str {
        "/etc/pf.conf"
    }

    pub(super) fn pf_conf_backup(&self) -> &'static str {
        "/etc/pf.conf.dlvgate-backup"
    }

    /// The folder of the system's jobs.
    pub(super) fn jobs(&self) -> &'static str {
        match self.platform {
            Platform::Macos => "/Library/LaunchDaemons",
            Platform::Linux => "/etc/systemd/system",
        }
    }

    /// The name of the job that opens this port at boot.
    pub(super) fn job(&self, port: u16) -> String {
        match self.platform {
            Platform::Macos => format!("{JOB}.{port}"),
            Platform::Linux => format!("dlvgate-open-{port}.service"),
        }
    }

    /// Its file.
    pub(super) fn job_file(&self, port: u16) -> String {
        match self.platform {
            Platform::Macos => format!("{}/{}.plist", self.jobs(), self.job(port)),
            Platform::Linux => format!("{}/{}", self.jobs(), self.job(port)),
        }
    }

    /// The files that a snapshot holds, where they are there; and the folders all of whose files it
    /// holds.
    pub(super) fn of_a_snapshot(&self) -> (Vec<&'static str>, Vec<&'static str>) {
        match self.platform {
            Platform::Macos => {
                let files = vec![self.pf_conf(), self.sudoers(), self.policy(), self.record()];
                (files, vec!["/etc/pf.anchors"])
            }
            Platform::Linux => {
                (vec!["/etc/nftables.conf", self.sudoers(), self.policy(), self.record()], vec![])
            }
        }
    }
}
