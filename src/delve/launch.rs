//! Starting a dlv that listens.

use std::ffi::OsString;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::argv::Argv;
use super::error::LaunchError;
use super::find::find;
use super::launch_fingerprint::LaunchFingerprint;
use super::ports::{PortLease, PortPlan, PortPool};
use super::process::{Delve, SpawnSpec};
use super::reaper::Reaper;
use super::streams::Streams;

/// How many dlvs in a row may get a port that another session has still. Its gate refuses the next.
const MAX_ON_OTHERS: u32 = 8;

/// How to start a dlv, each time alike.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// `--dlv`; without it dlv is looked for.
    pub program: Option<PathBuf>,
    /// The folder that dlv runs and builds in; ours where there is none.
    pub folder: Option<PathBuf>,
    /// Variables that dlv's environment has besides ours, or instead.
    pub environment: Vec<(&'static str, OsString)>,
    /// Its command line, but for the address to listen on.
    pub argv: Argv,
    /// Where dlv may listen.
    pub ports: PortPool,
    /// How long dlv may take until its ready line; for ever where nothing is said.
    pub limit: Option<Duration>,
    /// Its standard streams.
    pub streams: Streams,
    /// Ends dlv's processes if dlvgate is killed.
    pub reaper: Reaper,
}

impl Launcher {
    /// Starts a dlv and waits for its ready line. Dropping the future ends the dlv.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub async fn launch(&self) -> Result<Delve, LaunchError> {
        let path = self.path()?;
        let (mut after, mut on_others) = (0, 0);
        loop {
            let Some(lease) = self.ports.lease(after).map_err(LaunchError::NoFolder)? else {
                return Err(LaunchError::PortInUse { plan: self.ports.plan() });
            };
            after = lease.port();
            let mut delve = self.spawn_from(&path, lease)?;
            match delve.ready(self.limit).await {
                Err(LaunchError::Ended { said, .. })
                    if after > 0 && said.contains("address already in use") =>
                {
                    tracing::debug!(target: "dlvgate::delve", port = after, "port in use, trying the next");
                }
                Err(LaunchError::Ended { said, .. }) if said.contains("unknown command \"dap\"") => {
                    return Err(LaunchError::TooOld { path });
                }
                Err(LaunchError::Ended { said, .. })
                    if self.ports.plan() == PortPlan::Unix && said.contains("listen tcp") =>
                {
                    return Err(LaunchError::NoUnix { path });
                }
                Err(error) => return Err(error),
                Ok(()) if on_others < MAX_ON_OTHERS && !delve.claim_port() => {
                    let address = delve.address();
                    tracing::debug!(target: "dlvgate::delve", %address, "the port is another session's still, starting another dlv");
                    delve.stop(Signal::SIGTERM, pending()).await;
                    on_others += 1;
                }
                Ok(()) => {
                    delve.announce("");
                    return Ok(delve);
                }
            }
        }
    }

    /// Starts a dlv and does not wait: [`Delve::ready`] does, and [`Delve::stop`] ends it at any
    /// time.
    ///
    /// # Errors
    /// See [`LaunchError`].
    pub fn spawn(&self) -> Result<Delve, LaunchError> {
        let lease = self.ports.lease_free().map_err(LaunchError::NoFolder)?;
        let lease = lease.ok_or(LaunchError::PortInUse { plan: self.ports.plan() })?;
        self.spawn_from(&self.path()?, lease)
    }

    /// Whether it listens on a port; else on a Unix socket.
    pub fn is_on_a_port(&self) -> bool {
        self.ports.plan() != PortPlan::Unix
    }

    /// Whether another dlv at another port is as good as this one.
    pub fn may_be_started_again(&self) -> bool {
        let in_place = matches!(self.streams, Streams::InPlace(_));
        self.ports.plan() == PortPlan::Any && self.argv.waits_for_a_client() && !in_place
    }

    /// What would be started now.
    ///
    /// # Errors
    /// If there is no dlv.
    pub fn target(&self) -> Result<LaunchFingerprint, LaunchError> {
        Ok(LaunchFingerprint::of(self.path()?, self.folder.as_deref()))
    }

    /// Finds the dlv that is started.
    ///
    /// # Errors
    /// If there is none.
    pub fn path(&self) -> Result<PathBuf, LaunchError> {
        let home = self.environment.iter().find(|(key, _)| *key == "HOME").map(|(_, home)| home.as_os_str());
        Ok(find(self.program.as_deref(), home)?)
    }

    fn spawn_from(&self, path: &Path, lease: PortLease) -> Result<Delve, LaunchError> {
        let spec = SpawnSpec {
            program: path,
            folder: self.folder.as_deref(),
            environment: &self.environment,
            argv: &self.argv,
            streams: &self.streams,
            reaper: &self.reaper,
        };
        Delve::spawn(&spec, lease).map_err(|said| LaunchError::CannotStart { path: path.to_owned(), said })
    }
}
