use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const IDLE: Duration = Duration::from_secs(900);

fn pool(size: usize) -> Pool {
    Pool::new(PoolPolicy { size, idle: IDLE, renewed: true })
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Starts as many as are wanted now, each ready at once; gives their numbers.
fn fill(pool: &mut Pool, now: Duration) -> Vec<u64> {
    let mut started = Vec::new();
    while let Order::Start(number) = pool.next(now) {
        pool.ready(number, now);
        started.push(number);
    }
    started
}

#[test]
fn wanted_spares_start_one_after_the_other() {
    let mut pool = pool(2);
    assert_eq!(pool.next(Duration::ZERO), Order::Start(1));
    assert_eq!(pool.next(Duration::ZERO), Order::Wait(Some(IDLE)), "one at a time");
    pool.ready(1, Duration::ZERO);
    assert_eq!(fill(&mut pool, Duration::ZERO), [2]);
    assert_eq!(pool.next(Duration::ZERO), Order::Wait(Some(IDLE)));
}

#[test]
fn taken_spare_is_replaced_after_the_delay() {
    let mut pool = pool(1);
    fill(&mut pool, seconds(0));
    pool.session_begins();
    assert_eq!(pool.offered(), Some(1));
    assert!(pool.taken(1, seconds(10)));
    assert_eq!(pool.next(seconds(10)), Order::Wait(Some(seconds(10) + RENEW_AFTER)));
    assert_eq!(pool.next(seconds(10) + RENEW_AFTER), Order::Start(2));
}

#[test]
fn steady_sessions_do_not_prevent_a_spare() {
    let mut pool = pool(1);
    fill(&mut pool, seconds(0));
    pool.session_begins();
    assert!(pool.taken(1, seconds(10)));
    pool.session_begins();
    pool.launch_begins();
    pool.launch_ends(seconds(10) + RENEW_AFTER / 2, true);
    assert_eq!(pool.next(seconds(10) + RENEW_AFTER), Order::Start(2));
}

#[test]
fn outdated_spare_is_ended_and_replaced() {
    let mut pool = pool(1);
    let [old] = fill(&mut pool, Duration::ZERO)[..] else { panic!("one is wanted") };
    assert!(pool.is_ready(old) && pool.offered() == Some(old));
    pool.outdated(old);
    assert_eq!(pool.offered(), None);
    assert!(pool.is_ending() && !pool.is_ready(old));
    assert_eq!(pool.next(Duration::ZERO), Order::End(old));
    pool.outdated(old);
    assert_eq!(pool.next(Duration::ZERO), Order::Wait(Some(IDLE)), "its port is not free yet");
    pool.gone(old);
    assert!(!pool.is_ending());
    assert!(matches!(pool.next(Duration::ZERO), Order::Start(new) if new != old));
}

#[test]
fn nothing_is_started_beside_a_session_s_own_dlv() {
    let mut pool = pool(1);
    pool.session_begins();
    pool.launch_begins();
    assert_eq!(pool.next(seconds(5)), Order::Wait(None));
    pool.launch_ends(seconds(5), true);
    assert_eq!(pool.next(seconds(5)), Order::Wait(Some(seconds(5) + RENEW_AFTER)));
}

#[test]
fn failure_pauses_double_until_a_dlv_works() {
    let mut pool = pool(1);
    let (mut now, mut pauses) = (Duration::ZERO, Vec::new());
    pool.session_begins(); // so that it is not idle
    for count in 0..12 {
        let Order::Start(number) = pool.next(now) else { panic!("it is tried again") };
        assert_eq!(pool.failed(number, now), count == 0, "the first is worth a line in the log");
        let Order::Wait(Some(until)) = pool.next(now) else { panic!("not at once") };
        pauses.push((until - now).as_secs());
        now = until;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    let now = now - RENEW_AFTER * 2; // within the last pause
    pool.launch_begins();
    pool.launch_ends(now, true);
    assert_eq!(pool.next(now), Order::Wait(Some(now + RENEW_AFTER)));
    assert_eq!(pool.next(now + RENEW_AFTER), Order::Start(13));
    assert!(pool.failed(13, now + RENEW_AFTER), "a new row of failures");
}

#[test]
fn dead_spare_is_replaced_with_growing_pauses() {
    let mut pool = pool(1);
    let (mut now, mut pauses) = (Duration::ZERO, Vec::new());
    pool.session_begins();
    for _ in 0..3 {
        let [number] = fill(&mut pool, now)[..] else { panic!("one is started") };
        pool.died(number, now);
        assert_eq!(pool.offered(), None);
        assert_eq!(pool.next(now), Order::End(number));
        assert_eq!(pool.next(now), Order::Wait(None), "what it leaves is seen to first");
        pool.gone(number);
        let Order::Wait(Some(until)) = pool.next(now) else { panic!("not at once") };
        pauses.push((until - now).as_secs());
        now = until;
    }
    assert_eq!(pauses, [1, 2, 4]);
    let [number] = fill(&mut pool, now)[..] else { panic!("one is started") };
    let later = now + LONGEST_PAUSE * 2;
    assert!(pool.died(number, later), "one that has lived for long is no failure of the next");
}

#[test]
fn idle_pool_is_empty_until_the_next_session() {
    let mut pool = pool(2);
    fill(&mut pool, Duration::ZERO);
    assert_eq!([pool.next(IDLE), pool.next(IDLE)], [Order::End(1), Order::End(2)]);
    pool.gone(1);
    pool.gone(2);
    assert_eq!(pool.next(IDLE * 2), Order::Wait(None));
    pool.session_begins();
    pool.launch_begins();
    pool.launch_ends(IDLE * 2, true);
    assert_eq!(fill(&mut pool, IDLE * 2 + RENEW_AFTER), [3, 4]);
    assert_eq!(pool.next(IDLE * 5), Order::Wait(None), "a session is open: it is not idle");
    pool.session_ends(IDLE * 5);
    assert_eq!(pool.next(IDLE * 5), Order::Wait(Some(IDLE * 6)));
    assert_eq!(pool.next(IDLE * 6), Order::End(3));
}

#[test]
fn a_pool_that_closes_says_so_and_ends_what_it_has() {
    let mut pool = pool(1);
    let [number] = fill(&mut pool, seconds(0))[..] else { panic!("one is started") };
    assert!(!pool.is_closing());
    pool.close();
    assert!(pool.is_closing() && pool.offered().is_none());
    assert_eq!(pool.next(seconds(0)), Order::End(number));
    pool.gone(number);
    assert_eq!(pool.next(seconds(0)), Order::Over);
}

#[test]
fn single_session_server_replaces_no_taken_spare() {
    let plan = PoolPolicy { size: 1, idle: IDLE, renewed: false };
    let mut pool = Pool::new(plan);
    fill(&mut pool, Duration::ZERO);
    pool.session_begins();
    assert!(pool.taken(1, Duration::ZERO));
    assert_eq!(pool.next(IDLE), Order::Wait(None));
    let mut pool = Pool::new(plan);
    pool.session_begins();
    pool.launch_begins();
    pool.launch_ends(Duration::ZERO, true);
    assert_eq!(pool.next(IDLE), Order::Wait(None));
}

#[test]
fn pool_without_a_port_waits_for_a_session_s() {
    let mut pool = pool(1);
    pool.session_begins();
    pool.launch_begins();
    pool.launch_ends(Duration::ZERO, true);
    assert_eq!(pool.next(RENEW_AFTER), Order::Start(1));
    pool.no_port(1, RENEW_AFTER);
    pool.session_begins();
    pool.launch_begins();
    pool.launch_ends(seconds(10), true);
    assert_eq!(pool.next(seconds(10)), Order::Wait(Some(RENEW_AFTER + LONGEST_PAUSE)));
    pool.session_ends(seconds(20));
    assert_eq!(pool.next(seconds(20)), Order::Wait(Some(seconds(20) + RENEW_AFTER)));
    assert_eq!(pool.next(seconds(20) + RENEW_AFTER), Order::Start(2));
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Pass(u64),
    Begin,
    Leave,
    LaunchEnds(bool),
    Ready,
    Fail,
    NoPort,
    Die(usize),
    Outdate(usize),
    Gone(usize),
    Close,
}

/// What must hold of a pool and what it has ordered, after each event.
#[derive(Clone, Debug)]
struct World {
    pool: Pool,
    size: usize,
    now: Duration,
    starting: BTreeSet<u64>,
    ready: BTreeSet<u64>,
    ending: BTreeSet<u64>,
    /// Each is settled once: taken or gone.
    settled: BTreeSet<u64>,
    sessions: usize,
    launching: usize,
    used: Duration,
    is_closed: bool,
}

impl World {
    fn new(size: usize) -> World {
        World {
            pool: pool(size),
            size,
            now: Duration::ZERO,
            starting: BTreeSet::new(),
            ready: BTreeSet::new(),
            ending: BTreeSet::new(),
            settled: BTreeSet::new(),
            sessions: 0,
            launching: 0,
            used: Duration::ZERO,
            is_closed: false,
        }
    }

    fn settle(&mut self, number: u64) {
        assert!(self.settled.insert(number), "{number} is taken or gone once");
    }

    fn happens(&mut self, event: Event) {
        let nth = |set: &BTreeSet<u64>, which: usize| set.iter().nth(which % set.len().max(1)).copied();
        match event {
            Event::Pass(seconds) => self.now += Duration::from_secs(seconds),
            Event::Begin => self.begin(),
            Event::Leave if self.sessions > self.launching => {
                self.sessions -= 1;
                self.used = self.now;
                self.pool.session_ends(self.now);
            }
            Event::LaunchEnds(is_there) if self.launching > 0 => {
                self.launching -= 1;
                self.pool.launch_ends(self.now, is_there);
            }
            Event::Ready => {
                if let Some(number) = self.starting.pop_first() {
                    self.pool.ready(number, self.now);
                    self.ready.insert(number);
                }
            }
            Event::Fail => {
                if let Some(number) = self.starting.pop_first() {
                    self.pool.failed(number, self.now);
                    self.settle(number);
                }
            }
            Event::NoPort => {
                if let Some(number) = self.starting.pop_first() {
                    self.pool.no_port(number, self.now);
                    self.settle(number);
                }
            }
            Event::Die(which) => {
                if let Some(number) = nth(&self.ready, which) {
                    self.pool.died(number, self.now);
                }
            }
            Event::Outdate(which) => {
                if let Some(number) = nth(&self.ready, which) {
                    self.pool.outdated(number);
                }
            }
            Event::Gone(which) => {
                if let Some(number) = nth(&self.ending, which) {
                    self.ending.remove(&number);
                    self.pool.gone(number);
                    self.settle(number);
                }
            }
            Event::Close => {
                self.is_closed = true;
                self.pool.close();
            }
            Event::Leave | Event::LaunchEnds(_) => {}
        }
        self.obey();
    }

    /// A session takes the spare that it is offered, waits for one that starts, or starts its own.
    fn begin(&mut self) {
        self.sessions += 1;
        self.pool.session_begins();
        if let Some(number) = self.pool.offered() {
            assert!(self.ready.remove(&number), "{number} was ready");
            assert!(self.pool.taken(number, self.now));
            assert!(!self.pool.taken(number, self.now), "{number} is taken once");
            self.settle(number);
        } else if !self.pool.is_starting() {
            self.launching += 1;
            self.pool.launch_begins();
        }
    }

    fn obey(&mut self) {
        for _ in 0..20 {
            match self.pool.next(self.now) {
                Order::Start(number) => {
                    assert!(!self.is_closed, "a start after the end");
                    assert_eq!(self.launching, 0, "beside a session's own");
                    assert!(self.starting.is_empty(), "two at once");
                    assert!(!self.is_idle(), "no session has come for long");
                    self.starting.insert(number);
                }
                Order::End(number) => {
                    assert!(self.ready.remove(&number), "{number} was ready");
                    self.ending.insert(number);
                }
                Order::Wait(until) => {
                    assert!(until.is_none_or(|until| until > self.now), "it would not wait at all");
                    self.check();
                    break;
                }
                Order::Over => {
                    assert!(self.is_closed);
                    let open = [&self.starting, &self.ready, &self.ending];
                    assert!(open.into_iter().all(BTreeSet::is_empty), "{self:?}");
                    break;
                }
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.sessions == 0 && self.now >= self.used + IDLE
    }

    fn check(&self) {
        assert!(self.starting.len() + self.ready.len() <= self.size, "{self:?}");
        if self.is_closed || self.is_idle() {
            assert!(self.ready.is_empty(), "{self:?}");
        }
    }

    /// From here to the end everything can be left.
    fn ends(mut self) {
        self.happens(Event::Close);
        while self.pool.next(self.now) != Order::Over {
            assert!(!self.starting.is_empty() || !self.ending.is_empty(), "nothing is waited for: {self:?}");
            self.happens(Event::Ready);
            self.happens(Event::Gone(0));
        }
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (0_u64..3).prop_map(Event::Pass),
        1 => (0_u64..2000).prop_map(Event::Pass),
        3 => Just(Event::Begin),
        3 => Just(Event::Leave),
        3 => any::<bool>().prop_map(Event::LaunchEnds),
        4 => Just(Event::Ready),
        1 => Just(Event::Fail),
        1 => Just(Event::NoPort),
        1 => (0_usize..8).prop_map(Event::Die),
        1 => (0_usize..8).prop_map(Event::Outdate),
        3 => (0_usize..8).prop_map(Event::Gone),
        1 => Just(Event::Close),
    ];
    proptest::collection::vec(event, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_events_keep_the_pool_bounded(size in 1_usize..4, events in events()) {
        let mut world = World::new(size);
        world.obey();
        for event in events {
            world.happens(event);
        }
        world.ends();
    }
}

/// Every order of five events, with one spare.
#[test]
fn every_short_story_ends_well() {
    const EVENTS: [Event; 9] = [
        Event::Begin,
        Event::Leave,
        Event::LaunchEnds(true),
        Event::Ready,
        Event::Fail,
        Event::Die(0),
        Event::Outdate(0),
        Event::Gone(0),
        Event::Pass(1000),
    ];
    let mut worlds = vec![World::new(1)];
    worlds[0].obey();
    for _ in 0..5 {
        worlds = worlds
            .into_iter()
            .flat_map(|world| {
                EVENTS.map(|event| {
                    let mut next = world.clone();
                    next.happens(event);
                    next
                })
            })
            .collect();
    }
    worlds.into_iter().for_each(World::ends);
}
