//! What pfctl answers, on which stream, with which exit code.

use super::*;

#[test]
fn only_answers_are_on_standard_output() {
    let mut m = machine();
    let none = String::new;
    assert_eq!(said(&mut m, "-a com.apple/x -f -", GATE), (0, none(), format!("{WARNING}{ALTQ}")));
    let (code, stdout, stderr) = said(&mut m, "-E", "");
    assert_eq!((code, stdout), (0, none()));
    assert!(stderr.starts_with(&format!("{ALTQ}pf enabled\nToken : ")), "{stderr}");
    for line in ["-s rules", "-s info", "-s References", "-v -s Anchors", "-a com.apple/x -s rules"] {
        let (code, stdout, stderr) = said(&mut m, line, "");
        assert_eq!((code, stderr.as_str()), (0, ALTQ), "{line}");
        assert!(!stdout.is_empty(), "{line}");
    }
    assert_eq!(said(&mut m, "-n -f -", GATE), (0, none(), WARNING.to_owned()), "no /dev/pf, no ALTQ");
}

#[test]
fn missing_anchor_reads_with_code_0_and_a_complaint() {
    let mut m = machine();
    for (line, complaint) in [
        ("-a com.apple/none -s rules", "pfctl: DIOCGETRULES: Invalid argument\n"),
        ("-a com.apple/none -s nat", "pfctl: DIOCGETRULES: Invalid argument\n"),
        ("-a com.apple/none -s Anchors", "Anchor 'com.apple/none' not found.\n"),
    ] {
        assert_eq!(said(&mut m, line, ""), (0, String::new(), format!("{ALTQ}{complaint}")), "{line}");
    }
}

/// Seen in xnu's pf in user space.
#[test]
fn missing_anchor_has_0_tables_to_delete() {
    let mut m = machine();
    let none = format!("{ALTQ}0 tables deleted.\n");
    assert_eq!(said(&mut m, "-a com.apple/x -F Tables", ""), (0, String::new(), none));
    assert!(!m.fine("-v -s Anchors", "").contains("com.apple/x"));
}

/// Seen in xnu's pf in user space: anchors are counted since macOS 13.1, and the counts leak.
#[test]
fn emptied_anchor_stays_listed_without_rules() {
    let mut m = machine();
    m.fine("-a com.apple/x -f -", GATE);
    m.fine("-a com.apple/x -F rules", "");
    m.fine("-a com.apple/x -F Tables", "");
    assert_eq!(said(&mut m, "-a com.apple/x -s rules", ""), (0, String::new(), ALTQ.to_owned()));
    assert!(m.fine("-v -s Anchors", "").contains("  com.apple/x\n"));
}

/// Seen in xnu's pf in user space.
#[test]
fn flush_of_a_missing_anchor_makes_it() {
    let mut m = machine();
    m.fine("-a com.apple/none -F rules", "");
    assert!(m.fine("-v -s Anchors", "").contains("  com.apple/none\n"));
}

/// Seen in xnu's pf in user space; pfctl.c.
#[test]
fn wildcard_at_the_end_of_an_anchor_is_cut_off() {
    let mut m = machine();
    m.fine("-a com.apple/x -f -", GATE);
    let rules = m.fine("-a com.apple/x -s rules", "");
    assert_eq!(m.fine("-a com.apple/x/* -s rules", ""), rules);
    assert!(m.fine("-a com.apple/* -s rules", "").contains("200.AirDrop"));
}

/// Seen in xnu's pf in user space.
#[test]
fn every_failed_table_command_exits_255() {
    let mut m = machine();
    m.fine("-a com.apple/x -f -", GATE);
    for line in ["-a com.apple/x -t none -T show", "-a com.apple/x -t peers -T add nonsense"] {
        assert_eq!(m.run(line, "").code, 255, "{line}");
    }
}

/// Seen in xnu's pf in user space; parse.y.
#[test]
fn negated_any_and_state_of_a_block_are_refused() {
    let mut m = machine();
    for (rule, words) in [
        ("block from ! any", "syntax error"),
        ("block to ! any", "syntax error"),
        ("block all keep state", "keep state on block rules doesn't make sense"),
        ("scrub in quick all", "scrub rules do not support 'quick'"),
    ] {
        let answer = m.run("-n -f -", &format!("{rule}\n"));
        assert_eq!((answer.code, answer.stderr), (1, format!("{WARNING}stdin:1: {words}\n")), "{rule}");
    }
    assert_eq!(m.run("-n -f -", "block all no state\n").code, 0);
}

