//! What becomes of connections: over the loopback interface, where each packet leaves and arrives.

use crate::machine::{Machine, OTHER, Outcome, PEER};
use crate::service::Service;
use crate::texts;

/// A rule for one port, as in `block in quick`.
fn rule(action: &str, service: &Service) -> String {
    let state = if action.starts_with("pass") { " no state" } else { "" };
    format!("{action} on lo0 proto tcp from any to any port {}{state}\n", service.port())
}

#[test]
fn a_port_without_a_rule_is_open() {
    let machine = Machine::new();
    let (_token, service) = (machine.token(), Service::echo());
    assert!(machine.passes(PEER, &service) && machine.passes(OTHER, &service));
}

#[test]
fn guarded_port_is_open_to_its_peer_only() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&texts::guarded(service.port(), &PEER.to_string()));
    assert!(machine.passes(PEER, &service));
    assert!(!machine.passes(OTHER, &service));
    anchor.load(&texts::guarded(service.port(), &OTHER.to_string()));
    assert!(!machine.passes(PEER, &service));
    let Outcome::Connected(mut connection) = machine.connect(OTHER, &service) else { panic!("it is open") };
    assert!(connection.carries());
}

#[test]
fn who_is_blocked_hears_it_at_once() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&texts::shut(service.port()));
    assert!(matches!(machine.connect(PEER, &service), Outcome::Refused));
}

#[test]
fn shut_port_blocks_all_until_its_gate_is_gone() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&texts::guarded(service.port(), &PEER.to_string()));
    anchor.load(&texts::shut(service.port()));
    assert!(!machine.passes(PEER, &service) && !machine.passes(OTHER, &service));
    anchor.flush();
    assert!(machine.passes(PEER, &service) && machine.passes(OTHER, &service));
}

#[test]
fn shutting_stops_an_open_connection() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&texts::guarded(service.port(), &PEER.to_string()));
    let Outcome::Connected(mut connection) = machine.connect(PEER, &service) else { panic!("it is open") };
    assert!(connection.carries());
    anchor.load(&texts::shut(service.port()));
    assert!(!connection.carries());
}

/// Why the gate's rules say `no state`.
#[test]
fn a_connection_with_a_state_outlives_its_rule() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&format!("pass in quick on lo0 proto tcp from any to any port {}\n", service.port()));
    let Outcome::Connected(mut connection) = machine.connect(PEER, &service) else { panic!("it is open") };
    assert!(connection.carries());
    anchor.load(&texts::shut(service.port()));
    assert!(connection.carries(), "a state is looked up before the rules");
    assert!(!machine.passes(PEER, &service));
}

#[test]
fn the_last_match_wins_unless_a_quick_one_came_before() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    for (first, second, passes) in [
        ("pass in", "block in", false),
        ("block in", "pass in", true),
        ("pass in quick", "block in", true),
        ("block in quick", "pass in", false),
    ] {
        anchor.load(&(rule(first, &service) + &rule(second, &service)));
        assert_eq!(machine.passes(PEER, &service), passes, "{first}, {second}");
    }
}

#[test]
fn anchors_are_evaluated_in_text_order_of_names() {
    let machine = Machine::new();
    let (_token, service) = (machine.token(), Service::echo());
    let [nine, ten] = ["order.9", "order.10"].map(|name| machine.anchor_at(name));
    nine.load(&rule("pass in quick", &service));
    ten.load(&rule("block in quick", &service));
    assert!(!machine.passes(PEER, &service), "10 comes before 9");
    let first = machine.anchor_at("order.010");
    first.load(&rule("pass in quick", &service));
    assert!(machine.passes(PEER, &service), "010 comes before 10");
}

#[test]
fn later_anchor_s_match_wins_without_quick() {
    let machine = Machine::new();
    let (_token, service) = (machine.token(), Service::echo());
    let [first, second] = ["last.1", "last.2"].map(|name| machine.anchor_at(name));
    first.load(&rule("block in", &service));
    second.load(&rule("pass in", &service));
    assert!(machine.passes(PEER, &service));
    first.load(&rule("block in quick", &service));
    assert!(!machine.passes(PEER, &service));
}

#[test]
fn the_child_of_a_child_is_inert() {
    let machine = Machine::new();
    let (_token, service) = (machine.token(), Service::echo());
    let anchor = machine.anchor_at("parent/child");
    anchor.load(&rule("block in quick", &service));
    assert!(machine.passes(PEER, &service));
}

#[test]
fn fragments_pass_a_gate_no_more_than_a_whole_packet() {
    let machine = Machine::new();
    let (_token, anchor, service) = (machine.token(), machine.anchor(), Service::echo());
    anchor.load(&texts::guarded(service.port(), &PEER.to_string()));
    let Some(of_the_peer) = machine.passes_in_fragments(PEER, &service) else { return };
    assert!(of_the_peer);
    assert_eq!(machine.passes_in_fragments(OTHER, &service), Some(false));
    anchor.load(&texts::shut(service.port()));
    assert_eq!(machine.passes_in_fragments(PEER, &service), Some(false));
    anchor.flush();
    assert_eq!(machine.passes_in_fragments(OTHER, &service), Some(true), "afterwards");
}
