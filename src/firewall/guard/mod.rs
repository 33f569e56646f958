//! The guard: the small privileged process that holds the gates.
//!
//! dlvgate runs as its user. The guard runs as root, takes typed requests over a pipe ([`wire`]), and closes everything
//! when the pipe ends, which the proxy's death causes too. What it is about to open is in its [`journal`] before: what a
//! guard that was itself killed has left, the next one closes ([`sweep`]).

mod acl;
mod audit;
mod books;
pub(super) mod client;
mod confine;
pub(super) mod driver;
pub mod duties;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
pub(super) mod helper;
pub mod journal;
mod serve;
mod signal;
pub mod sweep;
mod system;
pub mod turns;
pub mod wire;

use std::sync::Arc;

use tokio::io::BufReader;
use tokio::signal::unix::{Signal, SignalKind, signal as hear};

pub use confine::{ConfineError, enter, leave};
pub use driver::{Loaded, Programs};
pub use error::GuardError;
pub use helper::{ARGUMENTS, HELPER, HELPER_ON_LINUX, HELPER_ON_MACOS, check as helper_is_safe};
pub(crate) use signal::terminate;

use super::{Backend, Owner};
use audit::Audit;
use books::Books;
use driver::Filter;
use journal::Journals;
use serve::Guard;
use wire::Greeting;

/// Runs the guard of this process's user on standard input and output, until the pipe ends. Returns what could not be
/// closed: a sentence each. One that could not confine itself ([`enter`]) says so in its greeting, and ends.
///
/// # Errors
/// Where the runtime lets us have no signals.
pub async fn run(
    backend: Backend,
    programs: Programs,
    journals: Journals,
    confined: Result<(), ConfineError>,
) -> std::io::Result<Vec<String>> {
    let stop = Stop::listen()?;
    leave_the_terminal();
    let owner = Owner { pid: std::process::id(), uid: caller() };
    let (input, mut output) = (BufReader::new(tokio::io::stdin()), tokio::io::stdout());
    let books = confined.map_err(|error| error.to_string()).and_then(|()| {
        let unusable = |error| {
            let folder = journals.folder().display();
            format!("the folder of the journals, {folder}, cannot be used: {error}")
        };
        Books::open(journals.clone(), backend, owner.uid).map_err(unusable)
    });
    let books = match books {
        Ok(books) => Arc::new(books),
        Err(why) => {
            let failed = Some(why);
            let (dlvgate_guard, pid) = (wire::VERSION, owner.pid);
            let greeting = Greeting { dlvgate_guard, pid, filtering: None, found: Vec::new(), failed };
            serve::say(&mut output, &greeting).await?;
            return Ok(Vec::new());
        }
    };
    let driver = Filter::new(backend, &programs, owner, books.clone());
    let audit = Audit::of_system(owner.uid);
    let found = sweep::sweep(&journals, backend, &driver).await;
    audit.swept(&found);
    let guard = Guard::new(driver, books, owner.uid).audited(audit);
    Ok(guard.run(found, input, output, stop.terminated()).await)
}

/// The user for whom we are root: sudo says who called it.
fn caller() -> u32 {
    let sudo = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok());
    sudo.filter(|_| nix::unistd::geteuid().is_root()).unwrap_or_else(|| nix::unistd::getuid().as_raw())
}

/// A session of our own has no terminal, so that none can signal us. With a terminal, sudo makes us the leader of a
/// process group, which a new session cannot have been: we join sudo's own group first.
fn leave_the_terminal() {
    use nix::unistd::{Pid, getpgid, getppid, setpgid, setsid};
    if setsid().is_err() {
        // Where this fails too we stay where we are, deaf to what a terminal sends.
        let left = getpgid(Some(getppid())).and_then(|group| setpgid(Pid::from_raw(0), group));
        let _ = left.and_then(|()| setsid());
    }
}

/// What a terminal sends is heard and ignored, and so is what a caller could have had ignored or have set a clock for: a
/// child's end is heard whatever the caller did with SIGCHLD, and a limit of theirs that could not be lifted is an error
/// of a write, not the guard's end. What is heard here is the default again in what the guard starts.
/// SIGTERM, as at a shutdown of the machine, ends the guard in order.
struct Stop {
    terminate: Signal,
    _ignored: Vec<Signal>,
}

impl Stop {
    fn listen() -> std::io::Result<Stop> {
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
