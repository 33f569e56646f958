use std::collections::HashSet;

use super::super::wire::Purpose;
use super::*;

const PORTS: [u16; 2] = [40001, 40002];

fn hello() -> Operation {
    Operation::Hello { version: VERSION, pid: 1, purpose: Purpose::Sessions }
}

fn open(port: u16) -> Operation {
    Operation::Open { port, peers: Vec::new(), socket: false }
}

fn met() -> GuardState {
    let mut state = GuardState::new(501);
    state.ask(&hello()).unwrap();
    state
}

/// Takes every step with success and returns them.
fn steps(state: &mut GuardState) -> Vec<GuardStep> {
    let mut steps = Vec::new();
    while let Some(step) = state.next() {
        steps.push(step);
        state.done(StepOutcome::Done);
    }
    steps
}

#[test]
fn gate_is_in_the_journal_while_rules_are_loaded() {
    use GuardStep::*;
    let mut state = met();
    for (asked, expected) in [
        (open(40001), vec![Note(40001), Load(40001)]),
        (Operation::Status, vec![]),
        (Operation::Shut { port: 40001 }, vec![Shut(40001), NoteShut(40001)]),
        (Operation::Shut { port: 40001 }, vec![]),
        (Operation::Drop { port: 40001 }, vec![Remove(40001), Strike(40001)]),
        (open(40001), vec![Note(40001), Load(40001)]),
        (Operation::Drop { port: 40001 }, vec![Remove(40001), Strike(40001)]),
    ] {
        state.ask(&asked).unwrap();
        assert_eq!(steps(&mut state), expected, "{asked:?}");
    }
    assert_eq!(state.ports().count(), 0);
}

#[test]
fn end_shuts_all_gates_then_waits_then_removes() {
    use GuardStep::*;
    let mut state = met();
    for port in [40001, 40002, 40003] {
        state.ask(&open(port)).unwrap();
        steps(&mut state);
    }
    state.ask(&Operation::Shut { port: 40002 }).unwrap();
    steps(&mut state);
    state.end();
    assert_eq!(
        steps(&mut state),
        [
            Shut(40001),
            NoteShut(40001),
            Shut(40003),
            NoteShut(40003),
            Linger,
            Remove(40001),
            Strike(40001),
            Remove(40002),
            Strike(40002),
            Remove(40003),
            Strike(40003),
        ]
    );
    let mut nothing = met();
    nothing.end();
    assert_eq!(nothing.next(), None, "a guard without gates ends at once");
}

#[test]
fn forbidden_open_is_refused_without_a_step() {
    let mut state = GuardState::new(501);
    assert!(state.ask(&open(40001)).unwrap_err().contains("hello"));
    let other = Operation::Hello { version: VERSION + 1, pid: 1, purpose: Purpose::Sessions };
    assert!(state.ask(&other).unwrap_err().contains("install the helper"));
    assert!(state.ask(&open(40001)).unwrap_err().contains("hello"), "the wrong version is no hello");
    let mut state = met();
    let many = |count| vec!["192.0.2.5".parse().unwrap(); count];
    for (asked, why) in [
        (open(0), "port 0"),
        (open(1023), "the system's"),
        (Operation::Open { port: 40001, peers: many(MAX_PEERS + 1), socket: false }, "65 peers"),
        (Operation::Shut { port: 40001 }, "no gate here"),
        (Operation::Drop { port: 40001 }, "no gate here"),
    ] {
        assert!(state.ask(&asked).unwrap_err().contains(why), "{asked:?}");
        assert_eq!(state.next(), None);
    }
    state.ask(&Operation::Open { port: 1024, peers: many(MAX_PEERS), socket: false }).unwrap();
    assert_eq!(steps(&mut state).len(), 2, "the first port and the last peer that may be");
    let mut root = GuardState::new(0);
    root.ask(&hello()).unwrap();
    root.ask(&open(1)).unwrap();
    assert!(root.ask(&open(0)).is_err(), "no user has port 0");
}

