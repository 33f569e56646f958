//! Enable tokens: what keeps pf enabled.

use crate::held::Token;
use crate::machine::Machine;

/// The rows of `-s References`: process id, process name, token.
fn references(machine: &Machine) -> Vec<[String; 3]> {
    let page = machine.says(&["-s", "References"]);
    let mut lines = page.lines();
    if page.starts_with("No pf starter references held") {
        return Vec::new();
    }
    assert_eq!(lines.next(), Some("TOKENS:"), "{page}");
    let header: Vec<&str> = lines.next().expect("a header").split_whitespace().collect();
    assert_eq!(header, ["PID", "Process", "Name", "TOKEN", "TIMESTAMP"], "{page}");
    let row = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        assert!(columns.len() > 3, "{page}");
        [columns[0], columns[1], columns[2]].map(str::to_owned)
    };
    lines.filter(|line| !line.trim().is_empty()).map(row).collect()
}

fn is_enabled(machine: &Machine) -> bool {
    let info = machine.says(&["-s", "info"]);
    let status = info.lines().find_map(|line| line.trim_start().strip_prefix("Status: ")).expect("a status");
    assert!(status.starts_with("Enabled") || status.starts_with("Disabled"), "{info}");
    status.starts_with("Enabled")
}

#[test]
fn token_is_on_stderr_and_keeps_pf_enabled() {
    let machine = Machine::new();
    let token = machine.token();
    assert!(token.number().parse::<u64>().is_ok_and(|number| number > 0), "{}", token.number());
    assert!(is_enabled(&machine));
}

#[test]
fn each_token_is_listed_with_the_pfctl_that_took_it() {
    let machine = Machine::new();
    let tokens = [machine.token(), machine.token()];
    assert_ne!(tokens[0].number(), tokens[1].number());
    let listed = references(&machine);
    for token in &tokens {
        let row = [&token.pid.to_string(), "pfctl", token.number()].map(str::to_owned);
        assert!(listed.contains(&row), "no {row:?} in {listed:?}");
    }
}

#[test]
fn a_token_that_is_given_back_leaves_those_of_others() {
    let machine = Machine::new();
    let (mut first, second) = (machine.token(), machine.token());
    let others = references(&machine).len() - 1;
    let words = first.release();
    assert!(
        words.starts_with("disable request successful. ") && words.ends_with("pf still enabled."),
        "{words}"
    );
    let left: usize = words.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(left >= others, "each pfctl -e counts too: {words}");
    assert!(is_enabled(&machine));
    assert!(references(&machine).iter().all(|row| row[2] != first.number()));
    assert!(references(&machine).iter().any(|row| row[2] == second.number()));
}

#[test]
fn token_released_twice_is_a_known_error() {
    let machine = Machine::new();
    let (mut first, mut second) = (machine.token(), machine.token());
    first.release();
    let stale = |token: &Token<'_>| {
        let answer = machine.run(&["-X", token.number()], "");
        assert_eq!(answer.code, Some(1), "{}", answer.complaint);
        answer.complaint
    };
    assert_eq!(stale(&first), "pfctl: pf: token invalid");
    second.release();
    let expected = if is_enabled(&machine) { "pfctl: pf: token invalid" } else { "pfctl: pf not enabled" };
    assert_eq!(stale(&second), expected);
}

#[test]
fn pf_is_as_enabled_afterwards_as_it_was() {
    let machine = Machine::new();
    let (before, listed) = (is_enabled(&machine), references(&machine));
    let mut token = machine.token();
    let words = token.release();
    assert_eq!(words == "pf disabled", !before, "{words}");
    assert_eq!((is_enabled(&machine), references(&machine)), (before, listed));
}
