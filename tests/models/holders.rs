//! The proxy's side: what sessions, spares and a shared dlv do next, and what may happen to them.

use dlvgate::session::{Lifecycle, Step};

use crate::settings::{Planted, Setting};
use crate::world::{Ask, Guard, Holder, Kind, Port, Proxy, Rules, World};

/// What may happen next, by name.
pub type Next = Vec<(String, Result<World, &'static str>)>;

impl Setting {
    /// Everything that the proxy, its clients and dlv may do.
    pub fn holders_next(&self, world: &World, next: &mut Next) {
        for port in 0..world.listens.len() {
            let orphaned = world.proxy == Proxy::Killed && !world.foreign[port];
            if world.listens[port] && (orphaned || world.faults > 0) {
                let mut after = world.clone();
                after.listens[port] = false;
                after.faults -= usize::from(!orphaned);
                for holder in after.holders.iter_mut().filter(|holder| holder.port == Some(port)) {
                    holder.runs = false;
                }
                next.push((format!("the dlv on port {port} dies"), Ok(after)));
            }
        }
        if world.proxy != Proxy::Serves {
            return;
        }
        if world.faults > 0 {
            let mut after = world.clone();
            after.faults -= 1;
            after.proxy = Proxy::Killed;
            after.holders.clear();
            after.pipe.waits = None;
            after.pipe.answers.clear();
            next.push(("the proxy is killed".to_owned(), Ok(after)));
        }
        if world.holders.iter().all(|holder| holder.lifecycle.next() == Step::Close) {
            let mut after = world.clone();
            after.proxy = Proxy::Ended;
            next.push(("the proxy ends".to_owned(), Ok(after)));
        }
        for place in 0..world.holders.len() {
            self.holder_next(world, place, next);
        }
    }

    fn holder_next(&self, world: &World, place: usize, next: &mut Next) {
        let holder = &world.holders[place];
        let name = format!("{:?} {place}", holder.kind);
        if world.pipe.waits == Some(place) {
            self.answers(world, place, &name, next);
            return;
        }
        let step = self.step(holder);
        let mut may =
            |what: &str, after: Result<World, &'static str>| next.push((format!("{name} {what}"), after));
        // Its client goes, a signal comes: at any time, but for the gate's opening, which nothing
        // interrupts.
        if !holder.lifecycle.is_ending() && step != Step::OpenGate {
            may("is told to end", Ok(world.with(place, |holder| holder.lifecycle.end())));
        }
        match step {
            Step::Take => {
                for (other, spare) in world.holders.iter().enumerate() {
                    let waits = spare.lifecycle.next() == Step::Wait
                        && spare.port.is_some_and(|port| world.listens[port]);
                    if waits {
                        may(&format!("takes spare {other}"), Ok(self.taken(world, place, other)));
                    }
                }
                may("finds no spare", Ok(world.with(place, |holder| holder.lifecycle.done())));
            }
            Step::Launch => self.launch(world, place, may),
            Step::Join => {
                let server = world.holders.iter().find(|other| other.kind == Kind::Server);
                let Some(server) = server else { return };
                if server.lifecycle.next() == Step::Relay {
                    let port = server.port;
                    may(
                        "joins",
                        Ok(world.with(place, |holder| {
                            holder.port = port;
                            holder.lifecycle.done();
                        })),
                    );
                }
            }
            Step::OpenGate => self.asks(world, place, Ask::Open, may),
            Step::Dial => may("dials", self.connected(world, place)),
            Step::Relay if holder.kind == Kind::Server => {}
            Step::Relay => {
                if !holder.forwarded {
                    may("forwards a byte", self.forwarded(world, place));
                }
            }
            Step::Wait => {}
            Step::ShutGate => self.asks(world, place, Ask::Shut, may),
            Step::StopDelve => may("stops dlv", self.stopped(world, place)),
            Step::RemoveGate if self.planted == Planted::ForgetTheRemoval => {
                may("forgets its gate", Ok(world.with(place, closed)));
            }
            Step::RemoveGate => self.asks(world, place, Ask::Drop, may),
            Step::Close => {
                // What it had is another's now.
                if holder.port.is_some() {
                    may("is gone", Ok(world.with(place, |holder| holder.port = None)));
                }
            }
        }
    }

    /// The step that the lifecycle names, or one planted in its place.
    fn step(&self, holder: &Holder) -> Step {
        match (self.planted, holder.lifecycle.next()) {
            (Planted::DialBeforeTheGate, Step::OpenGate) if !holder.connected => Step::Dial,
            (Planted::RemoveBeforeTheStop, Step::StopDelve) if holder.connected => Step::RemoveGate,
            (Planted::StopBeforeTheShut, Step::ShutGate) if holder.connected => Step::StopDelve,
            (_, step) => step,
        }
    }

    fn launch(&self, world: &World, place: usize, mut may: impl FnMut(&str, Result<World, &'static str>)) {
        let used = |port: &Port| {
            world.listens[*port]
                || world
                    .holders
                    .iter()
                    .any(|holder| holder.port == Some(*port) && holder.lifecycle.next() == Step::StopDelve)
        };
        let Some(port) = (0..world.listens.len()).find(|port| !used(port)) else { return };
        let mut after = world.with(place, |holder| {
            holder.port = Some(port);
            holder.runs = true;
            holder.lifecycle.done();
        });
        after.listens[port] = true;
        may("starts dlv", Ok(after));
        if world.faults > 0 {
            // It listens, and is not ready: it has to be stopped all the same.
            let mut after = world.with(place, |holder| {
                holder.port = Some(port);
                holder.runs = true;
                holder.lifecycle.done();
                holder.lifecycle.end();
            });
            after.listens[port] = true;
            after.faults -= 1;
            may("starts a dlv that is never ready", Ok(after));
        }
    }

    fn taken(&self, world: &World, place: usize, other: usize) -> World {
        let mut after = world.clone();
        let mut spare = after.holders[other].lifecycle.clone();
        assert!(after.holders[place].lifecycle.take(&mut spare));
        if self.planted != Planted::HandASpareOutTwice {
            after.holders[other].lifecycle = spare;
        }
        let Holder { port, connected, runs, .. } = after.holders[other];
        after.holders[place] = Holder { port, connected, runs, ..after.holders[place].clone() };
        if self.planted != Planted::HandASpareOutTwice {
            after.holders[other] =
                Holder { port: None, connected: false, runs: false, ..after.holders[other].clone() };
        }
        after
    }

    /// A request goes to the guard, unless another waits for its answer; where there is no guard,
    /// it has failed.
    fn asks(
        &self,
        world: &World,
        place: usize,
        ask: fn(Port) -> Ask,
        mut may: impl FnMut(&str, Result<World, &'static str>),
    ) {
        let ask = ask(world.holders[place].port.unwrap());
        if !matches!(world.guard, Guard::Runs { .. }) {
            return may("finds no guard", Ok(self.answered(world, place, ask, false)));
        }
        if world.pipe.waits.is_some() {
            return;
        }
        let mut after = world.clone();
        let Ok(id) = after.pipe.turns.ask(&ask.operation()) else {
            return may("finds its gate another's", Ok(self.answered(world, place, ask, false)));
        };
        after.pipe.requests.push_back((id, ask));
        after.pipe.waits = Some(place);
        if self.planted == Planted::ForwardBeforeTheAnswer && matches!(ask, Ask::Open(_)) {
            after.pipe.waits = None;
            after.holders[place].lifecycle.done();
        }
        may(&format!("asks {ask:?}"), Ok(after));
    }

    /// An answer, none within the time, or none ever.
    fn answers(&self, world: &World, place: usize, name: &str, next: &mut Next) {
        let port = world.holders[place].port.unwrap();
        let ask = match world.holders[place].lifecycle.next() {
            Step::OpenGate => Ask::Open(port),
            Step::ShutGate => Ask::Shut(port),
            _ => Ask::Drop(port),
        };
        let mut over = world.clone();
        over.pipe.waits = None;
        if let Some((id, done)) = over.pipe.answers.pop_front() {
            let after = if world.pipe.turns.is_answer(id) || self.planted == Planted::AnyAnswerIsMine {
                if !done {
                    over.pipe.turns.refused(&ask.operation());
                }
                self.answered(&over, place, ask, done)
            } else {
                over.pipe.waits = Some(place);
                over.clone()
            };
            next.push((format!("{name} hears {id}: {done}"), Ok(after)));
        } else if !matches!(world.guard, Guard::Runs { .. }) {
            next.push((
                format!("{name} hears that the guard is gone"),
                Ok(self.answered(&over, place, ask, false)),
            ));
        }
        if world.faults > 0 {
            over = Setting::given_up(world, ask, self.planted != Planted::KeepTheLateGate);
            next.push((format!("{name} waits no longer"), Ok(self.answered(&over, place, ask, false))));
        }
    }

    fn given_up(world: &World, ask: Ask, told: bool) -> World {
        let mut over = world.clone();
        over.faults -= 1;
        over.pipe.waits = None;
        match (ask, &world.guard) {
            (Ask::Open(port), Guard::Runs { .. }) if told => {
                let back = Ask::GiveBack(port);
                over.pipe.requests.extend(over.pipe.turns.ask(&back.operation()).ok().map(|id| (id, back)));
            }
            _ => {}
        }
        over
    }

    /// What a holder makes of an answer: on the way out a failure does not keep the rest from being
    /// done.
    fn answered(&self, world: &World, place: usize, ask: Ask, done: bool) -> World {
        let mut after = world.with(place, |holder| match ask {
            Ask::Open(_) if !done && self.planted != Planted::GoOnAfterTheRefusal => holder.lifecycle.end(),
            Ask::Drop(_) if self.planted == Planted::RemoveBeforeTheStop => holder.connected = false,
            _ => holder.lifecycle.done(),
        });
        after.excused |= !done && !matches!(ask, Ask::Open(_));
        after
    }

    fn connected(&self, world: &World, place: usize) -> Result<World, &'static str> {
        if !world.is_served(place) {
            return Ok(world.with(place, |holder| holder.lifecycle.end()));
        }
        match world.filter[world.holders[place].port.unwrap()] {
            Rules::None | Rules::Loaded => Err("connected before the gate was open and read back"),
            // The kernel refuses it.
            Rules::Shut => Ok(world.with(place, |holder| holder.lifecycle.end())),
            Rules::Open => Ok(world.with(place, |holder| {
                holder.connected = true;
                holder.lifecycle.done();
            })),
        }
    }

    fn forwarded(&self, world: &World, place: usize) -> Result<World, &'static str> {
        if !world.is_served(place) {
            return Ok(world.with(place, |holder| holder.lifecycle.done()));
        }
        match world.filter[world.holders[place].port.unwrap()] {
            Rules::None => Err("a byte went where there was no gate"),
            Rules::Loaded => Err("a byte went before the gate was read back"),
            Rules::Shut => Ok(world.with(place, |holder| holder.lifecycle.done())),
            Rules::Open => Ok(world.with(place, |holder| holder.forwarded = true)),
        }
    }

    fn stopped(&self, world: &World, place: usize) -> Result<World, &'static str> {
        let Holder { port, connected, .. } = world.holders[place];
        let port = port.unwrap();
        // A gate that is opened too late, without a session, is about to be given back.
        if connected && world.filter[port] == Rules::Open && !world.excused {
            return Err("dlv was stopped before its gate was shut");
        }
        let forgotten = self.planted == Planted::ForgetDelve;
        let mut after = world.with(place, |holder| {
            holder.runs &= forgotten;
            if self.planted == Planted::StopBeforeTheShut {
                holder.connected = false;
            } else {
                holder.lifecycle.done();
            }
        });
        after.listens[port] &= forgotten;
        Ok(after)
    }
}

