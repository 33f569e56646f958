//! The guard's side: its state, one step after another, on a packet filter and a disk that may
//! fail.

use dlvgate::firewall::guard::state_machine::{GuardStep, StepOutcome};

use crate::holders::Next;
use crate::settings::{Planted, Setting};
use crate::world::{Ask, Guard, PORTS, Port, Proxy, Rules, World, place};

impl Setting {
    /// Everything that the guard may do, and that may be done to it.
    pub fn guard_next(&self, world: &World, next: &mut Next) {
        let Guard::Runs { state, at, failed, ending } = &world.guard else { return };
        if world.faults > 0 {
            let mut after = world.clone();
            after.faults -= 1;
            after.guard = Guard::Killed;
            after.pipe.requests.clear();
            next.push(("the guard is killed".to_owned(), Ok(after)));
        }
        if let Some(step) = state.next() {
            self.step_next(world, step, next);
            return;
        }
        if let Some((id, _)) = *at {
            let mut after = world.clone();
            if world.proxy == Proxy::Killed {
                after.end_of_the_pipe(self.planted);
            } else {
                after.pipe.answers.push_back((id, !failed));
                after.rests();
            }
            next.push((format!("the guard answers {id}"), Ok(after)));
        } else if *ending {
            let mut after = world.clone();
            after.guard = Guard::Ended;
            next.push(("the guard ends".to_owned(), Ok(after)));
        } else if let Some((id, ask)) = world.pipe.requests.front().copied() {
            next.push((format!("the guard reads {id}, {ask:?}"), Ok(world.obeys(id, ask))));
        } else if world.proxy != Proxy::Serves {
            let mut after = world.clone();
            after.end_of_the_pipe(self.planted);
            next.push(("the pipe ends".to_owned(), Ok(after)));
        }
    }

