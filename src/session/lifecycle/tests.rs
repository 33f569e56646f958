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
        Lifecycle::of_a_running_server((), true),
        Lifecycle::with_own_delve(),
        Lifecycle::with_shared_delve(),
        Lifecycle::of_a_server(),
        Lifecycle::with_running_delve((), true),
        Lifecycle::with_running_delve((), false),
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
            let (mut done, mut ended, mut again) = (state.clone(), state.clone(), state);
            done.done();
            ended.end();
            again.launch_again();
            open.extend([done, ended, again]);
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
    assert_eq!(steps(Lifecycle::with_running_delve((), true)), [OpenGate, Dial, Relay, ShutGate, RemoveGate]);
    assert_eq!(steps(Lifecycle::with_running_delve((), false)), [Dial, Relay]);
    assert_eq!(steps(Lifecycle::with_own_delve().on_no_port()), [Launch, Dial, Relay, StopDelve]);
    assert_eq!(steps(Lifecycle::with_shared_delve()), [Join, Dial, Relay]);
    assert_eq!(steps(Lifecycle::of_a_server()), [Launch, OpenGate, Relay, ShutGate, StopDelve, RemoveGate]);
    assert_eq!(steps(Lifecycle::of_a_running_server((), true)), [OpenGate, Relay, ShutGate, RemoveGate]);
    assert_eq!(steps(Lifecycle::with_a_spare())[..2], [Take, Launch], "without a spare it starts its own");
    assert_eq!(
        steps(Lifecycle::of_a_spare()),
        [Launch, OpenGate, Dial, Wait, ShutGate, StopDelve, RemoveGate]
    );
}

#[test]
fn unready_dlv_is_stopped_and_a_foreign_one_is_not() {
    let mut own = Lifecycle::with_own_delve();
    own.done();
    assert!(!own.is_ending());
    own.end();
    assert!(own.is_ending());
    assert_eq!(steps(own), [Step::StopDelve]);
    let mut other = Lifecycle::with_running_delve((), true);
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
    let mut other: Lifecycle = Lifecycle::with_running_delve((), true);
    other.launch_again();
    assert_eq!(other, Lifecycle::with_running_delve((), true), "no other one takes its place");
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
            assert!(matches!(state.gate, GateState::Open(()) | GateState::NotOurs), "{state:?}");
            assert!(matches!(state.delve, DelveState::Running(()) | DelveState::NotOurs(())), "{state:?}");
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
        assert!(matches!(state.gate, GateState::Wanted | GateState::NotOurs | GateState::Gone), "{state:?}");
        let delve_is_gone = !matches!(state.delve, DelveState::Running(()));
        assert!(delve_is_gone, "{state:?}");
    }
}

/// The session gets what the spare holds, and each part comes out once, in order.
#[test]
fn what_is_held_moves_with_the_spare() {
    let mut session: Lifecycle<&str, &str, &str, &str> = Lifecycle::with_a_spare();
    let mut spare = Lifecycle::of_a_spare();
    spare.launched("dlv");
    assert_eq!(spare.delve(), Some(&"dlv"));
    assert_eq!((spare.launch_again(), spare.launch_again(), spare.delve()), (Some("dlv"), None, None));
    spare.launched("another dlv");
    spare.gate_opened("gate");
    spare.connected("connection");
    assert!(spare.relayed().is_none() && spare.launch_again().is_none());
    assert!(session.take(&mut spare));
    assert!(spare.delve().is_none() && spare.gate().is_none() && spare.close().is_none());
    let relayed = session.relayed().unwrap();
    assert_eq!((*relayed.connection, relayed.gate), ("connection", Some(&"gate")));
    assert_eq!(relayed.delve, Some(&mut "another dlv"));
    session.end();
    assert!(session.relayed().is_none());
    assert_eq!((session.next(), session.remove_gate()), (Step::ShutGate, None));
    session.gate_shut();
    assert_eq!(session.gate(), Some(&"gate"));
    assert_eq!(session.held(), (Some(&mut "another dlv"), Some(&"gate")));
    assert_eq!((session.stop_delve(), session.stop_delve()), (Some("another dlv"), None));
    assert_eq!((session.remove_gate(), session.remove_gate()), (Some("gate"), None));
    assert_eq!(session.connection(), Some(&"connection"));
    assert_eq!((session.close(), session.close()), (Some("connection"), None));
    assert_eq!((session.next(), session.connection()), (Step::Close, None));
    let joined: Lifecycle<(), &str> = Lifecycle::with_running_delve("127.0.0.1:1", false);
    assert_eq!((joined.foreign_address(), joined.delve()), (Some(&"127.0.0.1:1"), None));
}
