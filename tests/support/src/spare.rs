//! Spares as the log tells of them.

use crate::server::Server;
use crate::session_log::Transition;

/// A dlv that waits for a client.
#[derive(Debug, PartialEq, Eq)]
pub struct Spare {
    /// Its number in the log.
    pub number: u64,
    /// dlv's process id.
    pub pid: i32,
    /// The port on which it listens.
    pub port: u16,
}

impl Spare {
    /// The `count`th that the server has got ready.
    pub fn wait(server: &Server, count: usize) -> Self {
        Self::of(&server.log.wait_for("spare_ready", count))
    }

    /// The one that a transition tells of: `pid 4711 at 127.0.0.1:40123, spare 1`.
    pub fn of(transition: &Transition) -> Self {
        let detail = transition.line["detail"].as_str().expect("a detail");
        let found = (|| {
            let (pid, rest) = detail.strip_prefix("pid ")?.split_once(" at 127.0.0.1:")?;
            let (port, number) = rest.split_once(", spare ")?;
            Some(Self { number: number.parse().ok()?, pid: pid.parse().ok()?, port: port.parse().ok()? })
        })();
        found.unwrap_or_else(|| panic!("no spare in {detail:?}"))
    }
}

/// The dlv that a session has got, which was a spare. The log may come a moment after dlv's first
/// answer.
pub fn taken(server: &Server, session: u64) -> Spare {
    Spare::of(&reached(server, session, "dlv_ready"))
}

/// Waits for this transition of this session.
pub fn reached(server: &Server, session: u64, name: &str) -> Transition {
    server.log.wait(&format!("{name} of session {session}"), |transitions| {
        transitions.iter().find(|one| one.session == session && one.name == name).cloned()
    })
}

/// Waits until spare `number` ends; gives why, in a word.
pub fn ended(server: &Server, number: u64) -> String {
    server.log.wait(&format!("the end of spare {number}"), |transitions| {
        let of_spare = |one: &&Transition| one.session == 0 && one.line["spare"] == number;
        let ending = transitions.iter().filter(of_spare).find(|one| one.name == "ending")?;
        Some(ending.line["cause"].as_str().expect("a cause").to_owned())
    })
}

/// The names of a session's transitions so far.
pub fn steps(server: &Server, session: u64) -> Vec<String> {
    server.log.of(session).into_iter().map(|one| one.name).collect()
}
