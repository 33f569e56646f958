//! The guard itself: reads requests, drives the packet filter, and closes everything when the pipe ends.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::books::Books;
use super::driver::{Driver, Refused};
use super::sweep::Finding;
use super::wire::{self, Greeting, LINE_LIMIT, MAX_GATES, MAX_PEERS, Operation, Reply, Request, VERSION};
use crate::fault;
use crate::firewall::{FirewallError, Peer};

/// Ports below are the system's own services'. A user who may start the guard without a password must not be able to
/// cut ssh off with it.
const SYSTEM_PORTS: u16 = 1024;

/// When the proxy was killed, how long its dlv is given to end before the rules go that block its port.
const LISTENER_GRACE: Duration = Duration::from_secs(1);

/// How often it is looked whether it has ended.
const LISTENER_POLL: Duration = Duration::from_millis(20);

/// A guard, ready to serve.
pub(super) struct Guard<D> {
    driver: D,
    books: Arc<Books>,
    /// The user whose gates they are.
    uid: u32,
    /// The other side has said which version it speaks.
    met: bool,
}

impl<D: Driver> Guard<D> {
    pub(super) fn new(driver: D, books: Arc<Books>, uid: u32) -> Guard<D> {
        Guard { driver, books, uid, met: false }
    }

    /// Greets, serves until the pipe or `stop` ends, and leaves nothing behind. Returns what could not be closed.
    pub(super) async fn run(
        mut self,
        found: Vec<Finding>,
        mut requests: impl AsyncBufRead + Unpin,
        mut replies: impl AsyncWrite + Unpin,
        stop: impl Future<Output = ()>,
    ) -> Vec<String> {
        let greeting = self.greet(found).await;
        let mut stop = std::pin::pin!(stop);
        let mut line = Vec::new();
        let mut ended = say(&mut replies, &greeting).await.is_err() || greeting.failed.is_some();
        while !ended {
            line.clear();
            // Only the wait for a request is interrupted, never what it asks for.
            let read = tokio::select! {
                read = next_line(&mut requests, &mut line) => read,
                () = &mut stop => break,
            };
            ended = match read {
                Err(_) | Ok(Line::End) => true,
                Ok(Line::Whole) => {
                    let reply = self.answer(&line).await;
                    say(&mut replies, &reply).await.is_err()
                }
                Ok(Line::TooLong) => {
                    let failed = Some(format!("a line of more than {LINE_LIMIT} bytes: the guard ends"));
                    let _ = say(&mut replies, &Reply { id: 0, failed, ports: None }).await;
                    true
                }
            };
        }
        self.end().await
    }

    async fn greet(&self, found: Vec<Finding>) -> Greeting {
        let (filtering, failed) = match self.driver.is_filtering().await {
            Ok(filtering) => (Some(filtering), self.driver.check().await.err()),
            Err(error) => (None, Some(error)),
        };
        let failed = failed.map(|error| error.to_string());
        Greeting { dlvgate_guard: VERSION, pid: std::process::id(), filtering, found, failed }
    }

    async fn answer(&mut self, line: &[u8]) -> Reply {
        let (id, done) = match wire::parse(line) {
            Err(why) => (0, Err(why)),
            Ok(request) => (request.id, self.perform(request).await),
        };
        match done {
            Ok(ports) => Reply { id, failed: None, ports },
            Err(why) => Reply { id, failed: Some(why), ports: None },
        }
    }

    async fn perform(&mut self, request: Request) -> Result<Option<Vec<u16>>, String> {
        match request.operation {
            Operation::Hello { version: VERSION, pid, purpose } => {
                self.met = true;
                self.books.proxy(pid, purpose);
                Ok(None)
            }
            Operation::Hello { version, .. } => Err(format!(
                "the guard speaks version {VERSION} and its proxy {version}: install the helper of this dlvgate, \
                 `sudo dlvgate firewall install`"
            )),
            _ if !self.met => Err("the first request must be hello".to_owned()),
            Operation::Open { port, peers } => self.open(port, &peers).await.map(|()| None),
            Operation::Shut { port } => self.shut(port).await.map(|()| None),
            Operation::Drop { port } => self.remove(port).await.map(|()| None),
            Operation::Status => Ok(Some(self.books.gates().iter().map(|gate| gate.port).collect())),
        }
    }

