//! The proxy's side of the pipe.

use std::io::{self, IsTerminal};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::error::GuardError;
use super::helper::{ARGUMENTS, HELPER};
use super::passed::send;
use super::replies::{LostGates, ReplyReader};
use super::request_tracker::RequestTracker;
use super::root_owned::check_helper;
use super::wire::{self, Greeting, GuardRequest, Operation, Purpose, VERSION};
use crate::firewall::Peer;
use crate::firewall::backend::{FirewallBackend, Programs};
use crate::users::SUDO_UID;

/// Where sudo is, on macOS and Linux. Never looked up in PATH.
const SUDO: &str = "/usr/bin/sudo";

/// Time limit for the guard's greeting, where no password is typed: it reads the packet filter a
/// few times.
const GREETING_LIMIT: Duration = Duration::from_secs(30);

/// How long one request may take: a few calls of pfctl or nft, each of which has a limit of its
/// own.
const REPLY_LIMIT: Duration = Duration::from_secs(60);

/// How long the guard may take to end, after its pipe.
const END_LIMIT: Duration = Duration::from_secs(10);

/// How a guard is to be started.
#[derive(Clone, Debug)]
pub struct Start {
    /// Which packet filter it drives.
    pub backend: FirewallBackend,
    /// The programs that a test puts in the place of the system's; with any of them no root is
    /// asked for.
    pub programs: Programs,
    /// Where a test wants the journals.
    pub journals: Option<PathBuf>,
    /// The guard's own program, where it is started directly; this one, unless a test names
    /// another.
    pub program: Option<PathBuf>,
    /// What the gates are for.
    pub purpose: Purpose,
    /// Whether sudo may ask for a password on a terminal.
    pub may_ask: bool,
    /// Under sudo: the gates are root's all the same, and not the caller's.
    pub as_root: bool,
}

impl Start {
    /// Whether the guard starts without a password: we are root, a test runs, or the helper is
    /// there to be tried.
    pub fn is_within_reach(&self) -> bool {
        self.is_direct() || PathBuf::from(HELPER).exists()
    }

    fn is_direct(&self) -> bool {
        let is_test = self.programs.pfctl.is_some() || self.programs.nft.is_some() || self.journals.is_some();
        nix::unistd::geteuid().is_root() || is_test
    }

    fn command(&self) -> Result<(PathBuf, Command), GuardError> {
        if !self.is_direct() {
            if self.backend != FirewallBackend::NATIVE {
                // the helper drives the system's own
                return Err(GuardError::NotHere { backend: self.backend });
            }
            check_helper()?;
            let mut sudo = Command::new(SUDO);
            if !(self.may_ask && io::stdin().is_terminal() && io::stderr().is_terminal()) {
                sudo.arg("-n");
            }
            sudo.arg("--").arg(HELPER).args(ARGUMENTS);
            return Ok((SUDO.into(), sudo));
        }
        let own = || {
            std::env::current_exe()
                .map_err(|said| GuardError::CannotStart { path: "dlvgate itself".into(), said })
        };
        let path = self.program.clone().map_or_else(own, Ok)?;
        let mut guard = Command::new(&path);
        guard.arg0("dlvgate"); // called by the name `dlv`, it would take dlv's command line
        guard.args(["guard", "--backend", self.backend.name()]);
        if self.as_root {
            guard.env_remove(SUDO_UID);
        }
        let programs = [
            ("--pfctl", &self.programs.pfctl),
            ("--nft", &self.programs.nft),
            ("--journals", &self.journals),
        ];
        for (flag, value) in programs {
            if let Some(value) = value {
                guard.arg(flag).arg(value);
            }
        }
        Ok((path, guard))
    }
}

/// A guard that runs. When it is dropped the pipe ends, and the guard closes everything.
#[derive(Debug)]
pub struct GuardClient {
    child: Mutex<Child>,
    pipe: Mutex<Option<Pipe>>,
    lost: LostGates,
    pid: u32,
}

#[derive(Debug)]
struct Pipe {
    requests: OwnedWriteHalf,
    replies: ReplyReader,
    turns: RequestTracker,
}

