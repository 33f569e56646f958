//! The guard: the small privileged process that holds the gates.
//!
//! dlvgate runs as its user. The guard runs as root, takes typed requests over a pipe ([`wire`]),
//! and closes everything when the pipe ends, which the proxy's death causes too. What it is about
//! to open is in its [`journal`] before: what a guard that was itself killed has left, the next one
//! closes ([`sweep`]).

mod acl;
mod audit;
pub(super) mod caller;
pub(super) mod client;
mod confine;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(super) mod helper;
pub mod journal;
mod journal_store;
mod limits;
pub(super) mod packet_filter;
mod passed;
pub mod policy;
mod replies;
pub mod request_tracker;
pub(super) mod root_owned;
mod serve;
mod signal;
pub mod state_machine;
pub mod sweep;
mod system;
pub mod wire;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use socket2::{SockRef, Type};
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal as hear};

pub(super) use caller::GROUPS;
pub use confine::{ConfineError, enter, leave};
pub use error::GuardError;
pub use helper::{ARGUMENTS, HELPER, HELPER_ON_LINUX, HELPER_ON_MACOS};
pub use root_owned::check_helper as helper_is_safe;
pub(crate) use signal::terminate;

use super::backend::{FirewallBackend, GateOwner, Programs};
use audit::Audit;
use journal::Journals;
use journal_store::JournalStore;
use packet_filter::PacketFilter;
use passed::{PassedSockets, SocketRequests};
use serve::Guard;
use wire::Greeting;

/// Runs the guard of this process's user on standard input and output, until the pipe ends. Returns
/// what could not be closed: a sentence each. One that could not confine itself ([`enter`]) says so
/// in its greeting, and ends.
///
/// # Errors
/// If the runtime lets us have no signals.
pub async fn run(
    backend: FirewallBackend,
    programs: Programs,
    journals: Journals,
    confined: Result<(), ConfineError>,
) -> io::Result<Vec<String>> {
    let stop = Stop::listen()?;
    leave_the_terminal();
    let owner = GateOwner { pid: std::process::id(), uid: caller::uid() };
    let passed = PassedSockets::default();
    let PipeEnds { input, mut output, hang_up } = PipeEnds::of_this_process(&passed)?;
    let folder = journals.folder().display();
    let cannot_be_used = |error| format!("the folder of the journals, {folder}, cannot be used: {error}");
    let confined = confined.map_err(|error| error.to_string());
    let ready = confined.and_then(|()| caller::limits(owner.uid, passed.clone())).and_then(|limits| {
        if !limits.are_there() {
            passed.refuse();
        }
        let store = JournalStore::open(journals.clone(), backend, owner.uid).map_err(cannot_be_used)?;
        Ok((limits, Arc::new(store)))
    });
    let (limits, store) = match ready {
        Ok(ready) => ready,
        Err(why) => {
            let (dlvgate_guard, pid) = (wire::VERSION, owner.pid);
            let (filtering, found, failed) = (None, Vec::new(), Some(why));
            let greeting = Greeting { dlvgate_guard, pid, filtering, found, failed };
            serve::say(&mut output, &greeting).await?;
            return Ok(Vec::new());
        }
    };
    let gates = PacketFilter::new(backend, &programs, owner, store.clone());
    let audit = Audit::of_system(owner.uid);
    let found = sweep::sweep(&journals, backend, &gates).await;
    audit.swept(&found);
    let guard = Guard::new(gates, store, limits).audited(audit);
    let over = async {
        tokio::select! {
            () = stop.terminated() => {}
            () = hang_up.told() => {}
        }
    };
    Ok(guard.run(found, input, output, over).await)
}

/// After the other side's end, how long its last requests may take to be read. One is asked at a
/// time.
#[cfg(target_os = "linux")]
const LAST_REQUESTS: std::time::Duration = std::time::Duration::from_secs(1);

/// Where requests come from and replies go: standard input and output. dlvgate makes both of them
/// one Unix socket, over which a front's socket can come too.
struct PipeEnds {
    input: BufReader<Box<dyn AsyncRead + Unpin>>,
    output: Box<dyn AsyncWrite + Unpin>,
    hang_up: HangUp,
}

