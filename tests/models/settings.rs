//! The sessions, how many faults may happen, and the planted error.

use std::collections::VecDeque;

use dlvgate::firewall::guard::request_tracker::RequestTracker;
use dlvgate::firewall::guard::state_machine::GuardState;
use dlvgate::firewall::guard::wire::{Operation, Purpose, VERSION};
use dlvgate::session::Lifecycle;

use crate::search::Model;
use crate::world::{Guard, Holder, Kind, PORTS, Pipe, Proxy, Rules, World};

/// An error in what surrounds the product's state machines, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    Nothing,
    DialBeforeTheGate,
    ForwardBeforeTheAnswer,
    LoadBeforeTheJournal,
    LoadWithoutTheJournal,
    StrikeBeforeTheRemoval,
    NoReadBack,
    RemoveBeforeTheStop,
    StopBeforeTheShut,
    ForgetTheRemoval,
    ForgetDelve,
    AnyAnswerIsMine,
    KeepTheLateGate,
    ShutAllForOne,
    GoOnAfterTheRefusal,
    HandASpareOutTwice,
    EndWithoutRemoving,
    KeepTheToken,
    TakeTheTokenBeforeTheNote,
    SweepForgetsThePort,
}

/// A model to be gone through.
#[derive(Clone, Debug)]
pub struct Setting {
    pub kinds: &'static [Kind],
    pub faults: usize,
    pub planted: Planted,
}

impl Model for Setting {
    type State = World;

    fn begin(&self) -> World {
        let mut state = GuardState::new(501);
        state.ask(&Operation::Hello { version: VERSION, pid: 1, purpose: Purpose::Sessions }).unwrap();
        let mut foreign = [false; PORTS];
        foreign[0] = self.kinds.contains(&Kind::Foreign);
        World {
            holders: self.kinds.iter().map(|kind| holder(*kind)).collect(),
            proxy: Proxy::Serves,
            pipe: Pipe {
                turns: RequestTracker::default(),
                waits: None,
                requests: VecDeque::new(),
                answers: VecDeque::new(),
            },
            guard: Guard::Runs { state, at: None, failed: false, ending: false },
            filter: [Rules::None; PORTS],
            noted: [false; PORTS],
            token: false,
            token_noted: false,
            listens: foreign,
            foreign,
            excused: false,
            faults: self.faults,
        }
    }

    fn next(&self, world: &World) -> Vec<(String, Result<World, &'static str>)> {
        let mut next = Vec::new();
        self.holders_next(world, &mut next);
        self.guard_next(world, &mut next);
        next
    }

    fn broken(&self, world: &World, is_last: bool) -> Option<&'static str> {
        self.broken_promise(world, is_last)
    }
}

fn holder(kind: Kind) -> Holder {
    let lifecycle = match kind {
        Kind::Own => Lifecycle::with_own_delve(),
        Kind::Warm => Lifecycle::with_a_spare(),
        Kind::Spare => Lifecycle::of_a_spare(),
        Kind::Joining => Lifecycle::with_shared_delve(),
        Kind::Server => Lifecycle::of_a_server(),
        Kind::Foreign => Lifecycle::with_running_delve((), true),
    };
    let port = (kind == Kind::Foreign).then_some(0);
    Holder { kind, lifecycle, port, runs: false, connected: false, forwarded: false }
}
