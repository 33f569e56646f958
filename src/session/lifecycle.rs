//! The order of one session, without any I/O: what may happen next, given what has happened.
//!
//! The product's promise is kept here: dlv listens → gate open → dialled → bytes are forwarded; and on the
//! way out, wherever it begins: gate shut → dlv stopped → gate gone.

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Start dlv and wait for its ready line.
    Launch,
    /// Wait for the dlv that all sessions share: ready, with its gate open.
    Join,
    /// Open the gate and read it back.
    OpenGate,
    /// Connect to dlv, the only time.
    Dial,
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
    ending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Held {
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
        Lifecycle { delve: Held::Wanted, gate: Gate::Wanted, dialled: false, ending: false }
    }

    /// A session on a dlv that somebody else runs; gated where its port is this machine's.
    pub fn with_running_delve(gated: bool) -> Lifecycle {
        let gate = if gated { Gate::Wanted } else { Gate::NotOurs };
        Lifecycle { delve: Held::NotOurs, gate, dialled: false, ending: false }
    }

    /// A session on a dlv that all sessions share, which has a [`server's`](Lifecycle::of_a_server) lifecycle.
    pub fn with_shared_delve() -> Lifecycle {
        Lifecycle { delve: Held::Awaited, gate: Gate::NotOurs, dialled: false, ending: false }
    }

    /// A dlv that all sessions share, behind a gate. Others dial it.
    pub fn of_a_server() -> Lifecycle {
        Lifecycle { dialled: true, ..Lifecycle::with_own_delve() }
    }

    /// A headless dlv that somebody else runs, for all sessions.
    pub fn of_a_running_server(gated: bool) -> Lifecycle {
        Lifecycle { dialled: true, ..Lifecycle::with_running_delve(gated) }
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
            (Held::Wanted, _) => Step::Launch,
            (Held::Awaited, _) => Step::Join,
            (_, Gate::Wanted) => Step::OpenGate,
            _ if !self.dialled => Step::Dial,
            _ => Step::Relay,
        }
    }

    /// The step that [`next`](Lifecycle::next) named is done. A relay that is done is the session's end.
    pub fn done(&mut self) {
        match self.next() {
            Step::Launch => self.delve = Held::Running,
            Step::Join => self.delve = Held::NotOurs,
            Step::OpenGate => self.gate = Gate::Open,
            Step::Dial => self.dialled = true,
            Step::Relay => self.ending = true,
            Step::ShutGate => self.gate = Gate::Shut,
            Step::StopDelve => self.delve = Held::Stopped,
            Step::RemoveGate => self.gate = Gate::Gone,
            Step::Close => {}
        }
    }

    /// A dlv that was started and is not ready: it has to be stopped all the same.
    pub fn started(&mut self) {
        if self.delve == Held::Wanted {
            self.delve = Held::Running;
        }
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

    fn starts() -> [Lifecycle; 6] {
        [
            Lifecycle::of_a_running_server(true),
            Lifecycle::with_own_delve(),
            Lifecycle::with_shared_delve(),
            Lifecycle::of_a_server(),
            Lifecycle::with_running_delve(true),
            Lifecycle::with_running_delve(false),
        ]
    }

    /// Every state that any interleaving of success and end can reach.
    fn reachable() -> HashSet<Lifecycle> {
        let mut seen = HashSet::new();
        let mut open: Vec<Lifecycle> = starts().into();
        while let Some(state) = open.pop() {
            if seen.insert(state.clone()) {
                let (mut done, mut ended, mut started) = (state.clone(), state.clone(), state);
                done.done();
                ended.end();
                started.started();
                started.end();
                open.extend([done, ended, started]);
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
        assert_eq!(steps(Lifecycle::with_shared_delve()), [Join, Dial, Relay]);
        assert_eq!(
            steps(Lifecycle::of_a_server()),
            [Launch, OpenGate, Relay, ShutGate, StopDelve, RemoveGate]
        );
    }

    #[test]
    fn no_byte_is_ever_forwarded_without_an_open_gate() {
        for state in reachable() {
            if matches!(state.next(), Step::Dial | Step::Relay) {
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
            let delve_is_gone =
                matches!(state.delve, Held::Wanted | Held::Awaited | Held::NotOurs | Held::Stopped);
            assert!(delve_is_gone, "{state:?}");
        }
    }
}
