//! A running dlv: waited for until it listens, and watched.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

use super::address::Address;
use super::argv::Argv;
use super::error::LaunchError;
use super::output::{Tail, pass_on};
use super::ports::PortLease;
use super::process_tree::ProcessTree;
use super::ready::{Preamble, ReadyLine};
use super::reaper::Reaper;
use super::streams::{OutputPipe, Streams};
use crate::stdio::STDERR;

/// Bytes that dlv may print before its ready line; warnings take a few hundred, the errors of a
/// build some more.
const PREAMBLE_LIMIT: usize = 64 * 1024;

/// Characters shown of a line that dlv prints instead of its ready line.
const FIRST_LINE: usize = 80;

/// Bytes read at once while the ready line is waited for.
const CHUNK: usize = 4096;

/// After dlv's end, how long its last words on standard error are waited for. They are in the pipe
/// already.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A wait this long for the ready line is worth a line in the log.
const LONG_WAIT: Duration = Duration::from_secs(2);

/// What to start, and how it is connected.
pub(super) struct SpawnSpec<'a> {
    pub(super) program: &'a Path,
    /// The folder that it runs in; ours where there is none.
    pub(super) folder: Option<&'a Path>,
    /// Variables that its environment has besides ours, or instead.
    pub(super) environment: &'a [(&'static str, OsString)],
    /// Its command line, but for the address to listen on.
    pub(super) argv: &'a Argv,
    pub(super) streams: &'a Streams,
    pub(super) reaper: &'a Reaper,
}

/// A dlv. Stop it with [`Delve::stop`]. Dropping it kills dlv alone, as a last resort; one that is
/// not ready yet is killed with whatever it has started, since it has no debugged program.
#[derive(Debug)]
pub struct Delve {
    path: PathBuf,
    pub(super) child: Child,
    pub(super) pid: Pid,
    ready: Option<ReadyLine>,
    kill_on_drop: KillOnDrop,
    output_pipe: Option<OutputPipe>,
    /// The bytes read beyond the ready line.
    rest: Vec<u8>,
    stderr: Tail,
    pub(super) family: Arc<Mutex<ProcessTree>>,
    pub(super) pumps: JoinSet<()>,
    lease: PortLease,
    pub(super) reaper: Reaper,
}

impl Delve {
    pub(super) fn spawn(spec: &SpawnSpec<'_>, lease: PortLease) -> std::io::Result<Delve> {
        let mut command = Command::new(spec.program);
        command.envs(spec.environment.iter().map(|(key, value)| (key, value))).kill_on_drop(true);
        if let Some(folder) = spec.folder {
            command.current_dir(folder);
        }
        let wiring = spec.streams.connect(&mut command, spec.argv.clone(), lease.address(), spec.reaper)?;
        let family = if wiring.own_session { ProcessTree::default() } else { ProcessTree::by_descent() };
        let mut child = command.spawn().inspect_err(|_| spec.reaper.failed())?;
        drop(command); // it holds the child's ends
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let pid = pid.ok_or_else(|| std::io::Error::other("it has no process id"))?;
        let reaper = spec.reaper.clone();
        if family.has_own_group() {
            reaper.begun(pid);
        }
        let kill_on_drop =
            KillOnDrop { pid, group: family.has_own_group(), is_kept: false, reaper: reaper.clone() };
        let output_pipe = spec.streams.output_pipe(wiring, &mut child)?;
        let (stderr, mut pumps) = (Tail::default(), JoinSet::new());
        if let Some(pipe) = child.stderr.take() {
            pumps.spawn(pass_on(pipe, STDERR.passage(), Vec::new(), stderr.clone()));
        }
        Ok(Delve {
            path: spec.program.to_owned(),
            child,
            pid,
            ready: None,
            kill_on_drop,
            output_pipe: Some(output_pipe),
            rest: Vec::new(),
            stderr,
            family: Arc::new(Mutex::new(family)),
            pumps,
            lease,
            reaper,
        })
    }

    /// Waits for the ready line. Earlier output is passed on where dlv runs in our place. Cancel
    /// safe: dlv can be stopped then.
    ///
    /// # Errors
    /// If dlv ends first, or says nothing of the kind within `limit`.
    pub async fn ready(&mut self, limit: Option<Duration>) -> Result<(), LaunchError> {
        let Some(output_pipe) = &mut self.output_pipe else { return Ok(()) };
        let mut said = Vec::new();
        let waiting = wait_for_ready(self.pid, output_pipe, &mut said);
        let waited = match limit {
            Some(limit) => tokio::time::timeout(limit, waiting).await,
            None => Ok(waiting.await),
        };
        match (waited, limit) {
            (Ok(Some((ready, rest))), _) => {
                (self.ready, self.rest) = (Some(ready), rest);
                self.keep();
                Ok(())
            }
            (Ok(None), _) => {
                if said.len() > PREAMBLE_LIMIT {
                    let _ = self.child.kill().await;
                    return Err(LaunchError::NoDelve { path: self.path.clone(), said: first_line(&said) });
                }
                let status = self.child.wait().await.unwrap_or_default();
                let said = joined(&self.last_words().await, String::from_utf8_lossy(&said).trim());
                Err(LaunchError::Ended { path: self.path.clone(), status, said })
            }
            (Err(_), limit) => {
                let _ = self.child.kill().await;
                let limit = limit.unwrap_or_default();
                Err(LaunchError::TimedOut { path: self.path.clone(), limit, said: self.stderr.text() })
            }
        }
    }

