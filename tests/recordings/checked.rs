//! `dlvgate show --check` and the recorded sessions: what is found in them is what their client did on purpose.

use std::collections::BTreeSet;
use std::process::Command;

use crate::scenarios;
use crate::theatre::fixture;

/// What the client of a session asks although it should not: session, dlv's version where only there, rule.
const ON_PURPOSE: [(&str, &str, &str); 8] = [
    ("breakpoints", "dlv-1.20", "not-supported"), // hit conditions work there and are not offered
    ("data-breakpoint", "dlv-1.20", "not-supported"),
    ("disconnect-running", "", "while-running"),
    ("restart", "dlv-1.20", "not-supported"),
    ("wrong-requests", "", "not-supported"),
    ("wrong-requests", "", "unknown-frame"),
    ("wrong-requests", "", "unknown-variables"),
    ("wrong-requests", "", "unknown-thread"),
];

#[test]
fn no_rule_is_broken_in_a_recorded_session_but_on_purpose() {
    for dlv in ["dlv-1.20", "dlv-1.27"] {
        for scenario in scenarios::all() {
            let file = fixture(dlv, &scenario);
            let output = Command::new(env!("CARGO_BIN_EXE_dlvgate"))
                .args(["show", "--check"])
                .arg(&file)
                .output()
                .unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let findings =
                text.lines().filter(|line| line.starts_with("line ") && !line.contains("(known: "));
            let found: BTreeSet<&str> = findings.filter_map(|line| line.split(": ").nth(1)).collect();
            let is_meant = |(name, version, _): &&(&str, &str, &str)| {
                *name == scenario.name && (version.is_empty() || *version == dlv)
            };
            let expected: BTreeSet<&str> =
                ON_PURPOSE.iter().filter(is_meant).map(|(_, _, rule)| *rule).collect();
            assert_eq!(found, expected, "{}:\n{text}", file.display());
            assert_eq!(output.status.code(), Some(i32::from(!expected.is_empty())), "{text}");
        }
    }
}
