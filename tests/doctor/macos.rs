//! Faults of a Mac, with stand-ins for its tools. Their output is captured from the real tools, or
//! documented; this has not been run on a Mac.

use super::container::{Container, User};
use super::fault::try_all;
use super::faults::of_a_mac;

fn become_a_mac(container: &mut Container) {
    container.must(include_str!("faults/mac.sh"));
}

#[test]
fn mac_faults_are_named_and_fixed() {
    try_all(&of_a_mac(), become_a_mac);
}

#[test]
fn healthy_mac_has_no_findings() {
    let Some(mut container) = Container::new(User::Root) else { return };
    become_a_mac(&mut container);
    let said = container.doctor("");
    assert!(said["first"].is_null(), "{:#}", said["first"]);
    // Nothing listens yet: that is why a client is refused.
    let said = container.doctor("--port 2345 --from 192.0.2.5");
    assert_eq!(said["first"]["id"], "network.listener", "{:#}", said["first"]);
    assert_eq!(said["first"]["state"], "bad", "{:#}", said["first"]);
}
