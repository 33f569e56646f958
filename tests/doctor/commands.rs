//! The command itself: its page, `--fix`, exit codes, and what hangs.

use super::container::{Container, User};
use super::fault::list;

#[test]
fn page_ends_with_the_finding_to_fix_first() {
    let Some(mut container) = Container::new(User::Root) else { return };
    let (_, page) = container.run("export GOARCH=arm64; dlvgate doctor; echo exit $?");
    let (before, end) = page.split_once("First:").unwrap_or_else(|| panic!("{page}"));
    assert!(before.contains("Go\n") && before.contains("Delve\n") && before.contains("1 problem,"), "{page}");
    assert!(
        end.contains("✗ GOARCH is arm64") && end.contains("$ unset GOARCH") && end.contains("exit 1"),
        "{page}"
    );
}

#[test]
fn fix_shows_runs_and_names_the_undo() {
    let Some(mut container) = Container::new(User::Root) else { return };
    container.must("chmod -x /usr/bin/dlv; go env -w GOFLAGS=-trimpath; export GOARCH=arm64");
    let (_, page) = container.run("dlvgate doctor --fix < /dev/null; echo exit $?");
    let (shown, done) = page.split_once("This will be run:").unwrap_or_else(|| panic!("{page}"));
    assert!(shown.contains("is not executable"), "{page}");
    assert!(
        done.contains("undone by: chmod -x /usr/bin/dlv") && done.contains("done: chmod +x /usr/bin/dlv"),
        "{page}"
    );
    assert!(done.contains("undone by: go env -w GOFLAGS=-trimpath"), "{page}");
    // A variable of the caller's shell is not ours to change: it stays, and is said.
    assert!(!done.contains("done: unset") && done.contains("exit 1"), "{page}");
    container.must("test -x /usr/bin/dlv && test -z \"$(go env GOFLAGS)\"");
    // And back.
    container.must("chmod -x /usr/bin/dlv && go env -w GOFLAGS=-trimpath");
    let (_, again) = container.run("unset GOARCH; dlvgate doctor; echo exit $?");
    assert!(again.contains("is not executable") && again.contains("exit 1"), "{again}");
}

#[test]
fn fix_changes_nothing_where_nothing_can_be_undone() {
    let Some(mut container) = Container::new(User::Root) else { return };
    let (_, page) = container.run("export GOROOT=/nope; dlvgate doctor --fix < /dev/null; echo exit $?");
    assert!(page.contains("No command that can be undone fixes this") && page.contains("exit 1"), "{page}");
}

#[test]
fn hanging_program_is_unknown_and_delays_no_check() {
    let Some(mut container) = Container::new(User::Root) else { return };
    let hang = "#!/bin/sh\\nexec sleep 60\\n";
    container.must(&format!(
        "for tool in go dlv; do printf '{hang}' > /usr/local/bin/$tool; chmod +x /usr/local/bin/$tool; done"
    ));
    container.must(&format!("printf '{hang}' > /usr/sbin/nft"));
    let said = container.doctor("--from 192.0.2.5");
    let took = said["took_ms"].as_u64().unwrap();
    assert!(took < 3500, "{took} ms");
    let unknown: Vec<&str> = list(&said["findings"])
        .iter()
        .filter(|one| one["state"] == "unknown")
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert!(
        unknown.contains(&"go.runs") && unknown.iter().any(|id| id.starts_with("network.")),
        "{unknown:?}"
    );
    let environment =
        list(&said["findings"]).iter().find(|one| one["id"] == "go.environment").expect("it is told");
    assert!(environment["seen"].as_str().unwrap().contains("did not end within"), "{environment}");
    let good: Vec<&str> = list(&said["findings"])
        .iter()
        .filter(|one| one["state"] == "good")
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert!(!good.contains(&"network.filter") && !good.contains(&"go.found"), "{good:?}");
}

#[test]
fn wrong_words_are_usage_errors() {
    let Some(mut container) = Container::new(User::Root) else { return };
    for (arguments, words) in [
        ("--probe 127.0.0.1", "write HOST:PORT"),
        ("--probe :2345", "write HOST:PORT"),
        ("--port 0", "1..=65535"),
        ("--from somewhere", "invalid"),
        ("--fix --json", "cannot be used with"),
        ("--identify", "--probe"),
    ] {
        let (_, said) = container.run(&format!("dlvgate doctor {arguments}; echo exit $?"));
        assert!(said.contains(words) && said.contains("exit 2"), "{arguments}: {said}");
    }
    let (_, said) = container.run("dlvgate doctor --probe nobody.invalid:2345; echo exit $?");
    assert!(said.contains("has no address") && said.contains("exit 1"), "{said}");
}