    /// What may become of a step.
    fn step_next(&self, world: &World, step: GuardStep, next: &mut Next) {
        let fault = |world: &World| {
            let mut after = world.clone();
            after.faults -= 1;
            after.excused = true;
            after
        };
        let mut may = |what: &str, after: Result<World, &'static str>| {
            next.push((format!("the guard: {step:?} {what}"), after));
        };
        let mut done = world.clone();
        match step {
            GuardStep::Note(port) => {
                let port = place(port);
                match self.planted {
                    Planted::LoadWithoutTheJournal => {}
                    Planted::LoadBeforeTheJournal if done.filter[port] == Rules::None => {
                        done.filter[port] = Rules::Loaded;
                        return may("loads too early", Ok(done));
                    }
                    _ => done.noted[port] = true,
                }
                if world.faults > 0 {
                    for took in [true, false] {
                        let mut failed = fault(world);
                        failed.noted[port] |= took;
                        may("fails", Ok(failed.stepped(StepOutcome::Failed)));
                    }
                }
                may("is done", Ok(done.stepped(StepOutcome::Done)));
            }
            GuardStep::Load(port) => self.load(world, place(port), may),
            GuardStep::Shut(port) => {
                let port = place(port);
                if world.faults > 0 {
                    let mut failed = fault(world);
                    failed.filter[port] = Rules::Shut;
                    may("fails, and is done", Ok(failed.stepped(StepOutcome::Failed)));
                    may("fails", Ok(fault(world).stepped(StepOutcome::Failed)));
                }
                let all = self.planted == Planted::ShutAllForOne;
                for (other, rules) in done.filter.iter_mut().enumerate() {
                    if other == port || (all && *rules == Rules::Open) {
                        *rules = Rules::Shut;
                    }
                }
                may("is done", Ok(done.stepped(StepOutcome::Done)));
            }
            GuardStep::NoteShut(_) => {
                if world.faults > 0 {
                    may("fails", Ok(fault(world).stepped(StepOutcome::Failed)));
                }
                may("is done", Ok(done.stepped(StepOutcome::Done)));
            }
            GuardStep::Remove(port) => self.remove(world, place(port), may),
            GuardStep::Strike(port) => {
                let port = place(port);
                if world.faults > 0 {
                    for took in [true, false] {
                        let mut failed = fault(world);
                        failed.noted[port] &= !took;
                        may("fails", Ok(failed.stepped(StepOutcome::Failed)));
                    }
                }
                done.noted[port] = false;
                may("is done", Ok(done.stepped(StepOutcome::Done)));
            }
            GuardStep::Linger => {
                let waited_for = |port: &u16| world.listens[place(*port)] && !world.foreign[place(*port)];
                if !world.holds().iter().any(waited_for) {
                    may("is over", Ok(done.stepped(StepOutcome::Done)));
                } else if world.faults > 0 {
                    may("is over, and dlv still listens", Ok(fault(world).stepped(StepOutcome::Done)));
                }
            }
        }
    }

    /// As pf's driver does it: load, take the token, read back; what cannot be read back is taken
    /// away again.
    fn load(&self, world: &World, port: Port, mut may: impl FnMut(&str, Result<World, &'static str>)) {
        let mut done = world.clone();
        if world.filter[port] == Rules::None {
            done.filter[port] = Rules::Loaded;
            may("loads", Ok(done));
        } else if !world.token_noted && self.planted != Planted::TakeTheTokenBeforeTheNote {
            done.token_noted = true;
            may("notes the token", Ok(done));
        } else if !world.token {
            done.token = true;
            may("takes the token", Ok(done));
        } else {
            done.token_noted = true;
            done.filter[port] = Rules::Open;
            may("reads back", Ok(done.stepped(StepOutcome::Done)));
        }
        if world.faults > 0 {
            let mut refused = world.clone();
            refused.faults -= 1;
            let mut left = refused.clone();
            refused.take_away(port, self.planted);
            // It was loaded; that it cannot be read back goes unnoticed.
            if self.planted == Planted::NoReadBack {
                return may("is refused, and is not read back", Ok(left.stepped(StepOutcome::Done)));
            }
            may("is refused", Ok(refused.stepped(StepOutcome::Undone)));
            left.excused = true;
            may("is refused, and something is left", Ok(left.stepped(StepOutcome::Failed)));
        }
    }

    fn remove(&self, world: &World, port: Port, mut may: impl FnMut(&str, Result<World, &'static str>)) {
        if self.planted == Planted::StrikeBeforeTheRemoval && world.noted[port] {
            let mut early = world.clone();
            early.noted[port] = false;
            return may("strikes out too early", Ok(early));
        }
        if world.filter[port] != Rules::None && world.is_reached(port) && !world.excused {
            return may("is done", Err("the gate is gone while its dlv still listens"));
        }
        let mut done = world.clone();
        done.take_away(port, self.planted);
        if world.faults > 0 {
            for mut failed in [world.clone(), done.clone()] {
                failed.faults -= 1;
                failed.excused = true;
                may("fails", Ok(failed.stepped(StepOutcome::Failed)));
            }
        }
        may("is done", Ok(done.stepped(StepOutcome::Done)));
    }
}

impl World {
    fn obeys(&self, id: u64, ask: Ask) -> World {
        let mut after = self.clone();
        after.pipe.requests.pop_front();
        if let Guard::Runs { state, at, failed, .. } = &mut after.guard {
            *failed = state.ask(&ask.operation()).is_err();
            *at = Some((id, ask));
        }
        after
    }

    /// Whether the dlv whose gate is to go still listens. A gate that is given back had no session;
    /// and once the proxy is gone, every dlv was its own.
    fn is_reached(&self, port: Port) -> bool {
        if self.proxy != Proxy::Serves {
            let is_the_end = matches!(self.guard, Guard::Runs { ending: true, .. });
            return is_the_end && self.listens[port] && !self.foreign[port];
        }
        let given_back = matches!(self.guard, Guard::Runs { at: Some((_, Ask::GiveBack(_))), .. });
        let asker = self.pipe.waits.map(|place| &self.holders[place]);
        !given_back && asker.is_some_and(|holder| holder.runs && holder.port == Some(port))
    }

    fn rests(&mut self) {
        if let Guard::Runs { at, failed, .. } = &mut self.guard {
            (*at, *failed) = (None, false);
        }
    }

    fn end_of_the_pipe(&mut self, planted: Planted) {
        self.rests();
        self.pipe.requests.clear();
        self.pipe.answers.clear();
        if let Guard::Runs { state, ending, .. } = &mut self.guard {
            *ending = true;
            if planted != Planted::EndWithoutRemoving {
                state.end();
            }
        }
    }

    fn stepped(mut self, outcome: StepOutcome) -> World {
        if let Guard::Runs { state, failed, .. } = &mut self.guard {
            state.done(outcome);
            *failed |= outcome != StepOutcome::Done;
        }
        self
    }

    fn holds(&self) -> Vec<u16> {
        match &self.guard {
            Guard::Runs { state, .. } => state.ports().collect(),
            Guard::Ended | Guard::Killed => Vec::new(),
        }
    }

    /// With the last gate the token is given back.
    fn take_away(&mut self, port: Port, planted: Planted) {
        self.filter[port] = Rules::None;
        if !self.gates_are_left() && planted != Planted::KeepTheToken {
            (self.token, self.token_noted) = (false, false);
        }
    }

    /// What the next start makes of what a guard that was killed has left.
    pub fn swept(&self, planted: Planted) -> World {
        let mut after = self.clone();
        let ports = if planted == Planted::SweepForgetsThePort { 1 } else { 0 }..PORTS;
        for port in ports.filter(|port| self.noted[*port]) {
            after.filter[port] = Rules::None;
            after.noted[port] = false;
        }
        if after.token_noted {
            (after.token, after.token_noted) = (false, false);
        }
        after
    }
}
