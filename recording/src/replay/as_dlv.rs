//! A server that plays dlv: a live client gets the recorded answers.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::options::Pace;
use super::path_map::PathMap;
use super::player::{Early, Miss, Player};
use super::script::Script;
use super::wire::{Incoming, send};

/// After the last message, how long a client may take to close.
const LINGER: Duration = Duration::from_secs(2);

/// How long a client may be silent before an event goes without the request that it waits for.
/// Shorter than clients wait for an answer (nvim-dap: 4 s), longer than one thinks that is about to
/// ask it.
const SILENCE: Duration = Duration::from_secs(3);

/// Connections of which the first that speaks is served, and how long each may be silent: as at
/// dlvgate's own front.
const SILENT: usize = 64;
const FIRST_BYTE: Duration = Duration::from_secs(60);

/// How long a first message may take that has begun: clients write one at once.
const FIRST_MESSAGE: Duration = Duration::from_secs(5);

/// Requests that the recording has no answer to, after which it is the wrong one.
const MISSES: usize = 10_000;

/// How a played session went.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Played {
    /// Requests that came.
    pub requests: usize,
    /// Those that the recording has no answer to.
    pub misses: Vec<Miss>,
    /// Events that were said before what they waited for, since the client asked nothing.
    pub early: Vec<Early>,
    /// The request that ends the recorded session, by line and command, where the client left
    /// without it.
    pub left_without: Option<(u64, String)>,
    /// Recorded requests that no client sent: the line in the recording, and the command.
    pub not_asked: Vec<(u64, String)>,
    /// Why the client was not served to its end.
    pub broken: Option<String>,
}

impl Played {
    /// Tells whether the recording had an answer to everything, in its order, up to the end.
    pub fn is_success(&self) -> bool {
        let is_whole = self.left_without.is_none() && self.broken.is_none();
        self.misses.is_empty() && self.early.is_empty() && is_whole
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answered = self.requests - self.misses.len().min(self.requests);
        write!(f, "{} request(s), {answered} answered from the recording", self.requests)?;
        if let Some(why) = &self.broken {
            write!(f, "\nended: {why}")?;
        }
        for miss in &self.misses {
            write!(f, "\nnot in the recording: {miss}")?;
        }
        for early in &self.early {
            write!(f, "\nout of its place: {early}")?;
        }
        if let Some((line, name)) = &self.left_without {
            write!(f, "\nthe client left without {name} (line {line})")?;
        }
        if !self.not_asked.is_empty() {
            let all: Vec<String> =
                self.not_asked.iter().map(|(line, name)| format!("{name} (line {line})")).collect();
            write!(f, "\nrecorded and not asked for: {}", all.join(", "))?;
        }
        Ok(())
    }
}

/// Plays dlv at an address, one client after another.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use dlvgate_recording::replay::{Pace, Script, Server};
///
/// let script = Arc::new(Script::load("session.jsonl".as_ref())?);
/// let server = Server::bind("127.0.0.1:0", script, Pace::AtOnce).await?;
/// // … point the client at server.address(), and meanwhile:
/// let played = server.serve_one().await?;
/// assert!(played.is_success(), "{played}");
/// # Ok(())
/// # }
/// ```
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    script: Arc<Script>,
    pace: Pace,
    folders: PathMap,
    admits: Option<Admits>,
    /// Clients that have not spoken yet; each comes out when it does.
    silent: Mutex<JoinSet<Option<TcpStream>>>,
}

/// Says of a client's address, and of the one that it has connected to, why it may not be served.
pub type Admits = Box<dyn Fn(SocketAddr, SocketAddr) -> Result<(), String> + Send + Sync>;

