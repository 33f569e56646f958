//! The order of one session, without any I/O: what may happen next, given what has happened.
//!
//! The product's promise is kept here: dlv listens → gate open → dialled → bytes are forwarded; and
//! on the way out, wherever it begins: gate shut → dlv stopped → gate gone.

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

/// What a session holds, and whether it is on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lifecycle {
    delve: Held,
    gate: Gate,
    dialled: bool,
    /// No session's yet: no byte goes.
    spare: bool,
    ending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Held {
    /// A spare is taken where there is one; else it is wanted.
    Sought,
    Wanted,
    Awaited,
    NotOurs,
    Running,
    Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Gate {
    Wanted,
    NotOurs,
    Open,
    Shut,
    Gone,
}

impl Lifecycle {
    /// A session that starts its own dlv behind a gate.
    pub fn with_own_delve() -> Lifecycle {
        Lifecycle { delve: Held::Wanted, gate: Gate::Wanted, dialled: false, spare: false, ending: false }
    }

    /// A session that takes over a [spare](Lifecycle::of_a_spare) where there is one, and else
    /// starts its own dlv.
    pub fn with_a_spare() -> Lifecycle {
        Lifecycle { delve: Held::Sought, ..Lifecycle::with_own_delve() }
    }

    /// A dlv that is started ahead, behind its gate and with its one connection, for a session that
    /// is still to come.
    pub fn of_a_spare() -> Lifecycle {
        Lifecycle { spare: true, ..Lifecycle::with_own_delve() }
    }

    /// A session on a dlv that dlvgate did not start; gated where it is on loopback.
    pub fn with_running_delve(gated: bool) -> Lifecycle {
        let gate = if gated { Gate::Wanted } else { Gate::NotOurs };
        Lifecycle { delve: Held::NotOurs, gate, ..Lifecycle::with_own_delve() }
    }

    /// A session on a dlv that all sessions share, which has a [`server's`](Lifecycle::of_a_server)
    /// lifecycle.
    pub fn with_shared_delve() -> Lifecycle {
        Lifecycle { delve: Held::Awaited, gate: Gate::NotOurs, ..Lifecycle::with_own_delve() }
    }

    /// A dlv that all sessions share, behind a gate. Others dial it.
    pub fn of_a_server() -> Lifecycle {
        Lifecycle { dialled: true, ..Lifecycle::with_own_delve() }
    }

    /// A headless dlv that dlvgate did not start, for all sessions.
    pub fn of_a_running_server(gated: bool) -> Lifecycle {
        Lifecycle { dialled: true, ..Lifecycle::with_running_delve(gated) }
    }

    /// The same for a dlv that listens on no port: there is nothing to gate.
    pub fn on_no_port(self) -> Lifecycle {
        Lifecycle { gate: Gate::NotOurs, ..self }
    }

    /// What to do now.
    pub fn next(&self) -> Step {
        if self.ending {
            return match (self.gate, self.delve) {
                (Gate::Open, _) => Step::ShutGate,
                (_, Held::Running) => Step::StopDelve,
                (Gate::Shut, _) => Step::RemoveGate,
                _ => Step::Close,
            };
        }
        match (self.delve, self.gate) {
            (Held::Sought, _) => Step::Take,
            (Held::Wanted, _) => Step::Launch,
            (Held::Awaited, _) => Step::Join,
            (_, Gate::Wanted) => Step::OpenGate,
            _ if !self.dialled => Step::Dial,
            _ if self.spare => Step::Wait,
            _ => Step::Relay,
        }
    }

    /// The step that [`next`](Lifecycle::next) named is done. A relay that is done is the session's
    /// end; a take that is done has found nothing, and a wait that is done was in vain.
    pub fn done(&mut self) {
        match self.next() {
            Step::Take => self.delve = Held::Wanted,
            Step::Launch => self.delve = Held::Running,
            Step::Join => self.delve = Held::NotOurs,
            Step::OpenGate => self.gate = Gate::Open,
            Step::Dial => self.dialled = true,
            Step::Relay | Step::Wait => self.ending = true,
            Step::ShutGate => self.gate = Gate::Shut,
            Step::StopDelve => self.delve = Held::Stopped,
            Step::RemoveGate => self.gate = Gate::Gone,
            Step::Close => {}
        }
    }

    /// The session that looks for a spare gets this one, with all that it holds. `false` where the
    /// one does not look for any, or the other is not one that waits: then nothing has changed.
    pub fn take(&mut self, spare: &mut Lifecycle) -> bool {
        let may = self.next() == Step::Take && spare.next() == Step::Wait;
        if may {
            let nothing_left =
                Lifecycle { delve: Held::Stopped, gate: Gate::Gone, ending: true, ..spare.clone() };
            *self = Lifecycle { spare: false, ..std::mem::replace(spare, nothing_left) };
        }
        may
    }

    /// A dlv that was started and is not ready: it has to be stopped all the same.
    pub fn started(&mut self) {
        if self.delve == Held::Wanted {
            self.delve = Held::Running;
        }
    }

    /// The dlv whose gate could not be opened is stopped, and another one is wanted.
    pub fn launch_again(&mut self) {
        if self.delve == Held::Running && self.gate == Gate::Wanted && !self.ending {
            self.delve = Held::Wanted;
        }
    }

    /// Whether the way out has begun.
    pub fn is_ending(&self) -> bool {
        self.ending
    }

    /// The way out begins, whatever the reason: a step failed, a side left, a signal came.
    pub fn end(&mut self) {
        self.ending = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn starts() -> [Lifecycle; 12] {
        [
            Lifecycle::with_a_spare().on_no_port(),
            Lifecycle::of_a_spare().on_no_port(),
            Lifecycle::with_own_delve().on_no_port(),
            Lifecycle::of_a_server().on_no_port(),
            Lifecycle::with_a_spare(),
            Lifecycle::of_a_spare(),
            Lifecycle::of_a_running_server(true),
            Lifecycle::with_own_delve(),
            Lifecycle::with_shared_delve(),
            Lifecycle::of_a_server(),
            Lifecycle::with_running_delve(true),
            Lifecycle::with_running_delve(false),
        ]
    }

    /// Every state that any interleaving of success, end and taking over can reach.
    fn reachable() -> HashSet<Lifecycle> {
        let mut seen: HashSet<Lifecycle> = HashSet::new();
        let mut open: Vec<Lifecycle> = starts().into();
        while let Some(state) = open.pop() {
            if !seen.contains(&state) {
                for other in seen.iter().chain([&state]) {
                    for (session, spare) in [(other, &state), (&state, other)] {
                        let (mut session, mut spare) = (session.clone(), spare.clone());
                        session.take(&mut spare);
                        open.extend([session, spare]);
                    }
                }
                seen.insert(state.clone());
                let (mut done, mut ended, mut again, mut started) =
                    (state.clone(), state.clone(), state.clone(), state);
                done.done();
                ended.end();
                again.launch_again();
                started.started();
                started.end();
                open.extend([done, ended, again, started]);
            }
        }
        seen
    }

    fn steps(mut state: Lifecycle) -> Vec<Step> {
        let mut steps = Vec::new();
        while state.next() != Step::Close {
            steps.push(state.next());
            state.done();
        }
        steps
    }

    #[test]
    fn a_whole_session_goes_in_the_promised_order() {
        use Step::*;
        assert_eq!(
            steps(Lifecycle::with_own_delve()),
            [Launch, OpenGate, Dial, Relay, ShutGate, StopDelve, RemoveGate]
        );
        assert_eq!(steps(Lifecycle::with_running_delve(true)), [OpenGate, Dial, Relay, ShutGate, RemoveGate]);
        assert_eq!(steps(Lifecycle::with_running_delve(false)), [Dial, Relay]);
        assert_eq!(steps(Lifecycle::with_own_delve().on_no_port()), [Launch, Dial, Relay, StopDelve]);
        assert_eq!(steps(Lifecycle::with_shared_delve()), [Join, Dial, Relay]);
        assert_eq!(
            steps(Lifecycle::of_a_server()),
            [Launch, OpenGate, Relay, ShutGate, StopDelve, RemoveGate]
        );
        assert_eq!(steps(Lifecycle::of_a_running_server(true)), [OpenGate, Relay, ShutGate, RemoveGate]);
        assert_eq!(
            steps(Lifecycle::with_a_spare())[..2],
            [Take, Launch],
            "without a spare it starts its own"
        );
        assert_eq!(
            steps(Lifecycle::of_a_spare()),
            [Launch, OpenGate, Dial, Wait, ShutGate, StopDelve, RemoveGate]
        );
    }

    #[test]
    fn unready_dlv_is_stopped_and_a_foreign_one_is_not() {
        let mut own = Lifecycle::with_own_delve();
        own.started();
        assert!(!own.is_ending());
        own.end();
        assert!(own.is_ending());
        assert_eq!(steps(own), [Step::StopDelve]);
        let mut other = Lifecycle::with_running_delve(true);
        other.started();
        other.end();
        assert_eq!(steps(other), []);
    }

    #[test]
    fn gate_that_is_refused_may_start_another_dlv() {
        for mut state in [Lifecycle::with_own_delve(), Lifecycle::of_a_spare(), Lifecycle::of_a_server()] {
            state.done();
            assert_eq!(state.next(), Step::OpenGate);
            state.launch_again();
            assert_eq!(steps(state.clone())[..2], [Step::Launch, Step::OpenGate]);
            state.end();
            state.launch_again();
            assert_eq!(steps(state), [], "the first one is stopped already");
        }
        let mut other = Lifecycle::with_running_delve(true);
        other.launch_again();
        assert_eq!(other, Lifecycle::with_running_delve(true), "no other one takes its place");
    }

    /// A spare that waits, and a session that looks for one.
    fn spare_and_session() -> (Lifecycle, Lifecycle) {
        let mut spare = Lifecycle::of_a_spare();
        while spare.next() != Step::Wait {
            spare.done();
        }
        (spare, Lifecycle::with_a_spare())
    }

    #[test]
    fn session_with_a_spare_forwards_at_once() {
        let (mut spare, mut session) = spare_and_session();
        assert!(session.take(&mut spare));
        assert_eq!(steps(session), [Step::Relay, Step::ShutGate, Step::StopDelve, Step::RemoveGate]);
        assert_eq!(spare.next(), Step::Close, "the spare ends a dlv that it handed over");
    }

    #[test]
    fn only_a_complete_waiting_spare_is_taken_once() {
        for mut other in reachable() {
            let (before, waits) = (other.clone(), other.next() == Step::Wait);
            let mut session = Lifecycle::with_a_spare();
            assert_eq!(session.take(&mut other), waits, "{before:?}");
            let unchanged = (session.next(), &other) == (Step::Take, &before);
            assert!(waits || unchanged, "{before:?}");
            assert!(!Lifecycle::with_a_spare().take(&mut other), "a second time: {before:?}");
        }
        for mut session in reachable() {
            let (mut spare, before) = (spare_and_session().0, session.clone());
            assert_eq!(session.take(&mut spare), before.next() == Step::Take, "{before:?}");
        }
    }

    #[test]
    fn ending_spare_gets_no_byte_and_no_gate() {
        for mut state in reachable() {
            assert!(!(state.spare && state.next() == Step::Relay), "{state:?}");
            state.end();
            let in_step = steps(state.clone());
            let inward = [Step::Take, Step::Launch, Step::OpenGate, Step::Dial, Step::Wait, Step::Relay];
            assert!(!in_step.iter().any(|step| inward.contains(step)), "{state:?}: {in_step:?}");
        }
    }

    #[test]
    fn no_byte_is_ever_forwarded_without_an_open_gate() {
        for state in reachable() {
            if matches!(state.next(), Step::Dial | Step::Wait | Step::Relay) {
                assert!(matches!(state.gate, Gate::Open | Gate::NotOurs), "{state:?}");
                assert!(matches!(state.delve, Held::Running | Held::NotOurs), "{state:?}");
            }
        }
    }

    #[test]
    fn from_everywhere_the_end_leaves_nothing_behind() {
        for mut state in reachable() {
            state.end();
            let way_out = steps(state.clone());
            let place = |step| way_out.iter().position(|other| *other == step);
            if let (Some(shut), Some(stop)) = (place(Step::ShutGate), place(Step::StopDelve)) {
                assert!(shut < stop, "{state:?}");
            }
            if let (Some(stop), Some(gone)) = (place(Step::StopDelve), place(Step::RemoveGate)) {
                assert!(stop < gone, "{state:?}");
            }
            while state.next() != Step::Close {
                state.done();
            }
            assert!(matches!(state.gate, Gate::Wanted | Gate::NotOurs | Gate::Gone), "{state:?}");
            let delve_is_gone = !matches!(state.delve, Held::Running);
            assert!(delve_is_gone, "{state:?}");
        }
    }
}
