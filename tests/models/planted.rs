//! The model goes through everything without a broken promise, and finds each error that is
//! planted.

use dlvgate_test_support::page::has_table;

use crate::search::{Found, search};
use crate::settings::{Planted, Setting};
use crate::world::Kind;

/// The sessions that run together, and how many faults may happen. There are two ports, so a
/// session that ends makes room for the next.
const SETTINGS: [(&str, &[Kind], usize); 6] = [
    ("a session", &[Kind::Own], 2),
    ("two sessions", &[Kind::Own, Kind::Own], 1),
    ("a session and a spare", &[Kind::Warm, Kind::Spare], 1),
    ("two sessions and a spare", &[Kind::Warm, Kind::Warm, Kind::Spare], 0),
    ("a shared dlv and two sessions", &[Kind::Server, Kind::Joining, Kind::Joining], 1),
    ("a session on a foreign dlv, and one with its own", &[Kind::Foreign, Kind::Own], 1),
];

/// How many faults more there may be, for a run that takes minutes.
const MORE_FAULTS: &str = "DLVGATE_MODELS_MORE_FAULTS";

fn tried(kinds: &'static [Kind], faults: usize, planted: Planted) -> Found {
    search(&Setting { kinds, faults, planted })
}

#[test]
fn no_interleaving_and_no_fault_breaks_a_promise() {
    let more = std::env::var(MORE_FAULTS).map_or(0, |more| more.parse().expect("a number"));
    let mut table = "| what runs | faults | states | steps | ends |\n|---|---:|---:|---:|---:|\n".to_owned();
    for (who, kinds, faults) in SETTINGS.map(|(who, kinds, faults)| (who, kinds, faults + more)) {
        let Found { states, steps, last, broken } = tried(kinds, faults, Planted::Nothing);
        assert!(broken.is_none(), "{who}: {broken:#?}");
        assert!(last > 0, "{who}: it never ends");
        table += &format!("| {who} | {faults} | {states} | {steps} | {last} |\n");
    }
    println!("{table}");
    if more == 0 {
        has_table("docs/dev/verification.md", "tests/models", &table);
    }
}

/// The planted error, the sessions, how many faults it takes, and the promise that it breaks.
/// Without the error these are parts of the settings above, which break none.
const ERRORS: [(Planted, &[Kind], usize, &str); 19] = [
    (Planted::DialBeforeTheGate, &[Kind::Own], 0, "connected before the gate"),
    (Planted::ForwardBeforeTheAnswer, &[Kind::Own], 0, "is not open"),
    (Planted::NoReadBack, &[Kind::Own], 1, "is not open"),
    (Planted::GoOnAfterTheRefusal, &[Kind::Own], 1, "is not open"),
    (Planted::AnyAnswerIsMine, &[Kind::Own, Kind::Own], 1, "is not open"),
    (Planted::LoadBeforeTheJournal, &[Kind::Own], 0, "not in the journal"),
    (Planted::LoadWithoutTheJournal, &[Kind::Own], 0, "not in the journal"),
    (Planted::StrikeBeforeTheRemoval, &[Kind::Own], 0, "not in the journal"),
    (Planted::TakeTheTokenBeforeTheNote, &[Kind::Own], 0, "the token is taken and not in the journal"),
    (Planted::StopBeforeTheShut, &[Kind::Own], 0, "stopped before its gate was shut"),
    (Planted::RemoveBeforeTheStop, &[Kind::Own], 0, "gone while its dlv still listens"),
    (Planted::ForgetTheRemoval, &[Kind::Own], 0, "stays for good"),
    (Planted::KeepTheLateGate, &[Kind::Own], 1, "stays for good"),
    (Planted::ShutAllForOne, &[Kind::Own, Kind::Own], 0, "nothing of its own has ended it"),
    (Planted::HandASpareOutTwice, &[Kind::Warm, Kind::Warm, Kind::Spare], 0, "two have the same dlv"),
    (Planted::ForgetDelve, &[Kind::Own], 0, "still listens"),
    (Planted::EndWithoutRemoving, &[Kind::Own], 1, "has ended and left something"),
    (Planted::KeepTheToken, &[Kind::Own], 0, "has ended and left something"),
    (Planted::SweepForgetsThePort, &[Kind::Own], 1, "after the next start"),
];

#[test]
fn each_planted_error_is_found() {
    for (planted, kinds, faults, promise) in ERRORS {
        let found = tried(kinds, faults, planted);
        let Some((broken, way)) = found.broken else {
            panic!("{planted:?} is not found in {} states", found.states)
        };
        println!("{planted:?}: {broken}, after {} steps", way.len());
        assert!(broken.contains(promise), "{planted:?}: {broken} {way:#?}");
    }
}
