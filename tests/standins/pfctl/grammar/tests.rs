use super::*;
use crate::printer::{self, View};

fn printed(text: &str) -> Vec<String> {
    let services = Services::new("dbm 2346/tcp").naming(true);
    let config = parse(text, "", &services);
    if !config.refusals.is_empty() {
        return config.refusals.iter().map(|r| format!("{}: {}", r.line, r.message)).collect();
    }
    let rules = config.items.iter().filter_map(|i| match i {
        Item::Rules(rules) => Some(rules),
        _ => None,
    });
    rules.flatten().map(|r| printer::rule(r, &services, View::Kernel)).collect()
}

#[test]
fn a_list_makes_a_rule_each() {
    assert_eq!(
        printed("pass in proto tcp from { 10.0.0.1, 10.1.2.3/8 } to any port { 22 2345 } no state\n"),
        [
            "pass in inet proto tcp from 10.0.0.1 to any port = ssh no state",
            "pass in inet proto tcp from 10.0.0.1 to any port = 2345 no state",
            "pass in inet proto tcp from 10.0.0.0/8 to any port = ssh no state",
            "pass in inet proto tcp from 10.0.0.0/8 to any port = 2345 no state",
        ]
    );
}

#[test]
fn pass_means_flags_s_sa_keep_state_by_default() {
    assert_eq!(
        printed("pass all\npass proto udp all\npass no state\nblock all\nblock return all\n"),
        [
            "pass all flags S/SA keep state",
            "pass proto udp all keep state",
            "pass all no state",
            "block drop all",
            "block return all",
        ]
    );
}

#[test]
fn named_port_prints_its_name_but_a_range_does_not() {
    assert_eq!(
        printed("block proto tcp to port 2346\nblock proto tcp to port 22:80\n"),
        [
            "block drop proto tcp from any to any port = dbm",
            "block drop proto tcp from any to any port 22:80",
        ]
    );
}

#[test]
fn a_zone_becomes_an_interface() {
    assert_eq!(
        printed("block in quick proto tcp from fe80::1%en0 to any\n"),
        ["block drop in quick on en0 inet6 proto tcp from fe80::1 to any"]
    );
}

#[test]
fn the_rules_of_a_loopback_port_parse() {
    assert_eq!(
        printed("block return out quick on lo0 proto tcp from any to any port 30001 user != 501\n"),
        ["block return out quick on lo0 proto tcp from any to any port = 30001 user != 501"]
    );
}

#[test]
fn a_table_does_not_hold_ports() {
    assert_eq!(printed("pass proto tcp to any port <ports>\n"), ["1: unknown port ports"]);
}

#[test]
fn names_have_their_limits() {
    let (label, table) = ("l".repeat(64), "t".repeat(32));
    assert_eq!(printed(&format!("pass all label \"{label}\"\n")), ["1: rule label too long (max 63 chars)"]);
    assert!(printed(&format!("table <{table}> persist\n"))[0].ends_with("too long"));
    assert!(printed("anchor \"_x\"\n")[0].contains("reserved"));
    assert!(printed(&format!("pass all label \"{}\"\n", &label[1..]))[0].starts_with("pass"));
}

#[test]
fn macros_and_continuations_are_put_in() {
    assert_eq!(
        printed("ports = \"{ 22, 2345 }\"\npass in on \\\n  en0 proto tcp to any port $ports no state\n")
            .len(),
        2
    );
}

#[test]
fn every_bad_line_is_reported() {
    assert_eq!(
        printed("pass sideways\nblock all\nantispoof for en0\n"),
        ["1: syntax error", "3: syntax error"]
    );
}

#[test]
fn a_file_keeps_the_order_of_sections() {
    assert!(printed("pass all\nset skip on lo0\n")[0].starts_with("2: Rules must be in order"));
}

#[test]
fn ports_need_a_protocol_that_has_them() {
    assert_eq!(printed("pass from any to any port 22\n"), ["1: port only applies to tcp/udp"]);
}
