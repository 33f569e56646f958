//! The sessions of a server that are open, with what stops each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use dlvgate_recording::Transition;
use serde::{Deserialize, Serialize};

use super::news::SessionNews;
use crate::delve::Address;
use crate::shutdown::{self, Shutdown, Trigger};

/// The open sessions of a server, by number.
#[derive(Debug, Default)]
pub struct OpenSessions(Mutex<BTreeMap<u64, Record>>);

#[derive(Debug)]
struct Record {
    status: SessionStatus,
    trigger: Trigger,
}

/// A session as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Its number, counted from 1 for each server.
    pub number: u64,
    /// The client's address, or the path of the Unix socket that it came to.
    pub client: String,
    /// `DAP` or `JSON-RPC`.
    pub protocol: String,
    /// How far it is.
    pub state: SessionState,
    /// When the client sent its first byte, in seconds since 1970.
    pub since: u64,
    /// Its own dlv, once that is ready.
    pub dlv: Option<SessionDelve>,
    /// What the client asked dlv to debug, such as `debug ./cmd/server`. In JSON-RPC it is not
    /// read.
    pub program: Option<String>,
    /// Where the program is stopped: the reason, the file and the line. `None`: it runs, or it is
    /// not known.
    pub stopped: Option<String>,
}

/// A session's own dlv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionDelve {
    /// Its process id.
    pub pid: i32,
    /// Where it listens.
    pub address: String,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// dlv is not connected yet.
    Starting,
    /// Messages are forwarded.
    Open,
    /// Its gate, dlv and program are being removed.
    Ending,
}

/// One session's place in the list, which it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct OpenSession {
    all: Arc<OpenSessions>,
    number: u64,
}

impl OpenSessions {
    /// Lists the sessions, by number.
    pub fn list(&self) -> Vec<SessionStatus> {
        self.records().values().map(|record| record.status.clone()).collect()
    }

    /// Asks a session to stop; a second call asks for it in a hurry. `false`: there is none.
    pub fn stop(&self, number: u64, why: &'static str) -> bool {
        let records = self.records();
        let record = records.get(&number);
        record.map(|record| record.trigger.stop(why)).is_some()
    }

    /// Adds a session, and returns what stops it.
    pub(super) fn begin(
        self: &Arc<Self>,
        number: u64,
        client: &str,
        protocol: &str,
    ) -> (OpenSession, Shutdown) {
        let (trigger, stop) = shutdown::channel();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let status = SessionStatus {
            number,
            client: client.to_owned(),
            protocol: protocol.to_owned(),
            state: SessionState::Starting,
            since,
            dlv: None,
            program: None,
            stopped: None,
        };
        self.records().insert(number, Record { status, trigger });
        (OpenSession { all: Arc::clone(self), number }, stop)
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<u64, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenSession {
    /// Notes a step of the session.
    pub(super) fn note(&self, transition: Transition, delve: Option<&(i32, Address)>) {
        let mut records = self.all.records();
        let Some(record) = records.get_mut(&self.number) else { return };
        let status = &mut record.status;
        match transition {
            Transition::Forwarding => status.state = SessionState::Open,
            Transition::Ending => status.state = SessionState::Ending,
            _ => {}
        }
        if status.dlv.is_none() {
            status.dlv = delve.map(|(pid, address)| SessionDelve { pid: *pid, address: address.to_string() });
        }
    }
}

impl OpenSession {
    /// Takes what a message of the session has said, and logs it.
    pub(super) fn take_news(&self, news: SessionNews) {
        let session = self.number;
        match &news {
            SessionNews::Started(program) => {
                tracing::info!(target: "dlvgate::session", parent: None, session, "{program}");
            }
            SessionNews::NotStarted(why) => {
                tracing::warn!(target: "dlvgate::session", parent: None, session, "not started: {why}");
            }
            SessionNews::Stopped { reason, at } => {
                tracing::info!(target: "dlvgate::session", parent: None, session, "stopped at {at} ({reason})");
            }
            SessionNews::Exited(code) => {
                tracing::info!(target: "dlvgate::session", parent: None, session, "the program exited with {code}");
            }
            SessionNews::Running | SessionNews::AskedForStack { .. } => {}
        }
        let mut records = self.all.records();
        let Some(record) = records.get_mut(&session) else { return };
        match news {
            SessionNews::Started(program) => record.status.program = Some(program),
            SessionNews::Stopped { reason, at } => record.status.stopped = Some(format!("{at} ({reason})")),
            SessionNews::NotStarted(_) => record.status.program = None,
            SessionNews::Running | SessionNews::Exited(_) => record.status.stopped = None,
            SessionNews::AskedForStack { .. } => {}
        }
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        self.all.records().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_is_listed_until_it_ends() {
        let all = Arc::new(OpenSessions::default());
        let (one, stop) = all.begin(3, "127.0.0.1:49018", "DAP");
        let (_other, unasked) = all.begin(4, "127.0.0.1:49019", "JSON-RPC");
        one.note(
            Transition::DlvReady,
            Some(&(4720, "127.0.0.1:40001".parse::<std::net::SocketAddr>().unwrap().into())),
        );
        one.note(Transition::Forwarding, None);
        let listed = all.list();
        assert_eq!((listed[0].number, listed[0].state), (3, SessionState::Open));
        assert_eq!(listed[0].dlv.as_ref().map(|dlv| dlv.pid), Some(4720));
        assert_eq!((listed[1].state, listed[1].protocol.as_str()), (SessionState::Starting, "JSON-RPC"));
        assert!(all.stop(3, "dlvgate stop") && !all.stop(5, "dlvgate stop"));
        assert_eq!(stop.begun().await, "dlvgate stop");
        assert_eq!(unasked.asked(), None, "only the session that is named stops");
        drop(one);
        assert_eq!(all.list().iter().map(|status| status.number).collect::<Vec<_>>(), [4]);
    }
}
