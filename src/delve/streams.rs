//! The standard streams of a dlv, and where its log goes.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::process::Stdio;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::address::Address;
use super::argv::Argv;
use super::reaper::Reaper;
use super::spawn::{in_our_session, in_own_session, inherited, with_descriptor};
use super::terminal::{Pty, is_one_terminal};
use crate::stdio::{STDERR, STDOUT};

/// How a dlv is connected to the world.
#[derive(Clone, Debug)]
pub enum Streams {
    /// A server's: it reads nothing, and what it prints goes to our standard output and standard
    /// error.
    Served,
    /// The same where standard output is the client's: all that it prints goes to standard error.
    Aside,
    /// Ours, as if it had been started in our place.
    InPlace(DelveLog),
}

/// Where a dlv that runs in our place writes its log, and its ready line.
#[derive(Clone, Debug)]
pub enum DelveLog {
    /// To standard output, with the ready line alone: `--log-dest` is not given.
    Standard,
    /// Where `--log-dest` says.
    To {
        /// The file that is written to.
        file: Arc<File>,
        /// Its number in dlv, where it was given by number.
        number: Option<RawFd>,
    },
}

impl DelveLog {
    /// What `--log-dest` names: a file, or a descriptor by its number. To be called before anything
    /// else is opened.
    ///
    /// # Errors
    /// If the file cannot be written, or the descriptor is not open.
    pub fn new(destination: &OsStr) -> io::Result<DelveLog> {
        let (file, number) = match destination.to_string_lossy().parse::<RawFd>() {
            Ok(1) => return Ok(DelveLog::Standard),
            Ok(2) => (File::from(io::stderr().as_fd().try_clone_to_owned()?), Some(2)),
            Ok(number) => match inherited(number) {
                Some(descriptor) => (File::from(descriptor), Some(number)),
                None => return Err(io::Error::from_raw_os_error(nix::libc::EBADF)),
            },
            Err(_) => (File::create(destination)?, None),
        };
        Ok(DelveLog::To { file: Arc::new(file), number })
    }

    /// Whether it goes where standard output goes, and that is a terminal.
    fn is_on_a_terminal(&self) -> bool {
        match self {
            DelveLog::Standard => io::stdout().is_terminal(),
            DelveLog::To { number, .. } => *number == Some(2) && is_one_terminal(),
        }
    }
}

impl std::fmt::Debug for OutputPipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutputPipe").field("in_place", &self.in_place).finish_non_exhaustive()
    }
}

/// From where dlv's ready line comes, and where it goes.
pub(super) struct OutputPipe {
    pub(super) source: Box<dyn AsyncRead + Send + Sync + Unpin>,
    pub(super) sink: Box<dyn AsyncWrite + Send + Sync + Unpin>,
    /// Output before the ready line is passed on as it comes.
    pub(super) in_place: bool,
}

/// The child's ends of the pipes: open until the child is started, then closed.
#[derive(Default)]
pub(super) struct Wiring {
    source: Option<Box<dyn AsyncRead + Send + Sync + Unpin>>,
    theirs: Option<OwnedFd>,
    /// The child leads a process session of its own.
    pub(super) own_session: bool,
}

impl Streams {
    /// Connects a command, whose words this sets too. A dlv that leads a process session is the
    /// reaper's concern.
    ///
    /// # Errors
    /// If the system has no pipe or terminal left.
    pub(super) fn connect(
        &self,
        command: &mut Command,
        argv: Argv,
        address: &Address,
        reaper: &Reaper,
    ) -> io::Result<Wiring> {
        let Streams::InPlace(log) = self else {
            command.args(argv.listening_on(address));
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            in_own_session(command, reaper.line());
            return Ok(Wiring { own_session: true, ..Wiring::default() });
        };
        let own_session = !io::stdin().is_terminal();
        if own_session {
            in_own_session(command, reaper.line())
        } else {
            in_our_session(command)
        };
        let mut wiring = Wiring { own_session, ..Wiring::default() };
        let argv = match log {
            _ if log.is_on_a_terminal() => {
                let (pty, theirs) = Pty::open()?;
                if is_one_terminal() {
                    // Over two ways what the program says on the one would overtake what it said
                    // before on the other.
                    command.stderr(Stdio::from(theirs.try_clone()?));
                }
                command.stdout(Stdio::from(theirs));
                wiring.source = Some(Box::new(pty));
                argv
            }
            DelveLog::Standard => {
                command.stdout(Stdio::piped());
                argv
            }
            DelveLog::To { number, .. } => {
                let (theirs, ours) = pipe::pipe()?;
                let theirs = theirs.into_blocking_fd()?;
                let number = number.unwrap_or(theirs.as_raw_fd());
                with_descriptor(command, &theirs, number);
                wiring.source = Some(Box::new(ours));
                wiring.theirs = Some(theirs);
                argv.logging_to(number)
            }
        };
        command.args(argv.listening_on(address));
        Ok(wiring)
    }

    /// The output pipe of a child that was started.
    pub(super) fn output_pipe(&self, wiring: Wiring, child: &mut Child) -> io::Result<OutputPipe> {
        drop(wiring.theirs);
        let piped =
            child.stdout.take().map(|stdout| Box::new(stdout) as Box<dyn AsyncRead + Send + Sync + Unpin>);
        let source = wiring.source.or(piped).ok_or_else(|| io::Error::other("it has no output"))?;
        let sink: Box<dyn AsyncWrite + Send + Sync + Unpin> = match self {
            Streams::Served | Streams::InPlace(DelveLog::Standard) => Box::new(STDOUT.passage()),
            Streams::Aside => Box::new(STDERR.passage()),
            Streams::InPlace(DelveLog::To { file, .. }) => {
                Box::new(tokio::fs::File::from_std(file.try_clone()?))
            }
        };
        Ok(OutputPipe { source, sink, in_place: matches!(self, Streams::InPlace(_)) })
    }
}
