//! Processes that end when this one does, whatever happens to it.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::roles::Role;

/// How long a process may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// The reaper's standard input: it kills what was told to it and not taken back, once this pipe closes.
static REAPER: OnceLock<Mutex<ChildStdin>> = OnceLock::new();

/// Starts the process that outlives this one by as long as it takes to kill what this one leaves.
pub fn start_reaper() -> anyhow::Result<()> {
    let mut reaper = Role::Reaper.command()?.stdin(Stdio::piped()).process_group(0).spawn()?;
    let pipe = reaper.stdin.take().context("a reaper without a pipe")?;
    // Not waited for: it ends after us.
    let _ = REAPER.set(Mutex::new(pipe));
    Ok(())
}

fn tell_reaper(sign: char, pid: u32) {
    if let Some(pipe) = REAPER.get() {
        let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(pipe, "{sign}{pid}");
    }
}

/// A process with a process group of its own. Dropped, the whole group is ended.
pub struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts it. Its standard output is read by [`Running::ready`].
    pub fn start(command: &mut Command) -> anyhow::Result<Running> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
        tell_reaper('+', child.id());
        let stdout = child.stdout.take().map(BufReader::new);
        Ok(Running { child, stdout })
    }

    /// The address at the end of the first line that it prints.
    pub fn ready(&mut self) -> anyhow::Result<SocketAddr> {
        let mut line = String::new();
        self.stdout.as_mut().context("no standard output")?.read_line(&mut line)?;
        let address = line.split_whitespace().last().unwrap_or_default();
        address.parse().with_context(|| format!("no address in its first line {line:?}"))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn signal(&self, signal: Signal) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(pid), signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
        tell_reaper('-', self.child.id());
    }
}