#[test]
fn there_are_64_gates_and_one_that_goes_makes_room() {
    let mut state = met();
    let last = 40000 + u16::try_from(MAX_GATES).unwrap();
    for port in 40000..last {
        state.ask(&open(port)).unwrap();
        steps(&mut state);
    }
    assert!(state.ask(&open(last)).unwrap_err().contains("64 gates"));
    assert!(state.ask(&open(40000)).unwrap_err().contains("has a gate already"));
    state.ask(&Operation::Drop { port: 40000 }).unwrap();
    steps(&mut state);
    state.ask(&open(last)).unwrap();
    assert_eq!(state.next(), Some(GuardStep::Note(last)));
}

#[test]
fn open_removes_what_was_left_on_its_port() {
    use GuardStep::*;
    let outcomes: [(&[StepOutcome], &[GuardStep]); 4] = [
        (&[StepOutcome::Failed], &[Remove(40001), Strike(40001), Note(40001), Load(40001)]),
        (
            &[StepOutcome::Done, StepOutcome::Failed],
            &[Remove(40001), Strike(40001), Note(40001), Load(40001)],
        ),
        (&[StepOutcome::Done, StepOutcome::Done], &[Note(40001), Load(40001)]),
        (&[StepOutcome::Undone], &[Remove(40001), Strike(40001), Note(40001), Load(40001)]),
    ];
    for (removal, expected) in outcomes {
        let mut state = met();
        state.ask(&open(40001)).unwrap();
        steps(&mut state);
        state.ask(&Operation::Drop { port: 40001 }).unwrap();
        removal.iter().for_each(|outcome| state.done(*outcome));
        assert_eq!(state.next(), None);
        state.ask(&open(40001)).unwrap();
        assert_eq!(steps(&mut state), expected, "{removal:?}");
        assert!(state.ask(&open(40001)).is_err(), "now it is another session's");
    }
}

#[test]
fn open_stops_where_the_removal_fails_again() {
    let mut state = met();
    state.ask(&open(40001)).unwrap();
    steps(&mut state);
    state.ask(&Operation::Drop { port: 40001 }).unwrap();
    state.done(StepOutcome::Failed);
    state.ask(&open(40001)).unwrap();
    state.done(StepOutcome::Failed);
    assert_eq!(state.next(), None, "nothing is loaded over what is left");
    state.ask(&Operation::Drop { port: 40001 }).unwrap();
    assert_eq!(
        steps(&mut state),
        [GuardStep::Remove(40001), GuardStep::Strike(40001)],
        "and nothing is opened then"
    );
}

#[test]
fn lost_port_is_removed_unshut_and_ends_in_order() {
    use GuardStep::*;
    let mut state = met();
    for port in [40001, 40002, 40003] {
        state.ask(&open(port)).unwrap();
        steps(&mut state);
    }
    state.lose(40001);
    assert_eq!(steps(&mut state), [Remove(40001), Strike(40001)]);
    state.lose(40001);
    assert_eq!(state.next(), None, "it is lost once");
    for asked in [Operation::Shut { port: 40001 }, Operation::Drop { port: 40001 }] {
        state.ask(&asked).unwrap();
        assert_eq!(state.next(), None, "its holder gives it back, and nothing is to be done: {asked:?}");
    }
    state.ask(&Operation::Shut { port: 40002 }).unwrap();
    assert_eq!(state.next(), Some(Shut(40002)));
    state.done(StepOutcome::Another);
    assert_eq!(steps(&mut state), [Remove(40002), Strike(40002)], "seen when it was to be shut");
    state.lose(40003);
    state.done(StepOutcome::Failed);
    assert_eq!(state.kept().count(), 0);
    state.end();
    assert_eq!(steps(&mut state), [Linger, Remove(40003), Strike(40003)], "tried again, and not shut");
    state.ask(&open(40001)).unwrap();
    assert_eq!(steps(&mut state), [Note(40001), Load(40001)], "a lost port may be had again");
}

