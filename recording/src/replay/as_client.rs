//! A client that plays a recording against a live dlv or proxy, and compares what it hears.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use dlvgate_protocol::message::Argument;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

use super::options::{ClientOptions, Pace};
use super::path_map::PathMap;
use super::report::Replayed;
use super::run::ReplayState;
use super::script::Script;
use crate::difference::Ignore;

/// How long an answer or event may take that the recording has: a build is among them.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// Plays a recording's client.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use dlvgate_recording::replay::{ClientPlayer, Script};
///
/// let script = Arc::new(Script::load("session.jsonl".as_ref())?);
/// let client = ClientPlayer::new(script).map_path("/recorded/app", "/home/me/app");
/// let replayed = client.run("127.0.0.1:2345").await?;
/// assert!(replayed.is_same(), "{replayed}");
/// # Ok(())
/// # }
/// ```
pub struct ClientPlayer {
    options: ClientOptions,
}

impl ClientPlayer {
    /// Creates a client that sends each request as soon as everything has come that the recorded
    /// client had received before it.
    pub fn new(script: Arc<Script>) -> ClientPlayer {
        let (folders, ignored, set) = (PathMap::default(), Vec::new(), Vec::new());
        let (pace, timeout) = (Pace::AtOnce, REPLY_TIMEOUT);
        ClientPlayer { options: ClientOptions { script, pace, timeout, folders, ignored, set } }
    }

    /// Sets how fast the requests follow each other.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> ClientPlayer {
        self.options.pace = pace;
        self
    }

    /// Sets how long each answer may take, 60 s by default. A server that answers nothing in it
    /// ends the replay.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> ClientPlayer {
        self.options.timeout = timeout;
        self
    }

    /// Says where a recorded file or folder is now.
    #[must_use]
    pub fn map_path(mut self, recorded: &str, live: &str) -> ClientPlayer {
        self.options.folders.put(recorded.trim_end_matches('/'), live.trim_end_matches('/'));
        self
    }

    /// Puts an argument of `launch` and `attach` in place of the recorded one, such as the process
    /// to attach to.
    #[must_use]
    pub fn set(mut self, argument: Argument) -> ClientPlayer {
        self.options.set.push(argument);
        self
    }

    /// Adds values that may differ.
    #[must_use]
    pub fn ignore(mut self, ignored: Ignore) -> ClientPlayer {
        self.options.ignored.push(ignored);
        self
    }

    /// Plays the recording against a server.
    ///
    /// # Errors
    /// If the server cannot be reached. One that breaks off in the middle is a difference.
    pub async fn run(&self, server: impl ToSocketAddrs) -> io::Result<Replayed> {
        let stream = timeout(self.options.timeout, TcpStream::connect(server)).await??;
        stream.set_nodelay(true)?;
        let mut run = ReplayState::new(&self.options, stream);
        let requests = run.play().await;
        let (failure, differences) = (run.failure(), run.differences(requests));
        let (not_sent, given_up) = (self.options.script.requests() - requests, run.given_up());
        Ok(Replayed { failure, given_up, not_sent, requests, messages: run.messages(), differences })
    }
}
