//! How a replay against a live server went.

use std::fmt;
use std::time::Duration;

use crate::difference::Difference;

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
        write!(f, "{} failed, and nothing after it was played:\n{}", self.name, self.why)
    }
}

/// Why a server was not heard to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GivenUp {
    /// It answered nothing of the recording in time.
    #[error(
        "the server is silent: no answer to {name} (line {line}) came within {} s, and nothing else that was recorded",
        .timeout.as_secs()
    )]
    Silent {
        /// The command or method that was not answered.
        name: String,
        /// The recorded answer's line.
        line: u64,
        /// The time: see [`ClientPlayer::timeout`](super::ClientPlayer::timeout).
        timeout: Duration,
    },
    /// It takes no request.
    #[error("the server does not read: {name} could not be sent (line {line})")]
    DoesNotRead {
        /// The command or method that could not be sent.
        name: String,
        /// The recorded request's line.
        line: u64,
    },
    /// It says far more than was recorded.
    #[error("more than {mib} MiB came, or {messages} messages that were not recorded: is it dlv?")]
    TooMuch {
        /// The limit of all that comes.
        mib: usize,
        /// The limit of messages that were not recorded.
        messages: usize,
    },
    /// What came is not a message.
    #[error("{0}")]
    Unreadable(String),
}

/// How a replay went.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Replayed {
    /// Why it ended before the recording did.
    pub failure: Option<Failure>,
    /// Why the server was not heard to its end.
    pub given_up: Option<GivenUp>,
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
    /// Tells whether everything was as recorded.
    pub fn is_same(&self) -> bool {
        self.differences.is_empty() && self.failure.is_none() && self.given_up.is_none()
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(failure) = &self.failure {
            writeln!(f, "{failure}\n")?;
        }
        if let Some(why) = &self.given_up {
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