impl Server {
    /// Listens at an address, for [`Server::serve_one`].
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn bind(address: impl ToSocketAddrs, script: Arc<Script>, pace: Pace) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (folders, silent) = (PathMap::default(), Mutex::default());
        Ok(Server { listener, address, script, pace, folders, admits: None, silent })
    }

    /// Says where a recorded file or folder is now. What the client says of its program is learned
    /// without that.
    #[must_use]
    pub fn map_path(mut self, recorded: &str, live: &str) -> Server {
        self.folders.put(recorded.trim_end_matches('/'), live.trim_end_matches('/'));
        self
    }

    /// Serves only clients that this admits; without it, every one that can connect.
    #[must_use]
    pub fn only(mut self, admits: Admits) -> Server {
        self.admits = Some(admits);
        self
    }

    /// Returns the address at which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the next client that speaks to its end. A silent connection does not hold others up.
    ///
    /// # Errors
    /// If the listener fails. A client that breaks off is not an error.
    pub async fn serve_one(&self) -> io::Result<Played> {
        loop {
            let client = self.speaking().await?;
            if let Some(played) = self.play(client).await {
                return Ok(played);
            }
        }
    }
}

impl Server {
    /// The next client that has said something, or has left.
    async fn speaking(&self) -> io::Result<TcpStream> {
        let mut silent = self.silent.lock().await;
        loop {
            tokio::select! {
                Some(spoken) = silent.join_next(), if !silent.is_empty() => {
                    if let Ok(Some(client)) = spoken {
                        return Ok(client);
                    }
                }
                accepted = self.listener.accept(), if silent.len() < SILENT => {
                    let (client, peer) = accepted?;
                    let admits = |admits: &Admits| admits(peer, client.local_addr().unwrap_or(self.address));
                    if let Some(Err(why)) = self.admits.as_ref().map(admits) {
                        tracing::warn!(target: "dlvgate::recording", %peer, "closed: {why}");
                        continue;
                    }
                    client.set_nodelay(true)?;
                    silent.spawn(async {
                        // `readable` of a new connection is true before anything came.
                        timeout(FIRST_BYTE, client.peek(&mut [0])).await.ok()?.ok()?;
                        Some(client)
                    });
                }
            }
        }
    }

    /// `None` if the client said no message.
    async fn play(&self, mut client: TcpStream) -> Option<Played> {
        let (script, pace) = (&*self.script, self.pace);
        let mut player = Player::new(script, self.folders.clone());
        let (mut requests, mut silent_since, mut broken) = (0, Instant::now(), None);
        let first_message = silent_since + FIRST_MESSAGE;
        let (reader, mut writer) = client.split();
        let mut incoming = Incoming::new(reader, script.protocol());
        let mut due: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
        loop {
            let next = due.front().map(|(at, _)| *at);
            let is_silent = next.is_none() && player.is_waiting();
            let told = tokio::select! {
                biased;
                () = async { sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {
                    let Some((_, body)) = due.pop_front() else { continue };
                    silent_since = Instant::now();
                    send(&mut writer, script.protocol(), &body).await
                }
                message = incoming.next() => match message {
                    Ok(Some(body)) => {
                        requests += 1;
                        let now = Instant::now();
                        silent_since = now;
                        for say in player.hear(&body) {
                            let at = if pace == Pace::AsRecorded { now + say.after } else { now };
                            let place = due.partition_point(|(other, _)| *other <= at);
                            due.insert(place, (at, say.body));
                        }
                        Ok(())
                    }
                    Ok(None) => break,
                    Err(error) => {
                        broken = (error.kind() == io::ErrorKind::InvalidData).then(|| error.to_string());
                        break;
                    }
                },
                () = sleep_until(first_message), if requests == 0 => break,
                () = sleep_until(silent_since + SILENCE), if is_silent => {
                    silent_since = Instant::now();
                    due.extend(player.go_on().into_iter().map(|say| (silent_since, say.body)));
                    Ok(())
                }
            };
            if told.is_err() {
                break;
            }
            if player.misses.len() >= MISSES {
                broken = Some(format!(
                    "{MISSES} requests came that the recording does not answer: play a recording of this client"
                ));
                break;
            }
            if player.is_over && due.is_empty() {
                let _ = writer.shutdown().await;
                let _ = timeout(LINGER, async { while let Ok(Some(_)) = incoming.next().await {} }).await;
                break;
            }
        }
        if requests == 0 {
            return None;
        }
        let not_asked = player.not_asked().map(|(line, name)| (line, name.to_owned())).collect();
        let left_without = player.left_without().map(|(line, name)| (line, name.to_owned()));
        let Player { misses, early, .. } = player;
        Some(Played { requests, misses, early, left_without, not_asked, broken })
    }
}
