//! A client that plays a recording against a live dlv or proxy, and compares what it hears.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use dlvgate_protocol::message::Argument;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

use super::as_dlv::Pace;
use super::folders::Folders;
use super::run::Run;
use super::script::Script;
use crate::difference::{Difference, Ignore};

/// How long an answer or event may take that the recording has: a build is among them.
const PATIENCE: Duration = Duration::from_secs(60);

/// A launch or attach that failed, and had succeeded when it was recorded: the replay ends there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line of the recorded request.
    pub line: u64,
    /// The command.
    pub name: String,
    /// What the answer says, and what was put out until then: a build's errors.
    pub why: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} failed, and nothing after it was played:\n{}", self.name, self.why)?;
        match self.name.as_str() {
            "attach" => writeln!(f, "--set processId=PID names another process"),
            _ => Ok(()),
        }
    }
}

/// How a replay went.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// Why it ended before the recording did.
    pub failure: Option<Failure>,
    /// Why the server was not heard to its end.
    pub broken: Option<String>,
    /// Recorded requests that were not sent.
    pub not_sent: usize,
    /// Requests that were sent.
    pub requests: usize,
    /// Messages that came.
    pub messages: usize,
    /// Where they said something else than recorded.
    pub differences: Vec<Difference>,
}

impl Replayed {
    /// Whether everything was as recorded.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty() && self.failure.is_none() && self.broken.is_none()
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failure) = &self.failure {
            writeln!(f, "{failure}")?;
        }
        if let Some(why) = &self.broken {
            writeln!(f, "{why}")?;
        }
        for difference in &self.differences {
            writeln!(f, "{difference}")?;
        }
        let differences = match self.differences.len() {
            0 => "no difference".to_owned(),
            1 => "1 difference".to_owned(),
            many => format!("{many} differences"),
        };
        write!(f, "{} request(s) sent, ", self.requests)?;
        if self.not_sent > 0 {
            write!(f, "{} not sent, ", self.not_sent)?;
        }
        write!(f, "{} message(s) came, {differences}", self.messages)
    }
}

/// Plays a recording's client.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use dlvgate_recording::replay::{Client, Script};
///
/// let script = Arc::new(Script::load("session.jsonl".as_ref())?);
/// let client = Client::new(script).folder("/recorded/app", "/home/me/app");
/// let replayed = client.run("127.0.0.1:2345").await?;
/// assert!(replayed.is_same(), "{replayed}");
/// # Ok(())
/// # }
/// ```
pub struct Client {
    pub(super) script: Arc<Script>,
    pub(super) pace: Pace,
    pub(super) patience: Duration,
    pub(super) folders: Folders,
    pub(super) ignored: Vec<Ignore>,
    pub(super) set: Vec<Argument>,
}

impl Client {
    /// Sends each request as soon as what the recorded client had heard before it has come.
    pub fn new(script: Arc<Script>) -> Client {
        let (folders, ignored, set) = (Folders::default(), Vec::new(), Vec::new());
        Client { script, pace: Pace::AtOnce, patience: PATIENCE, folders, ignored, set }
    }

    /// With the time between requests that was recorded.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> Client {
        self.pace = pace;
        self
    }

    /// How long each answer may take. A server that answers nothing in it ends the replay.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Client {
        self.patience = patience;
        self
    }

    /// Where a recorded file or folder is now.
    #[must_use]
    pub fn folder(mut self, recorded: &str, live: &str) -> Client {
        self.folders.put(recorded.trim_end_matches('/'), live.trim_end_matches('/'));
        self
    }

    /// An argument of `launch` and `attach` in place of the recorded one, such as the process to
    /// attach to.
    #[must_use]
    pub fn set(mut self, argument: Argument) -> Client {
        self.set.push(argument);
        self
    }

    /// Values that may differ.
    #[must_use]
    pub fn ignore(mut self, ignored: Ignore) -> Client {
        self.ignored.push(ignored);
        self
    }

    /// Plays it.
    ///
    /// # Errors
    /// Where the server cannot be reached. One that breaks off in the middle is a difference.
    pub async fn run(&self, server: impl ToSocketAddrs) -> io::Result<Replayed> {
        let stream = timeout(self.patience, TcpStream::connect(server)).await??;
        stream.set_nodelay(true)?;
        let mut run = Run::new(self, stream);
        let requests = run.play().await;
        let (failure, differences) = (run.failure(), run.differences(requests));
        let (not_sent, broken) = (self.script.requests() - requests, run.broken());
        Ok(Replayed { failure, broken, not_sent, requests, messages: run.messages(), differences })
    }
}
