//! Soak: random sessions, eight at a time, most of them faulty in some way, at servers that go on
//! meanwhile. What a session without a fault of its own must get is checked in full, so that harm
//! by another one is seen; and whenever all have ended, nothing of them may be left.
//! `DLVGATE_SOAK_SECONDS` says how long, `DLVGATE_SOAK_SEED` which choices.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod guests;
mod place;
mod played;
mod played_faults;
mod real;
mod samples;
mod tally;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dlvgate_test_support::namespace::Namespace;
use dlvgate_test_support::program::Program;
use dlvgate_test_support::random::{Random, seed_of};
use dlvgate_test_support::standin;
use dlvgate_test_support::toolchain::Pair;

use place::Place;
use tally::Tally;

/// Holds the seed of a run that is to be repeated.
const SEED: &str = "DLVGATE_SOAK_SEED";

/// Holds the length of a run; what `make test` has time for without it.
const SECONDS: &str = "DLVGATE_SOAK_SECONDS";
const SHORT: u64 = 10;

const AT_ONCE: u64 = 8;

/// Sessions of a round, after which all is looked at.
const OF_A_ROUND: u64 = 64;

/// What a round may take in a short run: the last may begin when hardly any time is left.
const OF_A_SHORT_ROUND: u64 = 24;

/// Looks at each place, so that there is a first and a last.
const LEAST_LOOKS: usize = 2;

/// Rounds of a short run, none of which is likely to leave a place out.
const MOST_ROUNDS: u64 = 100;

fn length() -> Duration {
    let seconds = std::env::var(SECONDS).ok().map(|text| text.parse().expect("a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(SHORT))
}

/// The stand-in, under the name that it stands for.
fn standin_dlv(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("dlv");
    // By another process: a handle that is open for writing must not be inherited, or the program
    // is "busy".
    assert!(
        Command::new("cp").arg(standin::example("standin-played-dlv")).arg(&path).status().unwrap().success()
    );
    path
}

/// One session by chance: three of four with the stand-in.
fn one(places: &[Place], random: &mut Random, tally: &Tally) {
    let place = match random.below(4) {
        0 => &places[0],
        _ => &places[1 + random.below(places.len() as u64 - 1) as usize],
    };
    let is_real = place.name == places[0].name;
    let kinds = match random.below(8) {
        0 if !is_real => guests::KINDS.as_slice(),
        _ if is_real => real::KINDS.as_slice(),
        _ => played_faults::KINDS.as_slice(),
    };
    // A third has no fault of its own.
    let (name, session) = match random.below(3) {
        0 => kinds[0],
        _ => kinds[random.below(kinds.len() as u64) as usize],
    };
    let served = session(place, random);
    tally.add(place.name, if served { name } else { "refused, since pfctl failed" });
}

/// So many sessions, eight at a time.
fn round(places: &[Place], tally: &Tally, seed: u64, which: u64, sessions: u64) {
    let left = AtomicU64::new(sessions);
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (left, mut random) = (&left, Random::new(seed, which * AT_ONCE + worker));
            scope.spawn(move || {
                let more = |left: u64| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
                    one(places, &mut random, tally);
                }
            });
        }
    });
}

#[test]
fn random_sessions_with_faults_leave_nothing() {
    // What thousands of connections leave makes dlv's own look at the system's table slow, and fail
    // at times: so the stand-ins are apart from the real one.
    let (Some(real), Some(played)) = (Namespace::new(), Namespace::new()) else { return };
    for name in ["demo", "loop", "exit3"] {
        Program::built(&Pair::any(), name);
    }
    let folder = tempfile::tempdir().unwrap();
    let dlv = standin_dlv(folder.path());
    let (seed, length) = (seed_of(SEED), length());
    let is_long = length > Duration::from_secs(60);
    let mut places = [
        Place::with_nftables(&real),
        Place::with_pf(&played, &dlv),
        Place::with_spares(&played, &dlv),
        Place::without_filter(&played, &dlv),
    ];
    let (tally, began) = (Tally::default(), Instant::now());
    places.iter_mut().for_each(|place| place.settle(began));
    let mut chances = Random::new(seed, u64::MAX);
    let mut rounds = 0;
    // A short run on a busy machine has time for one round, in which a place may have had no
    // session.
    while began.elapsed() < length || places.iter().any(|place| place.looks() < LEAST_LOOKS) {
        assert!(rounds < MOST_ROUNDS || is_long, "{rounds} rounds, and a place that had hardly any session");
        for place in &mut places {
            if let Some(fault) = place.choose_faults(&mut chances) {
                tally.add(place.name, fault);
            }
        }
        round(&places, &tally, seed, rounds, if is_long { OF_A_ROUND } else { OF_A_SHORT_ROUND });
        places.iter_mut().for_each(|place| place.settle(began));
        rounds += 1;
        if is_long && rounds % 20 == 0 {
            println!("{:?}: {rounds} rounds, {} sessions and faults", began.elapsed(), tally.total());
        }
    }
    let sessions: u64 = places.iter().map(|place| place.sessions).sum();
    println!("{rounds} rounds, {sessions} sessions with a first byte in {:?}\n\n{tally}", began.elapsed());
    println!("{}", samples::HEAD);
    for place in places {
        place.end().iter().for_each(|samples| println!("{samples}"));
    }
    assert!(rounds > 0 && tally.of("no fault") > 0, "nothing was tried");
}
