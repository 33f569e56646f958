//! What the guard owes for a request, step by step, without any I/O.
//!
//! The guard's part of the promise is kept here: a gate is in the journal before it is loaded, and
//! leaves the journal after its rules are gone. At the end every gate is shut, then who listens
//! there is waited for, then every gate is removed. A port that another user has now loses its gate
//! at once, and is never shut: that would cut off the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::wire::{MAX_GATES, MAX_PEERS, Operation, VERSION};
use crate::firewall::Peer;

/// Ports below are the system's own services'. A user who may start the guard without a password
/// must not be able to cut ssh off with it.
pub(super) const SYSTEM_PORTS: u16 = 1024;

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GuardStep {
    /// Write into the journal that this port is about to have a gate.
    Note(u16),
    /// Load its rules and read them back.
    Load(u16),
    /// Block the port for everybody.
    Shut(u16),
    /// Write down that it is shut.
    NoteShut(u16),
    /// Take its rules away.
    Remove(u16),
    /// Take it out of the journal.
    Strike(u16),
    /// Wait a moment at most for what listens on the ports to end.
    Linger,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepOutcome {
    /// It is done.
    Done,
    /// It is not done, and nothing is left of it.
    Undone,
    /// It failed at an unknown point.
    Failed,
    /// It was not tried: the port is another user's now.
    Another,
}

/// What the guard holds, and what it is at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GuardState {
    /// The user whose gates they are.
    uid: u32,
    /// The other side has said which version it speaks.
    met: bool,
    gates: BTreeMap<u16, PortState>,
    /// Ports whose gate could not be removed, or whose rules were not loaded whole. Their session
    /// is over: opening one removes the rest first.
    left: BTreeSet<u16>,
    /// The port that is opened once the rest of its old gate is removed.
    reopening: Option<u16>,
    /// Ports that another user has taken since: their gates are gone, or are to be removed without
    /// being shut.
    lost: BTreeSet<u16>,
    step: Option<GuardStep>,
    /// The steps after this one and its consequences.
    rest: VecDeque<GuardStep>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum PortState {
    Open,
    /// No rule of ours lets a peer pass: they block, or are not loaded.
    Shut,
}

impl GuardState {
    /// Of a guard that holds nothing, for this user.
    pub fn new(uid: u32) -> GuardState {
        GuardState {
            uid,
            met: false,
            gates: BTreeMap::new(),
            left: BTreeSet::new(),
            reopening: None,
            lost: BTreeSet::new(),
            step: None,
            rest: VecDeque::new(),
        }
    }

    /// Whether a gate would be opened, as far as it depends on what was asked until now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_open(&self, port: u16, peers: &[Peer]) -> Result<(), String> {
        self.has_met()?;
        if port == 0 {
            return Err("port 0 is not a port".to_owned());
        }
        if port < SYSTEM_PORTS && self.uid != 0 {
            return Err(format!(
                "port {port} is the system's: the guard of a user takes {SYSTEM_PORTS} to 65535"
            ));
        }
        if peers.len() > MAX_PEERS {
            return Err(format!("{} peers; a gate takes {MAX_PEERS}", peers.len()));
        }
        if self.left.contains(&port) {
            return Ok(());
        }
        if self.gates.contains_key(&port) {
            return Err(has_a_gate(port));
        }
        if self.gates.len() >= MAX_GATES {
            return Err(format!("there are {MAX_GATES} gates already; end a session first"));
        }
        Ok(())
    }

    fn has_met(&self) -> Result<(), String> {
        if self.met { Ok(()) } else { Err("the first request must be hello".to_owned()) }
    }

    /// A request, once the one before it is done: [`next`](GuardState::next) then names its steps.
    ///
    /// # Errors
    /// Why it is not obeyed; then there is nothing to do.
    pub fn ask(&mut self, asked: &Operation) -> Result<(), String> {
        match asked {
            Operation::Hello { version: VERSION, .. } => self.met = true,
            Operation::Hello { version, .. } => {
                return Err(format!(
                    "the guard speaks version {VERSION} and its proxy {version}: install the helper of this dlvgate, \
                     `sudo dlvgate firewall install`"
                ));
            }
            _ if !self.met => return self.has_met(),
            Operation::Open { port, peers, .. } => {
                self.may_open(*port, peers)?;
                self.lost.remove(port);
                self.reopening = self.left.contains(port).then_some(*port);
                self.step = Some(if self.reopening.is_some() {
                    GuardStep::Remove(*port)
                } else {
                    GuardStep::Note(*port)
                });
            }
            Operation::Shut { port } | Operation::Drop { port } if self.lost.contains(port) => {
                self.step = self.gates.contains_key(port).then_some(GuardStep::Remove(*port));
            }
            Operation::Shut { port } => {
                self.step = (self.known(*port)? == PortState::Open).then_some(GuardStep::Shut(*port));
            }
            Operation::Drop { port } => {
                self.known(*port)?;
                self.step = Some(GuardStep::Remove(*port));
            }
            Operation::Status => {}
        }
        Ok(())
    }

    /// Another user has this port now: its gate goes, where there is one. To be called where there
    /// is no [`next`](GuardState::next) step.
    pub fn lose(&mut self, port: u16) {
        if self.gates.contains_key(&port) && self.lost.insert(port) {
            self.rest.push_back(GuardStep::Remove(port));
            self.step = self.step.or_else(|| self.rest.pop_front());
        }
    }

    /// The pipe is over: everything goes.
    pub fn end(&mut self) {
        let open =
            self.gates.iter().filter(|(port, held)| **held == PortState::Open && !self.lost.contains(port));
        self.rest.extend(open.map(|(port, _)| GuardStep::Shut(*port)));
        if !self.gates.is_empty() {
            self.rest.push_back(GuardStep::Linger);
        }
        self.rest.extend(self.gates.keys().map(|port| GuardStep::Remove(*port)));
        self.step = self.rest.pop_front();
    }

    /// What to do now; `None`: nothing, until the next request.
    pub fn next(&self) -> Option<GuardStep> {
        self.step
    }

    /// The step that [`next`](GuardState::next) named came to this.
    pub fn done(&mut self, outcome: StepOutcome) {
        let follows = match (self.step, outcome) {
            (Some(GuardStep::Note(port)), StepOutcome::Done) => {
                self.gates.insert(port, PortState::Open);
                Some(GuardStep::Load(port))
            }
            // Not noted, not loaded; but the disk may have it all the same.
            (Some(GuardStep::Note(port) | GuardStep::Load(port)), StepOutcome::Undone)
            | (Some(GuardStep::Note(port)), StepOutcome::Failed) => {
                self.gates.insert(port, PortState::Shut);
                Some(GuardStep::Strike(port))
            }
            (Some(GuardStep::Shut(port)), StepOutcome::Done) => {
                self.gates.insert(port, PortState::Shut);
                Some(GuardStep::NoteShut(port))
            }
            (Some(GuardStep::Shut(port)), StepOutcome::Another) => {
                self.lost.insert(port);
                Some(GuardStep::Remove(port))
            }
            (Some(GuardStep::Remove(port)), StepOutcome::Done) => {
                self.gates.insert(port, PortState::Shut);
                Some(GuardStep::Strike(port))
            }
            (Some(GuardStep::Strike(port)), StepOutcome::Done) => {
                self.gates.remove(&port);
                self.left.remove(&port);
                self.reopening.take().map(GuardStep::Note)
            }
            // What failed stays in the state: it is tried again when the port is opened, at the
            // end, and at the next start.
            (
                Some(GuardStep::Load(port) | GuardStep::Remove(port) | GuardStep::Strike(port)),
                StepOutcome::Failed | StepOutcome::Undone,
            ) => {
                self.left.insert(port);
                self.reopening = None;
                None
            }
            _ => None,
        };
        self.step = follows.or_else(|| self.follows());
    }

    /// Returns the next step; a gate that is gone already is not removed again.
    fn follows(&mut self) -> Option<GuardStep> {
        loop {
            match self.rest.pop_front()? {
                GuardStep::Remove(port) if !self.gates.contains_key(&port) => {}
                step => return Some(step),
            }
        }
    }

    /// The ports whose gates are not to be seen to already: another user may have taken them since.
    pub fn kept(&self) -> impl Iterator<Item = u16> {
        self.gates.keys().copied().filter(|port| !self.lost.contains(port))
    }

    /// The ports that have a gate.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.gates.keys().copied()
    }

    fn known(&self, port: u16) -> Result<PortState, String> {
        self.gates.get(&port).copied().ok_or_else(|| format!("port {port} has no gate here"))
    }
}

/// Why a port is not guarded twice.
pub(super) fn has_a_gate(port: u16) -> String {
    format!("port {port} has a gate already; end the session that holds it or choose another port")
}

#[cfg(test)]
mod tests;