impl PipeEnds {
    fn of_this_process(passed: &PassedSockets) -> io::Result<PipeEnds> {
        let pipe = unix_stream(io::stdin())?;
        let hang_up = HangUp::of(pipe.as_ref())?;
        let input: Box<dyn AsyncRead + Unpin> = match pipe {
            Some(stream) => Box::new(SocketRequests::new(stream, passed.clone())?),
            None => Box::new(tokio::io::stdin()),
        };
        let output: Box<dyn AsyncWrite + Unpin> = match unix_stream(io::stdout())? {
            Some(stream) => Box::new(UnixStream::from_std(stream)?),
            None => Box::new(tokio::io::stdout()),
        };
        Ok(PipeEnds { input: BufReader::new(input), output, hang_up })
    }
}

/// A copy of this descriptor, where it is a Unix socket.
fn unix_stream(descriptor: impl AsFd) -> io::Result<Option<std::os::unix::net::UnixStream>> {
    let seen = SockRef::from(&descriptor);
    if !seen.local_addr().is_ok_and(|address| address.is_unix()) || seen.r#type()? != Type::STREAM {
        return Ok(None);
    }
    let stream = std::os::unix::net::UnixStream::from(descriptor.as_fd().try_clone_to_owned()?);
    stream.set_nonblocking(true)?;
    Ok(Some(stream))
}

/// The other side's end of the pipe, which the kernel reports even if the thread that reads it is
/// kept by what it was passed.
struct HangUp {
    #[cfg(target_os = "linux")]
    pipe: Option<UnixStream>,
}

impl HangUp {
    #[cfg(target_os = "linux")]
    fn of(pipe: Option<&std::os::unix::net::UnixStream>) -> io::Result<HangUp> {
        let watched = |pipe: &std::os::unix::net::UnixStream| UnixStream::from_std(pipe.try_clone()?);
        Ok(HangUp { pipe: pipe.map(watched).transpose()? })
    }

    /// macOS's kernel reports it together with the bytes to read.
    #[cfg(not(target_os = "linux"))]
    fn of(_: Option<&std::os::unix::net::UnixStream>) -> io::Result<HangUp> {
        Ok(HangUp {})
    }

    /// Waits for it, and a moment more for what was said before.
    async fn told(&self) {
        #[cfg(target_os = "linux")]
        if let Some(pipe) = &self.pipe {
            // A Unix socket has no data of priority: the end alone is waited for, whatever there is
            // to read.
            if pipe.ready(tokio::io::Interest::PRIORITY).await.is_ok() {
                return tokio::time::sleep(LAST_REQUESTS).await;
            }
        }
        std::future::pending().await
    }
}

/// A session of our own has no terminal, so that none can signal us. With a terminal, sudo makes us
/// the leader of a process group, which a new session cannot have been: we join sudo's own group
/// first.
fn leave_the_terminal() {
    use nix::unistd::{Pid, getpgid, getppid, setpgid, setsid};
    if setsid().is_err() {
        // Where this fails too we stay where we are, deaf to what a terminal sends.
        let left = getpgid(Some(getppid())).and_then(|group| setpgid(Pid::from_raw(0), group));
        let _ = left.and_then(|()| setsid());
    }
}

/// What a terminal sends is heard and ignored, and so is what a caller could have had ignored or
/// have set a clock for: a child's end is heard whatever the caller did with SIGCHLD, and a limit
/// of theirs that could not be lifted is an error of a write, not the guard's end. The programs
/// that the guard starts have the default handlers again. SIGTERM, as at a shutdown of the machine,
/// ends the guard in order.
struct Stop {
    terminate: Signal,
    _ignored: Vec<Signal>,
}

impl Stop {
    fn listen() -> io::Result<Stop> {
        use nix::sys::signal::Signal::{
            SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG,
            SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
        };
        let ignored = [
            SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ, SIGXCPU, SIGALRM, SIGVTALRM,
            SIGPROF, SIGCHLD, SIGUSR1, SIGUSR2, SIGIO, SIGURG, SIGWINCH,
        ];
        let heard = ignored.into_iter().map(|one| hear(SignalKind::from_raw(one as i32)));
        Ok(Stop { terminate: hear(SignalKind::terminate())?, _ignored: heard.collect::<Result<_, _>>()? })
    }

    async fn terminated(mut self) {
        self.terminate.recv().await;
    }
}