    /// Lets dlv's output flow. Where dlv runs in our place its ready line comes first, with `front`
    /// for the address; none comes where that is empty.
    ///
    /// Nothing waits for the line's reader here: sessions and signals come first.
    pub fn announce(&mut self, front: &str) {
        let Some(output_pipe) = self.output_pipe.take() else { return };
        let mut first = match &self.ready {
            Some(ready) if output_pipe.in_place && !front.is_empty() => {
                format!("{}{front}\n", ready.prefix).into_bytes()
            }
            _ => Vec::new(),
        };
        first.append(&mut self.rest);
        self.pumps.spawn(pass_on(output_pipe.source, output_pipe.sink, first, Tail::default()));
    }

    /// Where it listens; [`Address::ANY`] before it is ready.
    pub fn address(&self) -> Address {
        self.ready.as_ref().map_or(Address::ANY, |ready| ready.address.clone())
    }

    /// Takes the port on which it listens for its session. `false` where another session has it
    /// still.
    pub(super) fn claim_port(&mut self) -> bool {
        let port = self.address().tcp().map(|address| address.port());
        port.is_none_or(|port| self.lease.claim(port))
    }

    /// Its process id; where it does not share our terminal, also the id of its process group and
    /// session.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// Returns the last lines that dlv and the debugged program wrote to standard error. After
    /// dlv's end it waits a moment for the rest of the pipe; a debugged program that outlives dlv
    /// keeps the pipe open.
    pub async fn last_words(&mut self) -> String {
        let rest = async { while self.pumps.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_WORDS, rest).await;
        self.stderr.text()
    }

    /// Waits until it ends. Can be cancelled and called again.
    pub async fn exited(&mut self) -> ExitStatus {
        match self.child.wait().await {
            Ok(status) => status,
            // Only where the process cannot be waited for at all: nothing will ever be known of it.
            Err(_) => std::future::pending().await,
        }
    }

    /// Notes which programs dlv has started, so that a binary that it built can be removed even
    /// where dlv and the program are both killed later. Runs beside the caller.
    pub fn observe(&mut self) {
        let (family, pid) = (Arc::clone(&self.family), self.pid);
        self.pumps.spawn_blocking(move || {
            family.lock().unwrap_or_else(PoisonError::into_inner).members(pid);
        });
    }

    /// From now on dlv is ended with [`Delve::stop`] alone.
    pub(super) fn keep(&mut self) {
        self.kill_on_drop.is_kept = true;
    }
}

/// The ready line with what was read beyond it; `None` at the end of what dlv prints, or where it
/// prints too much.
async fn wait_for_ready(
    pid: Pid,
    output_pipe: &mut OutputPipe,
    said: &mut Vec<u8>,
) -> Option<(ReadyLine, Vec<u8>)> {
    let mut preamble = Preamble::default();
    let mut patience = Box::pin(tokio::time::sleep(LONG_WAIT));
    let mut told = false;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = tokio::select! {
            read = output_pipe.source.read(&mut chunk) => read.unwrap_or(0),
            () = &mut patience, if !told => {
                told = true;
                tracing::info!(target: "dlvgate::delve", pid = pid.as_raw(), "still waiting for dlv's ready line");
                continue;
            }
        };
        let mut passed = Vec::new();
        let found = preamble.take(&chunk[..read], &mut passed);
        if read == 0 {
            passed.append(&mut preamble.rest());
        }
        if output_pipe.in_place && !passed.is_empty() {
            let _ = output_pipe.sink.write_all(&passed).await;
            let _ = output_pipe.sink.flush().await;
            passed.clear(); // it has been said
        }
        said.append(&mut passed);
        if found.is_some() || read == 0 || said.len() > PREAMBLE_LIMIT {
            return found;
        }
    }
}

/// A dlv that is not ready yet. When dropped, it is killed with every process that it has started.
#[derive(Debug)]
struct KillOnDrop {
    pid: Pid,
    /// Its process group is its own.
    group: bool,
    /// It is not to be killed any more.
    is_kept: bool,
    reaper: Reaper,
}

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let _ = if self.group { killpg(self.pid, Signal::SIGKILL) } else { kill(self.pid, Signal::SIGKILL) };
        self.reaper.over(self.pid);
    }
}

/// The first line, and of a long one the beginning.
fn first_line(said: &[u8]) -> String {
    String::from_utf8_lossy(said).lines().next().unwrap_or_default().chars().take(FIRST_LINE).collect()
}

fn joined(stderr: &str, stdout: &str) -> String {
    [stderr, stdout].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
}