#[test]
fn reboot_wipes_all_but_files() {
    let folder = std::env::temp_dir().join(format!("standin-pfctl-facts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("pf.conf"), "anchor \"com.apple/*\"\nanchor \"mine\"\n").unwrap();
    let mut m = enabled();
    m.around.files.folder = Some(folder.clone());
    m.fine("-a com.apple/x -f -", GATE);
    m.fine("-a com.apple/y -f -", "pass in all\n");
    m.passes(FROM_OTHER);
    m.fine("--standin reboot", "");
    assert_eq!(m.fine("-s References", ""), "No pf starter references held\n");
    assert_eq!(m.fine("-s states", "") + &m.fine("-a com.apple/x -s Tables", ""), "");
    assert!(!m.fine("-v -s Anchors", "").contains("com.apple/"));
    assert_eq!(m.fine("-s rules", ""), "anchor \"com.apple/*\" all\nanchor \"mine\" all\n", "the file's");
    assert!(m.fine("-s info", "").starts_with("Status: Disabled"), "launchd loads it and enables nothing");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn missing_last_newline_is_a_syntax_error() {
    let mut m = machine();
    let dry = "stdin:2: syntax error\n";
    assert_eq!(said(&mut m, "-n -f -", "pass all\nblock all"), (1, String::new(), format!("{WARNING}{dry}")));
    let real = format!("{WARNING}{ALTQ}{dry}pfctl: Syntax error in config file: pf rules not loaded\n");
    assert_eq!(said(&mut m, "-a com.apple/x -f -", "pass all\nblock all"), (1, String::new(), real));
    assert!(!m.fine("-v -s Anchors", "").contains("com.apple/x"), "nothing was loaded");
}

#[test]
fn only_a_dry_run_needs_no_root() {
    let mut m = machine();
    m.around.uid = 501;
    assert_eq!(m.run("-n -f -", GATE).code, 0);
    let denied = "pfctl: /dev/pf: Permission denied\n";
    for line in ["-s info", "-s rules", "-E", "-X 1", "-a com.apple/x -F rules"] {
        assert_eq!(said(&mut m, line, ""), (1, String::new(), denied.to_owned()), "{line}");
    }
    let before = m.state.clone();
    assert_eq!(said(&mut m, "-a com.apple/x -f -", GATE), (1, String::new(), format!("{WARNING}{denied}")));
    assert_eq!(m.state, before);
}

#[test]
fn table_of_addresses_survives_a_flush_of_rules() {
    let mut m = machine();
    let ports = m.run("-n -f -", "pass proto tcp to port <ports>\n");
    assert_eq!((ports.code, ports.stderr), (1, format!("{WARNING}stdin:1: unknown port ports\n")));
    m.fine("-a com.apple/x -f -", GATE);
    assert!(m.run("-a com.apple/x -t peers -T add 192.0.2.7", "").stderr.ends_with("1/1 addresses added.\n"));
    assert_eq!(m.fine("-a com.apple/x -t peers -T show", ""), "   192.0.2.5\n   192.0.2.7\n");
    m.fine("-a com.apple/x -F rules", "");
    assert_eq!(m.fine("-a com.apple/x -s Tables", ""), "peers\n");
    assert!(m.run("-a com.apple/x -F Tables", "").stderr.ends_with("1 tables deleted.\n"));
    assert_eq!(m.fine("-a com.apple/x -s Tables", ""), "");
}

#[test]
fn names_have_their_limits() {
    let mut m = machine();
    for (what, longest) in
        [("table <*> persist\n", 31), ("pass all label \"*\"\n", 63), ("anchor \"*\"\n", 63)]
    {
        assert_eq!(m.run("-n -f -", &what.replace('*', &"x".repeat(longest))).code, 0, "{what}");
        assert_eq!(m.run("-n -f -", &what.replace('*', &"x".repeat(longest + 1))).code, 1, "{what}");
    }
    assert_eq!(m.run("-a com.apple/_x -s rules", "").code, 1, "a leading underscore is pf's own");
}

#[test]
fn anchors_are_listed_with_full_indented_paths() {
    let mut m = machine();
    m.fine("-a com.apple/x/y -f -", "pass all\n");
    let page = m.fine("-v -s Anchors", "");
    assert!(page.contains("  com.apple\n") && page.contains("  com.apple/x\n  com.apple/x/y\n"), "{page}");
    assert_eq!(m.fine("-s Anchors", ""), "  com.apple\n", "without -v no children");
}

#[test]
fn set_and_load_anchor_do_nothing_in_an_anchor() {
    let mut m = machine();
    m.fine("-a com.apple/x -f -", "set skip on lo0\nload anchor \"y\" from \"/nowhere\"\npass all\n");
    assert!(!m.fine("-v -s Interfaces", "").contains("(skip)"));
    assert!(!m.fine("-v -s Anchors", "").contains("com.apple/x/y"));
}
