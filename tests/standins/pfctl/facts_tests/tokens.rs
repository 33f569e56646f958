//! Enable tokens: what keeps pf enabled.

use super::*;

#[test]
fn tokens_are_counted_and_pf_goes_off_with_the_last() {
    let mut m = machine();
    let (one, two, three) = (m.token(), m.token(), m.token());
    for (token, rest) in [(&two, 2), (&one, 1)] {
        let words = format!(
            "{ALTQ}disable request successful. {rest} more pf enable reference(s) remaining, pf still enabled.\n"
        );
        assert_eq!(said(&mut m, &format!("-X {token}"), ""), (0, String::new(), words));
    }
    assert!(m.fine("-s info", "").starts_with("Status: Enabled"));
    assert_eq!(said(&mut m, &format!("-X {three}"), ""), (0, String::new(), format!("{ALTQ}pf disabled\n")));
    assert!(m.fine("-s info", "").starts_with("Status: Disabled"));
}

#[test]
fn stale_token_error_differs_when_pf_is_off() {
    let mut m = machine();
    assert_eq!(said(&mut m, "-X 1", ""), (1, String::new(), format!("{ALTQ}pfctl: pf not enabled\n")));
    m.token();
    assert_eq!(said(&mut m, "-X 1", ""), (1, String::new(), format!("{ALTQ}pfctl: pf: token invalid\n")));
}

#[test]
fn enabling_without_token_counts_once_until_disabled() {
    let mut m = machine();
    assert_eq!(said(&mut m, "-e", "").2, format!("{ALTQ}pf enabled\n"));
    assert_eq!(said(&mut m, "-e", "").0, 1);
    let token = m.token();
    assert!(m.run(&format!("-X {token}"), "").stderr.contains(" 1 more pf enable reference(s) remaining"));
}

#[test]
fn references_list_tokens_newest_first() {
    let mut m = machine();
    assert_eq!(m.fine("-s References", ""), "No pf starter references held\n");
    m.around.pid = 41;
    let first = m.token();
    m.around.pid = 42;
    let second = m.token();
    let page = m.fine("-s References", "");
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(
        lines[..2],
        ["TOKENS:", "PID      Process Name                 TOKEN                    TIMESTAMP"]
    );
    let row = |line: &str| line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(row(lines[2]), ["42", "pfctl", &second]);
    assert_eq!(row(lines[3]), ["41", "pfctl", &first]);
    assert_eq!(lines.len(), 4);
    assert!(lines[2].ends_with("0 days 00:00:00"), "{page}");
}

#[test]
fn disabling_kills_every_token() {
    let mut m = machine();
    let (own, other) = (m.token(), m.fine("--standin enable-by-other", ""));
    assert_eq!(said(&mut m, "-d", ""), (0, String::new(), format!("{ALTQ}pf disabled\n")));
    assert_eq!(m.fine("-s References", ""), "No pf starter references held\n");
    m.token();
    for token in [own.as_str(), other.trim()] {
        assert!(m.run(&format!("-X {token}"), "").stderr.ends_with("pfctl: pf: token invalid\n"));
    }
}
