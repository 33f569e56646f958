//! Processes that end when this one does, whatever happens to it.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::roles::Role;

/// How long a process may take to end by itself after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// More than a thousand sessions need, in any of the processes.
const MANY_FILES: u64 = 10_000;

/// Kills what was told to it and not taken back, once its standard input ends.
static REAPER: Mutex<Option<Child>> = Mutex::new(None);

/// Lets this process and what it starts have as many open files as the system allows them: a
/// thousand sessions are two thousand sockets.
pub fn allow_many_files() -> anyhow::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    // Where there is no limit, macOS wants one all the same.
    let wanted = most.min(MANY_FILES);
    setrlimit(Resource::RLIMIT_NOFILE, wanted, most).context("the limit of open files cannot be raised")
}

/// Starts the process that outlives this one by as long as it takes to kill what this one leaves.
pub fn start_reaper() -> anyhow::Result<()> {
    let child = Role::Reaper.command()?.stdin(Stdio::piped()).process_group(0).spawn()?;
    *reaper() = Some(child);
    Ok(())
}

/// Ends it in good order.
pub fn end_reaper() -> anyhow::Result<()> {
    if let Some(mut child) = reaper().take() {
        drop(child.stdin.take());
        child.wait()?;
    }
    Ok(())
}

fn reaper() -> MutexGuard<'static, Option<Child>> {
    REAPER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell_reaper(sign: char, pid: u32) {
    if let Some(pipe) = reaper().as_mut().and_then(|child| child.stdin.as_mut()) {
        let _ = writeln!(pipe, "{sign}{pid}");
    }
}

/// A process with a process group of its own. Dropped, the whole group is ended.
pub struct Running {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    is_over: bool,
}

impl Running {
    /// Starts it. Its standard output is read by [`Running::ready`].
    pub fn start(command: &mut Command) -> anyhow::Result<Running> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let mut child = command
            .spawn()
            .with_context(|| format!("{} cannot be started", command.get_program().to_string_lossy()))?;
        tell_reaper('+', child.id());
        let stdout = child.stdout.take().map(BufReader::new);
        Ok(Running { child, stdout, is_over: false })
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

    /// Waits for its end, which comes by itself.
    pub fn wait(mut self) -> anyhow::Result<()> {
        self.child.wait()?;
        self.is_over = true;
        Ok(())
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
        if !self.is_over {
            self.end();
        }
        tell_reaper('-', self.child.id());
    }
}

impl Running {
    fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
