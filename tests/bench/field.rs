//! The upstream and all targets in front of it, running.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::connection::Connection;
use crate::process::Running;
use crate::roles::Role;
use crate::targets::{Sessions, Start, Target};
use crate::watchdog;

/// Running targets. Dropped, all end.
pub struct Field {
    pub lanes: Vec<Lane>,
    _upstream: Running,
    _folder: TempDir,
}

/// A target, and where it is.
pub struct Lane {
    pub target: Target,
    pub address: SocketAddr,
    /// `None` for the direct connection.
    pub process: Option<Running>,
}

impl Field {
    /// The process id of the only target.
    pub fn only_process(&self) -> anyhow::Result<u32> {
        let [Lane { process: Some(process), .. }] = &self.lanes[..] else {
            anyhow::bail!("not one target with a process")
        };
        Ok(process.pid())
    }

    /// Starts them, each with a session served once.
    pub fn start(targets: &[Target], sessions: Sessions) -> anyhow::Result<Field> {
        let folder = tempfile::Builder::new().prefix("dlvgate-bench-").tempdir()?;
        let mut upstream = Running::start(&mut Role::Upstream.command()?)?;
        let address = upstream.ready().context("the stand-in upstream does not start")?;
        let lanes = targets.iter().enumerate().map(|(number, target)| {
            let own = folder.path().join(number.to_string());
            std::fs::create_dir(&own)?;
            Lane::start(target, address, sessions, &own)
                .with_context(|| format!("{} does not start: {}", target.name, last_words(&own)))
        });
        Ok(Field { lanes: lanes.collect::<anyhow::Result<_>>()?, _upstream: upstream, _folder: folder })
    }
}

fn last_words(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    log.lines().last().unwrap_or("it says nothing").to_owned()
}

impl Lane {
    fn start(
        target: &Target,
        upstream: SocketAddr,
        sessions: Sessions,
        folder: &Path,
    ) -> anyhow::Result<Lane> {
        let (address, process) = match target.start(upstream, sessions, folder)? {
            None => (upstream, None),
            Some(Start::Prints(mut command)) => {
                let mut process = Running::start(&mut command)?;
                (process.ready()?, Some(process))
            }
            Some(Start::At(address, mut command)) => {
                let mut process = Running::start(&mut command)?;
                wait_for(address, &mut process)?;
                (address, Some(process))
            }
        };
        Connection::open(address)?.close()?;
        Ok(Lane { target: target.clone(), address, process })
    }
}

/// Waits until the process listens there.
fn wait_for(address: SocketAddr, process: &mut Running) -> anyhow::Result<()> {
    while TcpStream::connect(address).is_err() {
        anyhow::ensure!(!process.has_ended(), "it has ended");
        std::thread::sleep(Duration::from_millis(2));
    }
    watchdog::progress();
    Ok(())
}
