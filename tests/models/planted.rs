//! The model goes through everything without a broken promise, and finds each error that is planted.

use crate::search::{Found, search};
use crate::settings::{Planted, Setting};
use crate::world::Kind;

/// Who is there together, and how many faults may happen. There are two ports, so whoever ends makes room for the next.
const SETTINGS: [(&[Kind], usize); 6] = [
    (&[Kind::Own], 2),
    (&[Kind::Own, Kind::Own], 1),
    (&[Kind::Warm, Kind::Spare], 1),
    (&[Kind::Warm, Kind::Warm, Kind::Spare], 0),
    (&[Kind::Server, Kind::Joining, Kind::Joining], 1),
    (&[Kind::Foreign, Kind::Own], 1),
];

/// How many faults more there may be, for a run that takes minutes.
const MORE_FAULTS: &str = "DLVGATE_MODELS_MORE_FAULTS";

fn tried(kinds: &'static [Kind], faults: usize, planted: Planted) -> Found {
    search(&Setting { kinds, faults, planted })
}

#[test]
fn no_interleaving_and_no_fault_breaks_a_promise() {
    let more = std::env::var(MORE_FAULTS).map_or(0, |more| more.parse().expect("a number"));
    for (kinds, faults) in SETTINGS.map(|(kinds, faults)| (kinds, faults + more)) {
        let found = tried(kinds, faults, Planted::Nothing);
        let Found { states, steps, last, broken } = found;
        println!("{kinds:?}, {faults} faults: {states} states, {steps} steps, {last} ends");
        assert!(broken.is_none(), "{kinds:?}: {broken:#?}");
        assert!(last > 0, "{kinds:?}: it never ends");
    }
}

/// What is planted, who is there, how many faults it takes, and the promise that is then broken. Without what is planted these are
/// parts of the settings above, which break none.
const ERRORS: [(Planted, &[Kind], usize, &str); 19] = [
    (Planted::DialBeforeTheGate, &[Kind::Own], 0, "dialled before the gate"),
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
    (Planted::ForgetTheRemoval, &[Kind::Own], 0, "nobody will shut"),
    (Planted::KeepTheLateGate, &[Kind::Own], 1, "nobody will shut"),
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
