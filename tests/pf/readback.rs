//! Rules are printed back as dlvgate expects them: a gate that it does not know again is not a
//! gate.

use crate::machine::Machine;
use crate::texts;

/// No service has it.
const PORT: u16 = 52347;

/// Loads rules, and checks how they are printed.
fn assert_printed(loaded: &str, printed: &[String]) {
    let machine = Machine::new();
    let anchor = machine.anchor();
    let dry = machine.run(&["-a", anchor.name(), "-n", "-f", "-"], loaded);
    assert_eq!((dry.code, dry.complaint.as_str(), dry.stdout.as_str()), (Some(0), "", ""), "{loaded}");
    anchor.load(loaded);
    assert_eq!(anchor.printed(), printed, "{loaded}");
}

#[test]
fn the_rules_of_a_gate_that_is_open() {
    for peers in ["192.0.2.5", "192.0.2.0/24, 2001:db8::/32, ::1"] {
        let text = texts::guarded(PORT, peers);
        assert_printed(&text, &texts::printed(&text));
    }
}

#[test]
fn the_rule_of_a_gate_that_is_shut() {
    assert_printed(&texts::shut(PORT), &texts::printed(&texts::shut(PORT)));
}

#[test]
fn the_rules_of_a_gate_for_one_user_of_this_machine() {
    let text = texts::guarded_on_loopback(PORT, "127.0.0.1, ::1", 501);
    assert_printed(&text, &texts::printed(&text));
}

#[test]
fn the_rules_of_a_gate_at_addresses_of_both_families() {
    let at = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    let text = texts::guarded_at(PORT, &at, "127.0.0.1, ::1", 501);
    assert_printed(&text, &texts::printed(&text));
}

#[test]
fn the_rules_of_a_gate_for_a_link_local_peer() {
    let text = texts::guarded_on_link(PORT, "fe80::1", "lo0");
    assert_printed(&text, &texts::printed(&text));
}

/// A pfctl without `-M` may print names always; dlvgate reads both.
#[test]
fn port_with_a_name_is_printed_as_number_or_name() {
    let rule = "block return in log quick proto tcp from any to any port";
    let machine = Machine::new();
    let anchor = machine.anchor();
    anchor.load(&format!("{rule} 22 label \"dlvgate:22:deny\"\n"));
    let printed = anchor.printed();
    let is = |port: &str| printed == [format!("{rule} = {port} label \"dlvgate:22:deny\"")];
    assert!(is("22") || is("ssh"), "{printed:?}");
}

#[test]
fn what_is_not_written_is_printed_too() {
    for (loaded, printed) in [
        (
            "pass in on lo0 proto tcp to port 52347 no state",
            "pass in on lo0 proto tcp from any to any port = 52347 no state",
        ),
        (
            "pass in proto tcp to port 52347",
            "pass in proto tcp from any to any port = 52347 flags S/SA keep state",
        ),
        ("block in proto tcp to port 52347", "block drop in proto tcp from any to any port = 52347"),
        (
            "block in proto tcp from 192.0.2.5/24 to port 52347:52349",
            "block drop in inet proto tcp from 192.0.2.0/24 to any port 52347:52349",
        ),
        (
            "block in quick proto tcp from fe80::1%lo0 to port 52347",
            "block drop in quick on lo0 inet6 proto tcp from fe80::1 to any port = 52347",
        ),
        (
            "block in proto tcp from ::ffff:192.0.2.5 to port 52347",
            "block drop in inet6 proto tcp from ::ffff:192.0.2.5 to any port = 52347",
        ),
    ] {
        assert_printed(&format!("{loaded}\n"), &[printed.to_owned()]);
    }
}

#[test]
fn a_list_is_a_rule_each() {
    assert_printed(
        "block in proto tcp from any to any port { 52347, 52348 }\n",
        &[52347, 52348].map(|port| format!("block drop in proto tcp from any to any port = {port}")),
    );
}
