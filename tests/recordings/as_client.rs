//! Every recorded session, its client played against a real dlv: of the version that it was recorded with, and of another.

use std::sync::Arc;

use dlvgate::recording::replay::{Client, Ignore, Replayed, Script};
use dlvgate_protocol::message::Argument;

use crate::scenarios::{self, Scenario};
use crate::support::toolchain::Pair;
use crate::theatre::{PROGRAMS, Prepared, fixture, real_dlv};

fn replay(recorded: &str, live: &Pair, scenario: &Scenario) -> Replayed {
    let prepared = Prepared::new(live, scenario);
    let running = real_dlv(live, scenario, &prepared);
    let script = Script::load(&fixture(recorded, scenario)).unwrap();
    let mut client = Client::new(Arc::new(script)).folder(PROGRAMS, prepared.parent());
    for pattern in scenario.ignore {
        client = client.ignore(pattern.parse::<Ignore>().unwrap());
    }
    if prepared.pid() != 0 {
        client = client.set(format!("processId={}", prepared.pid()).parse::<Argument>().unwrap());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(client.run(running.ready())).unwrap()
}

fn no_difference(dlv: &'static str) {
    let Some(pair) = Pair::find(dlv) else { panic!("{dlv} is not installed: run tests/setup/install-delve") };
    let mut failed = Vec::new();
    for scenario in scenarios::all() {
        let replayed = replay(dlv, &pair, &scenario);
        if !replayed.is_same() {
            failed.push(format!("{dlv}/{}: {replayed}", scenario.name));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn dlv_1_20_answers_as_it_was_recorded() {
    no_difference("dlv-1.20");
}

#[test]
fn dlv_1_27_answers_as_it_was_recorded() {
    if Pair::find("dlv-1.27").is_some() {
        no_difference("dlv-1.27");
    }
}
