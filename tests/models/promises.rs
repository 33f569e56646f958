//! What must hold, in every state and in the last.

use crate::holders::is_closed;
use crate::settings::Setting;
use crate::world::{Guard, PORTS, Proxy, Rules, World};

impl Setting {
    /// The promise that a state breaks.
    pub fn broken_promise(&self, world: &World, is_last: bool) -> Option<&'static str> {
        for port in 0..PORTS {
            if world.filter[port] != Rules::None && !world.noted[port] {
                return Some("a rule is loaded that is not in the journal");
            }
            if world.proxy == Proxy::Serves && world.relies_on(port) && world.filter[port] != Rules::Open {
                return Some("a session's gate is not open though nothing of its own has ended it");
            }
        }
        if (0..PORTS).any(|port| world.connected_at(port) > 1) {
            return Some("two have the same dlv");
        }
        if world.token && !world.token_noted {
            return Some("the token is taken and not in the journal");
        }
        if world.rests_after_its_end() {
            return Some("a gate stays for good");
        }
        if is_last { self.broken_at_last(world) } else { None }
    }

    fn broken_at_last(&self, world: &World) -> Option<&'static str> {
        if !world.holders.iter().all(|holder| is_closed(&holder.lifecycle)) {
            return Some("a session hangs");
        }
        if matches!(world.guard, Guard::Runs { .. }) {
            return Some("the guard hangs");
        }
        if (0..PORTS).any(|port| world.listens[port] && !world.foreign[port]) {
            return Some("a dlv is left");
        }
        let is_clean = |world: &World| {
            let noted = world.noted.iter().any(|noted| *noted);
            !world.gates_are_left() && !noted && !world.token && !world.token_noted
        };
        if world.guard == Guard::Ended && !world.excused && !is_clean(world) {
            return Some("the guard has ended and left something");
        }
        if !is_clean(&world.swept(self.planted)) {
            return Some("something is left after the next start");
        }
        None
    }
}

impl World {
    /// Nothing is under way, and there is a gate whose session is closed, though nothing failed.
    fn rests_after_its_end(&self) -> bool {
        let Guard::Runs { state, at: None, .. } = &self.guard else { return false };
        let is_at_rest = state.next().is_none() && self.pipe.requests.is_empty() && self.pipe.waits.is_none();
        let forgotten = |port| self.filter[port] != Rules::None && !self.is_held(port);
        self.proxy == Proxy::Serves && is_at_rest && !self.excused && (0..PORTS).any(forgotten)
    }
}
