//! Entries in the system's log: which port was opened to whom, by whom, and that it was shut and
//! removed.
//!
//! Told after the act, so that it cannot keep it up, and without waiting: a log that is full or
//! gone loses a line.

use super::state_machine::{GuardStep, StepOutcome};
use super::wire::Leftover;
use crate::firewall::Peer;

/// Bytes of peers in one line: syslog's own limit is 1,024 bytes a line (RFC 3164), and the rest of
/// the line takes 150.
const PEERS_OF_A_LINE: usize = 800;

/// Where acts are logged.
pub(super) struct Audit {
    log: Option<os::Log>,
    uid: u32,
}

impl Audit {
    /// Tells no log.
    pub(super) fn none() -> Audit {
        Audit { log: None, uid: 0 }
    }

    /// Opens the system's log for acts in this user's name.
    pub(super) fn of_system(uid: u32) -> Audit {
        Audit { log: os::Log::open(), uid }
    }

    /// Tells what became of a step, where it is one that changes who gets through.
    pub(super) fn step(&self, step: GuardStep, outcome: StepOutcome, peers: &[Peer]) {
        if let Some(log) = &self.log {
            lines(step, outcome, self.uid, peers).iter().for_each(|line| log.tell(line));
        }
    }

    /// Tells what was found of guards that were killed.
    pub(super) fn swept(&self, found: &[Leftover]) {
        if let Some(log) = &self.log {
            found.iter().for_each(|finding| log.tell(&swept(finding, self.uid)));
        }
    }
}

fn swept(finding: &Leftover, uid: u32) -> String {
    let act = if finding.is_left { "left" } else { "swept" };
    format!("{act} uid={uid}: {}", crate::escape::printable(&finding.text))
}

/// One line, or as many as the peers take.
fn lines(step: GuardStep, outcome: StepOutcome, uid: u32, peers: &[Peer]) -> Vec<String> {
    let (act, port) = match step {
        GuardStep::Load(port) => ("open", port),
        GuardStep::Shut(port) => ("shut", port),
        GuardStep::Remove(port) => ("remove", port),
        GuardStep::Note(_) | GuardStep::NoteShut(_) | GuardStep::Strike(_) | GuardStep::Linger => {
            return Vec::new();
        }
    };
    let failed = if outcome == StepOutcome::Done { "" } else { " failed" };
    let what = format!("{act}{failed} port={port} uid={uid}");
    if !matches!(step, GuardStep::Load(_)) {
        return vec![what];
    }
    let mut parts = vec![String::new()];
    for peer in peers.iter().map(ToString::to_string) {
        match parts.last_mut() {
            Some(part) if part.is_empty() => *part = peer,
            Some(part) if part.len() + peer.len() < PEERS_OF_A_LINE => *part = format!("{part},{peer}"),
            _ => parts.push(peer),
        }
    }
    parts.into_iter().map(|part| format!("{what} peers={part}")).collect()
}

#[cfg(target_os = "linux")]
mod os {
    use std::os::unix::net::UnixDatagram;
    use std::path::PathBuf;

    /// The name under which the log has it.
    const NAME: &str = "dlvgate-guard";

    /// Where syslog daemons and journald listen.
    const SOCKET: &str = "/dev/log";

    /// Security messages (authpriv, 10), of normal but significant conditions (notice, 5):
    /// RFC 3164.
    const PRIORITY: u32 = 10 * 8 + 5;

    pub(super) struct Log {
        socket: UnixDatagram,
        path: PathBuf,
    }

    impl Log {
        pub(super) fn open() -> Option<Log> {
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_nonblocking(true).ok()?;
            Some(Log { socket, path: path() })
        }

        /// Without a time: the daemon has its own, in the machine's time zone.
        pub(super) fn tell(&self, line: &str) {
            let text = format!("<{PRIORITY}>{NAME}[{}]: {line}", std::process::id());
            let _ = self.socket.send_to(text.as_bytes(), &self.path);
        }
    }

    /// In a debug build a test may name another.
    fn path() -> PathBuf {
        #[cfg(debug_assertions)]
        if let Some(path) = std::env::var_os("DLVGATE_SYSLOG") {
            return path.into();
        }
        PathBuf::from(SOCKET)
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use nix::syslog::{Facility, LogFlags, Priority, Severity, openlog, syslog};

    pub(super) struct Log;

    impl Log {
        pub(super) fn open() -> Option<Log> {
            // Under the name by which we are run: dlvgate-guard, by sudo.
            openlog(None::<&str>, LogFlags::LOG_PID, Facility::LOG_AUTH).ok().map(|()| Log)
        }

        pub(super) fn tell(&self, line: &str) {
            let _ = syslog(Priority::new(Severity::LOG_NOTICE, Facility::LOG_AUTH), line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_a_line_with_user_port_and_peers() {
        let peers = ["192.0.2.5".parse().unwrap(), "fe80::1%en0".parse().unwrap()];
        let said = |step, outcome| lines(step, outcome, 1000, &peers).join("\n");
        assert_eq!(
            said(GuardStep::Load(4000), StepOutcome::Done),
            "open port=4000 uid=1000 peers=192.0.2.5,fe80::1%en0"
        );
        assert_eq!(
            said(GuardStep::Load(4000), StepOutcome::Undone),
            "open failed port=4000 uid=1000 peers=192.0.2.5,fe80::1%en0"
        );
        assert_eq!(said(GuardStep::Shut(4000), StepOutcome::Done), "shut port=4000 uid=1000");
        assert_eq!(said(GuardStep::Remove(4000), StepOutcome::Failed), "remove failed port=4000 uid=1000");
        assert_eq!(said(GuardStep::Note(4000), StepOutcome::Done), "");
    }

    #[test]
    fn many_peers_are_told_in_lines_that_syslog_takes() {
        let peers: Vec<Peer> =
            (0..64).map(|n| format!("2001:db8:1111:2222:3333:4444:5555:{n:x}").parse().unwrap()).collect();
        let lines = lines(GuardStep::Load(4000), StepOutcome::Done, u32::MAX, &peers);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() < 900), "{lines:#?}");
        for peer in &peers {
            let told = lines.iter().filter(|line| {
                line.rsplit_once("peers=")
                    .is_some_and(|(_, all)| all.split(',').any(|one| one == peer.to_string()))
            });
            assert_eq!(told.count(), 1, "{peer}");
        }
    }
}