fn closed(holder: &mut Holder) {
    holder.lifecycle.done();
    holder.port = None;
}

impl World {
    fn with(&self, place: usize, change: impl FnOnce(&mut Holder)) -> World {
        let mut after = self.clone();
        change(&mut after.holders[place]);
        after
    }

    /// Whether the dlv that this one is at listens still.
    fn is_served(&self, place: usize) -> bool {
        let holder = &self.holders[place];
        match holder.kind {
            Kind::Joining => self.holders.iter().any(|other| other.kind == Kind::Server && other.runs),
            Kind::Foreign => holder.port.is_some_and(|port| self.listens[port]),
            _ => holder.runs,
        }
    }

    /// Whether a holder at this port has its gate by its own account: it dials, waits or forwards.
    pub fn relies_on(&self, port: Port) -> bool {
        self.holders.iter().any(|holder| {
            let inward = matches!(holder.lifecycle.next(), Step::Dial | Step::Wait | Step::Relay);
            holder.port == Some(port) && holder.kind != Kind::Joining && inward
        })
    }

    /// How many have the one connection to a dlv that serves its first alone.
    pub fn connected_at(&self, port: Port) -> usize {
        let has = |holder: &&Holder| holder.port == Some(port) && holder.connected && holder.runs;
        self.holders.iter().filter(has).count()
    }

    /// Whether a holder still has to close this port.
    pub fn is_held(&self, port: Port) -> bool {
        self.holders.iter().any(|holder| holder.port == Some(port) && !is_closed(&holder.lifecycle))
    }
}

pub fn is_closed(lifecycle: &Lifecycle) -> bool {
    lifecycle.next() == Step::Close
}
