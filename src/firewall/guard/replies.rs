//! What the guard says, as the proxy hears it: answers, and what it says without being asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::error::GuardError;
use super::wire::{Greeting, GuardReply, LostGate};

/// Bytes of one answer; a greeting that finds much to report is the longest.
const ANSWER_LIMIT: u64 = 256 * 1024;

/// Answers that wait to be heard: one request is asked at a time, and few callers give up.
const ANSWERS: usize = 16;

/// Gates that the guard has removed by itself, with why.
#[derive(Clone, Debug)]
pub struct LostGates(Arc<watch::Sender<BTreeMap<u16, String>>>);

impl LostGates {
    /// Waits until this port's is one of them, and says why.
    pub async fn wait(&self, port: u16) -> String {
        let mut seen = self.0.subscribe();
        loop {
            let why = seen.borrow_and_update().get(&port).cloned();
            match why {
                Some(why) => return why,
                // cannot be: we hold the sender
                None if seen.changed().await.is_err() => std::future::pending().await,
                None => {}
            }
        }
    }

    /// Whether this port's is one of them.
    pub fn include(&self, port: u16) -> bool {
        self.0.borrow().contains_key(&port)
    }

    /// The port gets a new gate.
    pub(super) fn forget(&self, port: u16) {
        self.0.send_if_modified(|lost| lost.remove(&port).is_some());
    }

    fn add(&self, LostGate { lost: port, why }: LostGate) {
        self.0.send_modify(|lost| _ = lost.insert(port, why.clone()));
        tracing::error!(target: "dlvgate::firewall", port, "the gate is removed: {why}");
    }
}

/// A line of the guard's.
#[derive(Deserialize)]
#[serde(untagged)]
enum GuardLine {
    Lost(LostGate),
    Reply(GuardReply),
}

/// Before the guard's first word.
#[derive(Debug)]
pub(super) struct GreetingReader {
    lines: BufReader<OwnedReadHalf>,
    lost: LostGates,
}

/// Hears the guard, until it is dropped or the guard has ended.
#[derive(Debug)]
pub(super) struct ReplyReader {
    replies: mpsc::Receiver<Result<GuardReply, GuardError>>,
    _task: JoinSet<()>,
}

impl ReplyReader {
    #[expect(clippy::new_ret_no_self, reason = "the greeting comes first")]
    pub(super) fn new(pipe: OwnedReadHalf) -> (GreetingReader, LostGates) {
        let lost = LostGates(Arc::new(watch::Sender::default()));
        (GreetingReader { lines: BufReader::new(pipe), lost: lost.clone() }, lost)
    }

    /// The next reply.
    ///
    /// # Errors
    /// If none comes in time, what comes is none, or the guard has ended.
    pub(super) async fn reply(&mut self, limit: Duration) -> Result<GuardReply, GuardError> {
        let heard = tokio::time::timeout(limit, self.replies.recv()).await;
        heard.map_err(|_| GuardError::Silent { seconds: limit.as_secs() })?.unwrap_or(Err(GuardError::Gone))
    }
}

impl GreetingReader {
    /// The guard's first line.
    ///
    /// # Errors
    /// If none comes in time, or what comes is none.
    pub(super) async fn greeting(&mut self, limit: Option<Duration>) -> Result<Greeting, GuardError> {
        match limit {
            None => next(&mut self.lines).await,
            Some(limit) => tokio::time::timeout(limit, next(&mut self.lines))
                .await
                .map_err(|_| GuardError::Silent { seconds: limit.as_secs() })?,
        }
    }

    /// Goes on hearing.
    pub(super) fn listen(self) -> ReplyReader {
        let (answers, replies) = mpsc::channel(ANSWERS);
        let mut task = JoinSet::new();
        task.spawn(self.pass_on(answers));
        ReplyReader { replies, _task: task }
    }

    async fn pass_on(mut self, answers: mpsc::Sender<Result<GuardReply, GuardError>>) {
        loop {
            let heard = match next(&mut self.lines).await {
                Ok(GuardLine::Lost(lost)) => {
                    self.lost.add(lost);
                    continue;
                }
                Ok(GuardLine::Reply(reply)) => Ok(reply),
                Err(error) => Err(error),
            };
            let is_over = matches!(heard, Err(GuardError::Gone));
            if answers.send(heard).await.is_err() || is_over {
                return;
            }
        }
    }
}

async fn next<T: DeserializeOwned>(lines: &mut BufReader<OwnedReadHalf>) -> Result<T, GuardError> {
    let mut line = Vec::new();
    let read = lines.take(ANSWER_LIMIT).read_until(b'\n', &mut line).await;
    match read {
        Ok(_) if line.last() == Some(&b'\n') => {
            serde_json::from_slice(&line).map_err(|error| GuardError::Garbled { said: error.to_string() })
        }
        Ok(_) if !line.is_empty() => Err(GuardError::Garbled { said: "a line without an end".to_owned() }),
        _ => Err(GuardError::Gone),
    }
}
