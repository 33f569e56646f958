//! The reaper: a process of dlvgate's that ends what dlvgate cannot end any more, because it was
//! killed itself.
//!
//! A killed dlvgate sees to nothing. On Linux the kernel asks its dlvs to end then, and a dlv whose
//! one client it was ends with the connection; but a dlv in its first milliseconds leaves its
//! program running, one that hangs does not end, and on macOS one that waits for clients
//! (`--accept-multiclient`) stays for ever. So each dlv is told to the reaper, over a socket, from
//! its own process before it becomes dlv: there is none that it does not know. Where the socket
//! ends, the reaper ends those that are left, as [`Delve::stop`](super::Delve::stop) does.
//!
//! A message is a process id in four bytes: of a dlv that begins; negative, of one that is over
//! with its family; 0 where the last start failed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::socket::{MsgFlags, send};
use nix::unistd::{Pid, setsid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

use super::process_tree::{ProcessTree, TERM_GRACE, born};

/// The command of dlvgate's that is the reaper.
const COMMAND: &str = "reaper";

/// The message that the last start failed.
const FAILED: i32 = 0;

/// How often the reaper looks whether a dlv has ended, and dlvgate whether the reaper has.
const PAUSE: Duration = Duration::from_millis(20);
const LOOK: Duration = Duration::from_millis(1);

/// How long dlvgate's own end may wait for the reaper's, which has nothing left to do then.
const END_LIMIT: Duration = Duration::from_secs(1);

/// Writes do not wait. If the reader is gone, they fail without SIGPIPE: on macOS by a socket
/// option.
#[cfg(target_os = "linux")]
const FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT.union(MsgFlags::MSG_NOSIGNAL);
#[cfg(not(target_os = "linux"))]
const FLAGS: MsgFlags = MsgFlags::MSG_DONTWAIT;

/// The proxy's side: starts the reaper with the first dlv, and again if it has ended. The default
/// is none.
#[derive(Clone, Debug, Default)]
pub struct Reaper(Option<Arc<Mutex<ReaperClient>>>);

#[derive(Debug, Default)]
struct ReaperClient {
    process: Option<Child>,
    /// Waits for the process's end.
    waiting: Option<JoinHandle<()>>,
    line: Option<ReaperSocket>,
    /// The dlvs that are not over.
    known: BTreeSet<i32>,
}

/// The socket to a reaper.
#[derive(Clone, Debug)]
pub(super) struct ReaperSocket(Arc<UnixStream>);

impl Reaper {
    /// One for this process, which is dlvgate: a reaper is dlvgate with another command.
    pub fn ours() -> Reaper {
        Reaper(Some(Arc::default()))
    }

    /// The socket on which a dlv that is about to begin says so. `None` if there is no reaper:
    /// that is logged, and the kernel alone sees to it.
    pub(super) fn line(&self) -> Option<ReaperSocket> {
        let client = self.0.as_ref()?;
        let mut watch = client.lock().unwrap_or_else(PoisonError::into_inner);
        watch.line(client).inspect_err(|error| {
            tracing::warn!(target: "dlvgate::delve", %error, "no reaper: if dlvgate is killed, a debugged program may stay");
        }).ok()
    }

    /// This dlv has begun, and has said so itself.
    pub(super) fn begun(&self, dlv: Pid) {
        self.watch(|watch| {
            watch.known.insert(dlv.as_raw());
        });
    }

    /// Tells the reaper that a child failed to become dlv. The reaper alone knows its process id.
    pub(super) fn failed(&self) {
        self.watch(|watch| watch.say(FAILED));
    }

    /// This dlv is over, with its family.
    pub(super) fn over(&self, dlv: Pid) {
        self.watch(|watch| {
            watch.look();
            if watch.known.remove(&dlv.as_raw()) {
                watch.say(-dlv.as_raw());
            }
        });
    }

    fn watch(&self, act: impl FnOnce(&mut ReaperClient)) {
        if let Some(watch) = &self.0 {
            act(&mut watch.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl ReaperClient {
    /// Notices that the reaper has ended.
    fn look(&mut self) {
        if let Some(status) = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten()) {
            tracing::warn!(target: "dlvgate::delve", %status, "the reaper has ended; another starts with the next dlv");
            (self.process, self.line) = (None, None);
        }
    }

    /// `own`: this one, for the task that waits for the process's end.
    fn line(&mut self, own: &Arc<Mutex<ReaperClient>>) -> io::Result<ReaperSocket> {
        self.look();
        if let Some(line) = &self.line {
            return Ok(line.clone());
        }
        let (ours, theirs) = UnixStream::pair()?;
        #[cfg(target_os = "macos")]
        socket2::SockRef::from(&ours).set_nosigpipe(true)?;
        // The running program, whatever lies by now where it was started from.
        let program =
            if cfg!(target_os = "linux") { "/proc/self/exe".into() } else { std::env::current_exe()? };
        let mut reaper = Command::new(program);
        reaper.arg0("dlvgate"); // called by the name `dlv`, it would take dlv's command line
        reaper.arg(COMMAND).stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(reaper.spawn()?);
        let waiting = tokio::spawn(notice_its_end(Arc::downgrade(own)));
        if let Some(before) = self.waiting.replace(waiting) {
            before.abort();
        }
        let line = ReaperSocket(Arc::new(ours));
        for dlv in &self.known {
            line.say(*dlv)?;
        }
        self.line = Some(line.clone());
        Ok(line)
    }

    /// A reaper that has ended is noticed elsewhere.
    fn say(&self, word: i32) {
        if let Some(line) = &self.line {
            let _ = line.say(word);
        }
    }
}

/// Looks at the reaper whenever a child has ended, so that one that was killed is no zombie until
/// the next session.
async fn notice_its_end(client: Weak<Mutex<ReaperClient>>) {
    let Ok(mut child_ended) = signal(SignalKind::child()) else { return };
    while is_running(&client) {
        child_ended.recv().await;
    }
}

fn is_running(client: &Weak<Mutex<ReaperClient>>) -> bool {
    let Some(client) = client.upgrade() else { return false };
    let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
    client.look();
    client.process.is_some()
}

/// Waits for the reaper, so that a process that waits for dlvgate's end finds none afterwards.
impl Drop for ReaperClient {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.take() {
            waiting.abort();
        }
        self.line = None;
        let Some(process) = &mut self.process else { return };
        let deadline = Instant::now() + END_LIMIT;
        while matches!(process.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }
}

impl ReaperSocket {
    /// To be called in the process that becomes dlv: makes two system calls, allocates nothing,
    /// takes no lock.
    pub(super) fn begins(&self) {
        let _ = self.say(nix::unistd::getpid().as_raw());
    }

    fn say(&self, word: i32) -> nix::Result<()> {
        send(self.0.as_raw_fd(), &word.to_ne_bytes(), FLAGS).map(drop)
    }
}

/// A dlv that may have to be ended.
#[derive(Debug)]
struct TrackedDelve {
    /// `None` if it was dead before the reaper heard of it; its program may run all the same.
    born: Option<String>,
    family: ProcessTree,
}

/// Is the reaper of the dlvgate at the other end of standard input.
pub fn reap() {
    stand_apart();
    let mut wards: BTreeMap<Pid, TrackedDelve> = BTreeMap::new();
    let mut last = Pid::from_raw(0);
    let mut word = [0; 4];
    while io::stdin().lock().read_exact(&mut word).is_ok() {
        match i32::from_ne_bytes(word) {
            // It lives, so it is one before: not even a process could be had.
            FAILED if wards.get(&last).is_some_and(|tracked| tracked.dlv(last) == Dlv::Runs) => {}
            FAILED => drop(wards.remove(&last)),
            over if over < 0 => drop(wards.remove(&Pid::from_raw(over.saturating_neg()))),
            begun => {
                last = Pid::from_raw(begun);
                wards.insert(last, TrackedDelve { born: born(last), family: ProcessTree::default() });
            }
        }
    }
    end(wards, TERM_GRACE);
}

/// Nothing that is meant for dlvgate ends the reaper before it: what a terminal sends, what a
/// service manager sends to all, `pkill dlvgate`. It ends with its standard input.
fn stand_apart() {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        signals.add(signal);
    }
    let _ = signals.thread_block();
    let _ = setsid();
    let _ = std::env::set_current_dir("/");
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_name(c"dlv-reaper");
}

/// Ends these, each with its family: dlv is asked, and has `grace`.
fn end(mut wards: BTreeMap<Pid, TrackedDelve>, grace: Duration) {
    for (dlv, tracked) in &mut wards {
        // The family is looked at while dlv lives: a built binary's path is known only then.
        tracked.family.members(*dlv);
        if tracked.dlv(*dlv) == Dlv::Runs {
            let _ = kill(*dlv, Signal::SIGTERM);
        }
    }
    let deadline = Instant::now() + grace;
    loop {
        wards.retain(|dlv, tracked| {
            match tracked.dlv(*dlv) {
                Dlv::Runs if Instant::now() < deadline => return true,
                Dlv::Runs => drop(killpg(*dlv, Signal::SIGKILL)),
                Dlv::Ended => {}
                Dlv::Replaced => return false,
            }
            tracked.family.kill(*dlv);
            tracked.family.remove_built();
            false
        });
        if wards.is_empty() {
            break;
        }
        std::thread::sleep(PAUSE);
    }
}

/// What a dlv's process id stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dlv {
    Runs,
    Ended,
    /// Another process has its number: nothing of dlv's family was left then, or the system would
    /// not have given it away.
    Replaced,
}

impl TrackedDelve {
    fn dlv(&self, pid: Pid) -> Dlv {
        match born(pid) {
            None => Dlv::Ended,
            now if now == self.born => Dlv::Runs,
            Some(_) => Dlv::Replaced,
        }
    }
}
