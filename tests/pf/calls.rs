//! The calls that dlvgate makes, and what it takes an answer for.

use crate::machine::{Machine, OTHER, Outcome, PEER};
use crate::service::Service;
use crate::texts;

/// No service has it.
const PORT: u16 = 52345;

#[test]
fn absent_anchor_reads_with_code_0_and_a_complaint() {
    let machine = Machine::new();
    let missing = "com.apple/010.dlvgate.test.none";
    for (what, words) in
        [("rules", "Invalid argument"), ("nat", "Invalid argument"), ("Tables", "does not exist")]
    {
        let answer = machine.run(&["-a", missing, "-s", what], "");
        assert_eq!((answer.code, answer.stdout.as_str()), (Some(0), ""), "{what}: {}", answer.complaint);
        assert!(answer.complaint.contains(words), "{what}: {}", answer.complaint);
    }
    let answer = machine.run(&["-a", missing, "-s", "Anchors"], "");
    assert_eq!((answer.code, answer.complaint.contains("not found")), (Some(0), true), "{answer:?}");
}

#[test]
fn an_anchor_that_is_not_there_can_be_flushed() {
    let machine = Machine::new();
    let anchor = machine.anchor();
    let flush = |what| machine.run(&["-a", anchor.name(), "-F", what], "");
    let (rules, tables) = (flush("rules"), flush("Tables"));
    assert_eq!((rules.code, rules.complaint.as_str()), (Some(0), "rules cleared"));
    assert_eq!((tables.code, tables.complaint.as_str()), (Some(0), "0 tables deleted."));
}

#[test]
fn a_bad_line_is_named_and_nothing_is_loaded() {
    let machine = Machine::new();
    let anchor = machine.anchor();
    anchor.load(&texts::shut(PORT));
    let bad = format!("{}pas in all\n", texts::guarded(PORT, "127.0.0.1"));
    let dry = machine.run(&["-a", anchor.name(), "-n", "-f", "-"], &bad);
    assert_eq!((dry.code, dry.complaint.as_str()), (Some(1), "stdin:6: syntax error"));
    let real = machine.run(&["-a", anchor.name(), "-f", "-"], &bad);
    assert_eq!(real.code, Some(1));
    assert_eq!(
        real.complaint,
        "stdin:6: syntax error\npfctl: Syntax error in config file: pf rules not loaded"
    );
    assert_eq!(anchor.printed(), texts::printed(&texts::shut(PORT)), "all of a load or nothing");
}

#[test]
fn a_missing_last_newline_is_a_syntax_error() {
    let machine = Machine::new();
    let answer = machine.run(&["-n", "-f", "-"], texts::shut(PORT).trim_end());
    assert_eq!((answer.code, answer.complaint.as_str()), (Some(1), "stdin:2: syntax error"));
}

#[test]
fn a_table_cannot_hold_ports() {
    let machine = Machine::new();
    let answer = machine.run(&["-n", "-f", "-"], "pass proto tcp from any to any port <ports>\n");
    assert_eq!(answer.code, Some(1));
    assert!(answer.complaint.contains("unknown port ports"), "{}", answer.complaint);
}

#[test]
fn a_dry_run_needs_no_root_and_all_else_does() {
    let machine = Machine::new();
    let anchor = machine.anchor();
    let dry = machine.run_as_user(&["-a", anchor.name(), "-n", "-f", "-"], &texts::shut(PORT));
    assert_eq!((dry.code, dry.complaint.as_str()), (Some(0), ""));
    for call in [vec!["-s", "info"], vec!["-s", "References"], vec!["-a", anchor.name(), "-f", "-"]] {
        let refused = machine.run_as_user(&call, &texts::shut(PORT));
        assert_eq!(
            (refused.code, refused.complaint.as_str()),
            (Some(1), "pfctl: /dev/pf: Permission denied"),
            "{call:?}"
        );
    }
    assert_eq!(anchor.printed(), Vec::<String>::new());
}

#[test]
fn states_are_not_killed_by_label() {
    let machine = Machine::new();
    let answer = machine.run(&["-k", "label", "-k", "dlvgate.invalid"], "");
    assert_eq!(answer.code, Some(1), "{}", answer.complaint);
}

#[test]
fn all_that_explain_reads_prints_no_complaint() {
    let machine = Machine::new();
    let anchor = machine.anchor();
    anchor.load(&texts::guarded(PORT, "192.0.2.5"));
    for what in ["info", "rules", "nat", "states"] {
        machine.says(&["-s", what]);
    }
    machine.says(&["-a", anchor.name(), "-s", "nat"]);
    let interfaces = machine.says(&["-v", "-s", "Interfaces"]);
    assert!(interfaces.lines().any(|line| line.split_whitespace().next() == Some("lo0")), "{interfaces}");
    assert_eq!(machine.says(&["-a", anchor.name(), "-s", "Tables"]), "peers\n");
    assert_eq!(machine.says(&["-a", anchor.name(), "-t", "peers", "-T", "show"]), "   192.0.2.5\n");
}

#[test]
fn a_state_is_a_line_with_this_machines_address_first() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&format!("pass in quick on lo0 proto tcp from {OTHER} to any port {}\n", service.port()));
    let Outcome::Connected(mut connection) = machine.connect(OTHER, &service) else { panic!("it is open") };
    assert!(connection.carries());
    let states = machine.says(&["-s", "states"]);
    let start = format!("ALL tcp {PEER}:{} <- {OTHER}:", service.port());
    let line = states.lines().find(|line| line.starts_with(&start));
    assert!(line.is_some_and(|line| line.ends_with("       ESTABLISHED:ESTABLISHED")), "{states}");
}
