//! The requests to a server and its answers: a line of JSON each.

use serde::{Deserialize, Serialize};

use crate::session::SessionStatus;

/// The version of the protocol.
pub(super) const VERSION: u32 = 1;

/// Bytes of a request; the longest that dlvgate sends takes a fiftieth of it.
pub(super) const REQUEST_LIMIT: u64 = 4096;

/// Bytes of an answer: a session takes at most some 4 KiB.
pub(super) const ANSWER_LIMIT: u64 = 16 * 1024 * 1024;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The version of the protocol, 1.
    pub version: u32,
    /// What is asked.
    pub request: Ask,
    /// The session that a `stop` is for; without one it is for the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
}

/// The kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// Describe the server and its sessions.
    Status,
    /// Stop a session or the server. A second one does not wait for dlv.
    Stop,
}

/// An answer. Without `server` and `error` the server does as it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The version of the protocol, 1.
    pub version: u32,
    /// The server, for a `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerStatus>,
    /// Why the request was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A server as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its process id.
    pub pid: u32,
    /// The version of dlvgate that it runs.
    pub dlvgate: String,
    /// Where clients connect.
    pub front: String,
    /// What a client gets: dlv's command line without its listen address.
    pub serves: String,
    /// The folder that dlv runs in.
    pub folder: String,
    /// When it started, in seconds since 1970.
    pub since: u64,
    /// Its open sessions.
    pub sessions: Vec<SessionStatus>,
}

impl Request {
    /// A request for the server and its sessions.
    pub fn status() -> Request {
        Request { version: VERSION, request: Ask::Status, session: None }
    }

    /// A request to stop a session, or the server.
    pub fn stop(session: Option<u64>) -> Request {
        Request { version: VERSION, request: Ask::Stop, session }
    }
}

impl Answer {
    pub(super) fn refused(why: String) -> Answer {
        Answer { version: VERSION, error: Some(why), ..Answer::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_are_lines_as_documented() {
        let line = |request: Request| serde_json::to_string(&request).unwrap();
        assert_eq!(line(Request::status()), r#"{"version":1,"request":"status"}"#);
        assert_eq!(line(Request::stop(Some(3))), r#"{"version":1,"request":"stop","session":3}"#);
        let refused = serde_json::to_string(&Answer::refused("no".to_owned())).unwrap();
        assert_eq!(refused, r#"{"version":1,"error":"no"}"#);
        assert_eq!(serde_json::from_str::<Answer>(&refused).unwrap().error.as_deref(), Some("no"));
    }
}
