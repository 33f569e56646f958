//! The order of one session, without any I/O: what may happen next, given what has happened.
//!
//! The product's promise is kept here: dlv listens → gate open → connected → bytes are forwarded;
//! and at the end, wherever it begins: gate shut → dlv stopped → gate gone.

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Take over a spare dlv with its gate and its connection, where there is one.
    Take,
    /// Start dlv and wait for its ready line.
    Launch,
    /// Wait for the dlv that all sessions share: ready, with its gate open.
    Join,
    /// Open the gate and read it back.
    OpenGate,
    /// Connect to dlv, the only time.
    Dial,
    /// Wait, as a spare, for a session that takes it over.
    Wait,
    /// Forward bytes until something ends.
    Relay,
    /// Block the port for everybody.
    ShutGate,
    /// End dlv and the debugged program.
    StopDelve,
    /// Take the gate's rules away.
    RemoveGate,
    /// Nothing is held any more.
    Close,
}

/// The step of a session, and whether its end has begun. It holds what has been brought up: a dlv
/// `D` of ours or the address `A` of another, a gate `G`, and the connection `C` to dlv. Without
/// any of them it is the order alone, which is what the models search.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lifecycle<D = (), A = (), G = (), C = ()> {
    delve: DelveState<D, A>,
    gate: GateState<G>,
    connection: ConnectionState<C>,
    /// No session's yet: no byte goes.
    spare: bool,
    ending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum DelveState<D, A> {
    /// A spare is taken where there is one; else it is wanted.
    Sought,
    Wanted,
    Awaited,
    /// It listens at this address, and is not ours to stop.
    NotOurs(A),
    Running(D),
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum GateState<G> {
    Wanted,
    NotOurs,
    Open(G),
    Shut(G),
    Gone,
}

impl<D, A> DelveState<D, A> {
    fn running_mut(&mut self) -> Option<&mut D> {
        if let DelveState::Running(delve) = self { Some(delve) } else { None }
    }
}

impl<G> GateState<G> {
    fn standing(&self) -> Option<&G> {
        match self {
            GateState::Open(gate) | GateState::Shut(gate) => Some(gate),
            GateState::Wanted | GateState::NotOurs | GateState::Gone => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ConnectionState<C> {
    Wanted,
    /// Others connect.
    NotOurs,
    Open(C),
    Closed,
}

/// What a session forwards with.
pub(super) struct Relayed<'a, D, G, C> {
    pub(super) connection: &'a mut C,
    /// The session's own dlv.
    pub(super) delve: Option<&'a mut D>,
    /// The session's own gate.
    pub(super) gate: Option<&'a G>,
}

impl<D, A, G, C> Lifecycle<D, A, G, C> {
    /// A session that starts its own dlv behind a gate.
    pub fn with_own_delve() -> Self {
        Lifecycle {
            delve: DelveState::Wanted,
            gate: GateState::Wanted,
            connection: ConnectionState::Wanted,
            spare: false,
            ending: false,
        }
    }

    /// A session that takes over a [spare](Lifecycle::of_a_spare) where there is one, and else
    /// starts its own dlv.
    pub fn with_a_spare() -> Self {
        Lifecycle { delve: DelveState::Sought, ..Self::with_own_delve() }
    }

    /// A dlv that is started ahead, behind its gate and with its one connection, for a session that
    /// is still to come.
    pub fn of_a_spare() -> Self {
        Lifecycle { spare: true, ..Self::with_own_delve() }
    }

    /// A session on a dlv at this address that dlvgate did not start; gated where it is on
    /// loopback.
    pub fn with_running_delve(address: A, gated: bool) -> Self {
        let gate = if gated { GateState::Wanted } else { GateState::NotOurs };
        Lifecycle { delve: DelveState::NotOurs(address), gate, ..Self::with_own_delve() }
    }

    /// A session on a dlv that all sessions share, which has a [`server's`](Lifecycle::of_a_server)
    /// lifecycle.
    pub fn with_shared_delve() -> Self {
        Lifecycle { delve: DelveState::Awaited, gate: GateState::NotOurs, ..Self::with_own_delve() }
    }

    /// A dlv that all sessions share, behind a gate. Others dial it.
    pub fn of_a_server() -> Self {
        Lifecycle { connection: ConnectionState::NotOurs, ..Self::with_own_delve() }
    }

    /// A headless dlv at this address that dlvgate did not start, for all sessions.
    pub fn of_a_running_server(address: A, gated: bool) -> Self {
        Lifecycle { connection: ConnectionState::NotOurs, ..Self::with_running_delve(address, gated) }
    }

    /// The same for a dlv that listens on no port: there is nothing to gate.
    pub fn on_no_port(self) -> Self {
        Lifecycle { gate: GateState::NotOurs, ..self }
    }

    /// What to do now.
    pub fn next(&self) -> Step {
        if self.ending {
            return match (&self.gate, &self.delve) {
                (GateState::Open(_), _) => Step::ShutGate,
                (_, DelveState::Running(_)) => Step::StopDelve,
                (GateState::Shut(_), _) => Step::RemoveGate,
                _ => Step::Close,
            };
        }
        match (&self.delve, &self.gate, &self.connection) {
            (DelveState::Sought, ..) => Step::Take,
            (DelveState::Wanted, ..) => Step::Launch,
            (DelveState::Awaited, ..) => Step::Join,
            (_, GateState::Wanted, _) => Step::OpenGate,
            (.., ConnectionState::Wanted) => Step::Dial,
            _ if self.spare => Step::Wait,
            _ => Step::Relay,
        }
    }

    /// [`Step::Take`] has found nothing: the session starts its own.
    pub(super) fn found_no_spare(&mut self) {
        self.delve = DelveState::Wanted;
    }

    /// [`Step::Launch`]: dlv is started, and is to be stopped, whether it is ready or not.
    pub(super) fn launched(&mut self, delve: D) {
        self.delve = DelveState::Running(delve);
    }

    /// [`Step::Join`]: the shared dlv is ready at this address.
    pub(super) fn joined(&mut self, address: A) {
        self.delve = DelveState::NotOurs(address);
    }

    /// [`Step::OpenGate`]: the gate is open and was read back.
    pub(super) fn gate_opened(&mut self, gate: G) {
        self.gate = GateState::Open(gate);
    }

    /// [`Step::Dial`]: the connection to dlv stands.
    pub(super) fn connected(&mut self, connection: C) {
        self.connection = ConnectionState::Open(connection);
    }

    /// [`Step::ShutGate`]: nothing passes the gate, if the packet filter took the rules.
    pub(super) fn gate_shut(&mut self) {
        self.gate = match std::mem::replace(&mut self.gate, GateState::Gone) {
            GateState::Open(gate) => GateState::Shut(gate),
            other => other,
        };
    }

    /// [`Step::StopDelve`]: the dlv, which the caller stops.
    pub(super) fn stop_delve(&mut self) -> Option<D> {
        match std::mem::replace(&mut self.delve, DelveState::Stopped) {
            DelveState::Running(delve) => Some(delve),
            other => {
                self.delve = other;
                None
            }
        }
    }

    /// [`Step::RemoveGate`]: the gate, which the caller removes.
    pub(super) fn remove_gate(&mut self) -> Option<G> {
        match std::mem::replace(&mut self.gate, GateState::Gone) {
            GateState::Shut(gate) => Some(gate),
            other => {
                self.gate = other;
                None
            }
        }
    }

    /// [`Step::Close`]: the connection to dlv, which the caller drops.
    pub(super) fn close(&mut self) -> Option<C> {
        match std::mem::replace(&mut self.connection, ConnectionState::Closed) {
            ConnectionState::Open(connection) => Some(connection),
            other => {
                self.connection = other;
                None
            }
        }
    }

    /// The session that looks for a spare gets this one, with all that it holds. `false` if the
    /// one does not look for any, or the other is not one that waits: then nothing has changed.
    pub fn take(&mut self, spare: &mut Self) -> bool {
        let may = self.next() == Step::Take && spare.next() == Step::Wait;
        if may {
            let nothing_left = Lifecycle {
                delve: DelveState::Stopped,
                gate: GateState::Gone,
                connection: ConnectionState::Closed,
                spare: true,
                ending: true,
            };
            *self = Lifecycle { spare: false, ..std::mem::replace(spare, nothing_left) };
        }
        may
    }

    /// Another dlv is wanted in place of the one whose gate could not be opened, which the caller
    /// stops. `None` if none may take its place.
    pub fn launch_again(&mut self) -> Option<D> {
        if self.ending || !matches!(self.gate, GateState::Wanted) {
            return None;
        }
        let delve = self.stop_delve()?;
        self.delve = DelveState::Wanted;
        Some(delve)
    }

    /// What a session forwards with, where [`Step::Relay`] is next.
    pub(super) fn relayed(&mut self) -> Option<Relayed<'_, D, G, C>> {
        match (self.next(), &mut self.connection) {
            (Step::Relay, ConnectionState::Open(connection)) => {
                Some(Relayed { connection, delve: self.delve.running_mut(), gate: self.gate.standing() })
            }
            _ => None,
        }
    }

    /// The dlv that is ours, with its gate.
    pub(super) fn held(&mut self) -> (Option<&mut D>, Option<&G>) {
        (self.delve.running_mut(), self.gate.standing())
    }

    /// The dlv that is ours.
    pub(super) fn delve(&self) -> Option<&D> {
        if let DelveState::Running(delve) = &self.delve { Some(delve) } else { None }
    }

    /// The gate that is ours, open or shut.
    pub(super) fn gate(&self) -> Option<&G> {
        self.gate.standing()
    }

    /// The connection to dlv.
    pub(super) fn connection(&self) -> Option<&C> {
        if let ConnectionState::Open(connection) = &self.connection { Some(connection) } else { None }
    }

    /// Where a dlv that is not ours listens.
    pub(super) fn foreign_address(&self) -> Option<&A> {
        if let DelveState::NotOurs(address) = &self.delve { Some(address) } else { None }
    }

    /// Whether the end has begun.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// The end begins, whatever the reason: a step failed, a side left, a signal came.
    pub fn end(&mut self) {
        self.ending = true;
    }
}

impl Lifecycle {
    /// The step that [`next`](Lifecycle::next) named is done. A relay that is done is the session's
    /// end; a take that is done has found nothing, and a wait that is done was in vain.
    pub fn done(&mut self) {
        match self.next() {
            Step::Take => self.found_no_spare(),
            Step::Launch => self.launched(()),
            Step::Join => self.joined(()),
            Step::OpenGate => self.gate_opened(()),
            Step::Dial => self.connected(()),
            Step::Relay | Step::Wait => self.end(),
            Step::ShutGate => self.gate_shut(),
            Step::StopDelve => {
                self.stop_delve();
            }
            Step::RemoveGate => {
                self.remove_gate();
                self.close(); // nothing is left, as of a spare that was handed over
            }
            Step::Close => {}
        }
    }
}

#[cfg(test)]
mod tests;