impl GuardClient {
    /// Starts a guard and waits for its greeting. A guard whose greeting says why it does not work
    /// has ended.
    ///
    /// # Errors
    /// If it cannot be started, or does not speak our language.
    pub async fn start(start: &Start) -> Result<(GuardClient, Greeting), GuardError> {
        let (path, mut command) = start.command()?;
        let asks = path.as_os_str() == SUDO && !command.as_std().get_args().any(|argument| argument == "-n");
        let cannot_start = |said| GuardError::CannotStart { path: path.clone(), said };
        let (ours, theirs) = socket_pair().map_err(cannot_start)?;
        command.stdin(theirs.try_clone().map_err(cannot_start)?).stdout(theirs);
        let mut child = command.spawn().map_err(cannot_start)?;
        drop(command); // and with it our copy of the guard's end
        let (replies, requests) = ours.into_split();
        let (mut replies, lost) = ReplyReader::new(replies);
        if asks {
            tracing::info!(target: "dlvgate::firewall", "sudo starts the guard and may ask for your password");
        }
        let limit = if asks { None } else { Some(GREETING_LIMIT) };
        let greeting: Greeting = match replies.greeting(limit).await {
            Ok(greeting) => greeting,
            Err(GuardError::Gone) => {
                let status = child
                    .wait()
                    .await
                    .map_err(|said| GuardError::CannotStart { path: path.clone(), said })?;
                let by_sudo = path.as_os_str() == SUDO;
                return Err(if by_sudo {
                    GuardError::Refused { status }
                } else {
                    GuardError::Stillborn { status }
                });
            }
            Err(error) => return Err(error),
        };
        if greeting.dlvgate_guard != VERSION {
            return Err(GuardError::OtherVersion { theirs: greeting.dlvgate_guard });
        }
        let pipe = Pipe { requests, replies: replies.listen(), turns: RequestTracker::default() };
        let (child, pipe) = (Mutex::new(child), Mutex::new(Some(pipe)));
        let client = GuardClient { child, pipe, lost, pid: greeting.pid };
        if greeting.failed.is_none() {
            client
                .ask(
                    Operation::Hello { version: VERSION, pid: std::process::id(), purpose: start.purpose },
                    None,
                )
                .await?;
        }
        Ok((client, greeting))
    }

    /// The guard's process id, which is in the names of its rules.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Guards a port. `socket`: one that is bound to it, where no process listens there yet.
    ///
    /// # Errors
    /// The guard's own, or that it is gone.
    pub async fn open(
        &self,
        port: u16,
        peers: &[Peer],
        socket: Option<BorrowedFd<'_>>,
    ) -> Result<(), GuardError> {
        self.lost.forget(port);
        let asked = Operation::Open { port, peers: peers.to_vec(), socket: socket.is_some() };
        let opened = self.ask(asked, socket).await;
        if matches!(opened, Err(GuardError::Silent { .. } | GuardError::Garbled { .. })) {
            // The guard may still open it although no answer came; this request closes it again.
            let _ = self.tell(Operation::Drop { port }).await;
        }
        opened
    }

    /// Blocks a port for everybody.
    ///
    /// # Errors
    /// The guard's own, or that it is gone.
    pub async fn shut(&self, port: u16) -> Result<(), GuardError> {
        self.ask(Operation::Shut { port }, None).await
    }

    /// Removes a gate.
    ///
    /// # Errors
    /// The guard's own, or that it is gone.
    pub async fn remove(&self, port: u16) -> Result<(), GuardError> {
        self.ask(Operation::Drop { port }, None).await
    }

    /// Ends the pipe and waits until the guard has closed everything.
    ///
    /// # Errors
    /// If it takes too long, or says that something is left.
    pub async fn end(&self) -> Result<(), GuardError> {
        self.pipe.lock().await.take();
        let ended = async { self.child.lock().await.wait().await };
        match tokio::time::timeout(END_LIMIT, ended).await {
            Err(_) => Err(GuardError::Silent { seconds: END_LIMIT.as_secs() }),
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(_) => Err(GuardError::Gone),
        }
    }

    /// The gates that the guard has removed, because other users have their ports.
    pub fn lost_gates(&self) -> &LostGates {
        &self.lost
    }

    /// Waits until the guard has ended without being asked by us, and says how.
    pub async fn lost(&self) -> GuardError {
        match self.child.lock().await.wait().await {
            Ok(status) if status.success() => GuardError::Dismissed,
            _ => GuardError::Gone,
        }
    }

    /// One request at a time: the guard does one thing after another anyway.
    async fn ask(&self, operation: Operation, socket: Option<BorrowedFd<'_>>) -> Result<(), GuardError> {
        let mut pipe = self.pipe.lock().await;
        let pipe = pipe.as_mut().ok_or(GuardError::Gone)?;
        pipe.say(&operation, socket).await?;
        loop {
            let reply = pipe.replies.reply(REPLY_LIMIT).await?;
            match reply.failed {
                // The reply to a request whose caller did not wait for it.
                _ if !pipe.turns.is_answer(reply.id) => {}
                Some(said) => {
                    pipe.turns.refused(&operation);
                    return Err(match reply.of_another {
                        true => GuardError::OfAnother { said },
                        false => GuardError::Failed { said },
                    });
                }
                None => return Ok(()),
            }
        }
    }

    /// A request whose answer is not waited for.
    async fn tell(&self, operation: Operation) -> Result<(), GuardError> {
        let mut pipe = self.pipe.lock().await;
        pipe.as_mut().ok_or(GuardError::Gone)?.say(&operation, None).await
    }
}

/// Our end, and the guard's, which it reads and writes as it would a pipe.
fn socket_pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}

impl Pipe {
    async fn say(&mut self, operation: &Operation, socket: Option<BorrowedFd<'_>>) -> Result<(), GuardError> {
        let id = self.turns.ask(operation).map_err(|said| GuardError::Failed { said })?;
        let line = wire::line(&GuardRequest { id, operation: operation.clone() });
        let said = match socket {
            Some(socket) => send(&mut self.requests, &line, socket).await,
            None => self.requests.write_all(&line).await,
        };
        said.map_err(|_| GuardError::Gone)
    }
}

#[cfg(test)]
mod tests;