/// The guard's state with the packet filter's and the disk's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    state: GuardState,
    loaded: [bool; 2],
    noted: [bool; 2],
}

fn place(port: u16) -> usize {
    PORTS.iter().position(|one| *one == port).unwrap()
}

impl World {
    /// What each outcome of the present step may have done.
    fn after(&self, step: GuardStep) -> Vec<World> {
        let mut all = Vec::new();
        for (outcome, took) in [
            (StepOutcome::Done, true),
            (StepOutcome::Failed, true),
            (StepOutcome::Failed, false),
            (StepOutcome::Undone, false),
            (StepOutcome::Another, false),
        ] {
            let mut world = self.clone();
            match step {
                _ if outcome == StepOutcome::Undone
                    && !matches!(step, GuardStep::Note(_) | GuardStep::Load(_)) =>
                {
                    continue;
                }
                _ if outcome == StepOutcome::Another && !matches!(step, GuardStep::Shut(_)) => continue,
                GuardStep::Note(port) => world.noted[place(port)] |= took,
                GuardStep::Load(port) | GuardStep::Shut(port) => world.loaded[place(port)] |= took,
                GuardStep::Remove(port) => world.loaded[place(port)] &= !took,
                GuardStep::Strike(port) => world.noted[place(port)] &= !took,
                GuardStep::NoteShut(_) | GuardStep::Linger => {}
            }
            world.state.done(outcome);
            all.push(world);
        }
        all
    }

    fn requests(&self) -> Vec<World> {
        let of = |port| [open(port), Operation::Shut { port }, Operation::Drop { port }];
        let asked = PORTS.into_iter().flat_map(of).map(|asked| {
            let mut world = self.clone();
            let _ = world.state.ask(&asked);
            world
        });
        let lost = PORTS.into_iter().map(|port| {
            let mut world = self.clone();
            world.state.lose(port);
            world
        });
        asked.chain(lost).collect()
    }

    fn holds(&self) {
        for (at, port) in PORTS.into_iter().enumerate() {
            assert!(!self.loaded[at] || self.noted[at], "loaded, and not in the journal: {self:?}");
            assert!(!self.loaded[at] || self.state.gates.contains_key(&port), "forgotten: {self:?}");
        }
        match self.state.next() {
            Some(GuardStep::Load(port)) => {
                assert!(self.noted[place(port)], "loaded before it is noted: {self:?}")
            }
            Some(GuardStep::Shut(port)) => {
                assert!(!self.state.lost.contains(&port), "another's is shut: {self:?}")
            }
            Some(GuardStep::Strike(port)) => {
                assert!(!self.loaded[place(port)], "struck out too early: {self:?}")
            }
            _ => {}
        }
    }

    /// The end, with a packet filter and a disk that work again.
    fn ended(mut self) {
        self.state.end();
        while let Some(step) = self.state.next() {
            self = self.after(step).remove(0);
            self.holds();
        }
        assert_eq!((self.loaded, self.noted), ([false; 2], [false; 2]), "{:?}", self.state);
        assert_eq!(self.state.ports().count(), 0);
    }
}

#[test]
fn any_failure_keeps_rules_noted_and_end_clean() {
    let (mut seen, mut open) =
        (HashSet::new(), vec![World { state: met(), loaded: [false; 2], noted: [false; 2] }]);
    while let Some(world) = open.pop() {
        if !seen.insert(world.clone()) {
            continue;
        }
        world.holds();
        match world.state.next() {
            Some(step) => open.extend(world.after(step)),
            None => {
                open.extend(world.requests());
                let mut ending = world.clone();
                ending.state.end();
                open.push(ending);
                world.ended();
            }
        }
    }
    assert!(seen.len() > 100, "{} states", seen.len());
}
