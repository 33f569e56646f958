//! Records `fixtures/sessions` again, each session with the real dlv of two versions:
//! `make fixtures`.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    reason = "it ends by panicking; shares the tests' harness"
)]

mod scenarios;
mod theatre;

use dlvgate_test_support::toolchain::Pair;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for dlv in ["dlv-1.20", "dlv-1.27"] {
        let pair = Pair::find(dlv)
            .unwrap_or_else(|| panic!("{dlv} is not installed: run tests/setup/install-delve"));
        for scenario in scenarios::all() {
            if !wanted.is_empty() && !wanted.iter().any(|name| name == scenario.name) {
                continue;
            }
            let recording = theatre::recorded(&pair, &scenario);
            let file = theatre::fixture(dlv, &scenario);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &recording).unwrap();
            println!(
                "{dlv}/{}: {} lines, {} bytes",
                scenario.name,
                recording.lines().count(),
                recording.len()
            );
        }
    }
}