    async fn open(&self, port: u16, peers: &[Peer]) -> Result<(), String> {
        self.may_open(port, peers)?;
        self.books.opening(port, peers).map_err(|error| no_journal(&error))?;
        fault::point("journal").await;
        let Err(Refused { why, may_be_left }) = self.driver.open(port, peers).await else { return Ok(()) };
        if !may_be_left {
            self.books.gone(port).map_err(|error| no_journal(&error))?;
        }
        Err(why.to_string())
    }

    fn may_open(&self, port: u16, peers: &[Peer]) -> Result<(), String> {
        if port == 0 {
            return Err("port 0 is no port".to_owned());
        }
        if port < SYSTEM_PORTS && self.uid != 0 {
            return Err(format!(
                "port {port} is the system's: the guard of a user takes {SYSTEM_PORTS} to 65535"
            ));
        }
        if peers.len() > MAX_PEERS {
            return Err(format!("{} peers; a gate takes {MAX_PEERS}", peers.len()));
        }
        if self.books.gate(port).is_some() {
            return Err(format!(
                "port {port} has a gate already; end the session that holds it or choose another port"
            ));
        }
        if self.books.gates().len() >= MAX_GATES {
            return Err(format!("there are {MAX_GATES} gates already; end a session first"));
        }
        Ok(())
    }

    async fn shut(&self, port: u16) -> Result<(), String> {
        self.known(port)?;
        self.driver.shut(port).await.map_err(|error| error.to_string())?;
        self.books.shut(port).map_err(|error| no_journal(&error))
    }

    /// A gate that could not be removed stays in the books: it is tried again at the end, and at the next start.
    async fn remove(&self, port: u16) -> Result<(), String> {
        self.known(port)?;
        match self.driver.remove(port).await {
            // The token is given back, and could not be noted so; a guard that holds nothing any more needs no room for its note.
            Ok(()) | Err(FirewallError::NoJournal { .. }) => {}
            Err(error) => return Err(error.to_string()),
        }
        self.books.gone(port).map_err(|error| no_journal(&error))
    }

    fn known(&self, port: u16) -> Result<(), String> {
        self.books.gate(port).map(drop).ok_or_else(|| format!("port {port} has no gate here"))
    }

    /// Shut all, wait for what listens there, remove all.
    async fn end(self) -> Vec<String> {
        let mut failed = Vec::new();
        let gates = self.books.gates();
        for gate in gates.iter().filter(|gate| !gate.shut) {
            failed.extend(self.shut(gate.port).await.err());
        }
        let deadline = Instant::now() + LISTENER_GRACE;
        for gate in &gates {
            while is_listened_on(gate.port) && Instant::now() < deadline {
                tokio::time::sleep(LISTENER_POLL).await;
            }
        }
        for gate in &gates {
            failed.extend(self.remove(gate.port).await.err());
        }
        failed
    }
}

/// A port on loopback that cannot be bound is listened on. Nothing is connected to, and nothing is spent.
fn is_listened_on(port: u16) -> bool {
    matches!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)), Err(error) if error.kind() == io::ErrorKind::AddrInUse)
}

enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads up to the next newline, at most [`LINE_LIMIT`] bytes.
async fn next_line(requests: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> io::Result<Line> {
    requests.take(LINE_LIMIT as u64).read_until(b'\n', line).await?;
    Ok(match line.last() {
        Some(b'\n') => Line::Whole,
        Some(_) if line.len() == LINE_LIMIT => Line::TooLong,
        _ => Line::End, // what is not ended by a newline was cut off: it is not obeyed
    })
}

async fn say(replies: &mut (impl AsyncWrite + Unpin), said: &impl serde::Serialize) -> io::Result<()> {
    replies.write_all(&wire::line(said)).await?;
    replies.flush().await
}

fn no_journal(error: &io::Error) -> String {
    format!("the journal cannot be written: {error}; nothing is opened without it")
}

#[cfg(test)]
mod tests;
