//! The rules that dlvgate loads, and their read-back form.

use std::net::IpAddr;

/// The guard in the labels.
pub const GUARD: u32 = 4711;

/// Before the rules of every gate.
const SCRUB: &str = "scrub in all fragment reassemble\n";

/// A gate that is open for peers on other machines.
pub fn guarded(port: u16, peers: &str) -> String {
    format!(
        "table <peers> persist {{ {peers} }}\n{SCRUB}\
         pass in quick proto tcp from <peers> to any port {port} no state label \"dlvgate:{GUARD}:{port}\"\n\
         pass out quick proto tcp from any port {port} to <peers> flags A/A no state label \"dlvgate:{GUARD}:{port}\"\n{}",
        deny(port)
    )
}

/// A gate that is shut for everybody.
pub fn shut(port: u16) -> String {
    format!("{SCRUB}{}", deny(port))
}

fn deny(port: u16) -> String {
    format!(
        "block return in log quick proto tcp from any to any port {port} label \"dlvgate:{GUARD}:{port}:deny\"\n"
    )
}

/// A gate that is open for one user of this machine.
pub fn guarded_on_loopback(port: u16, peers: &str, uid: u32) -> String {
    format!(
        "table <peers> persist {{ {peers} }}\n{SCRUB}\
         block return-icmp out log quick on lo0 proto tcp from any to any port {port} user != {uid} label \"dlvgate:{GUARD}:{port}:user\"\n\
         pass quick on lo0 proto tcp from <peers> to any port {port} no state label \"dlvgate:{GUARD}:{port}\"\n\
         pass quick on lo0 proto tcp from any port {port} to <peers> flags A/A no state label \"dlvgate:{GUARD}:{port}\"\n{}",
        deny(port)
    )
}

/// The same, of listeners at these addresses.
pub fn guarded_at(port: u16, at: &[IpAddr], peers: &str, uid: u32) -> String {
    let family = |ip: &IpAddr| if ip.is_ipv4() { "inet" } else { "inet6" };
    let (mut rules, mut denials) = (String::new(), String::new());
    for own in at {
        let tcp = format!("{} proto tcp from", family(own));
        rules += &format!(
            "block return-icmp out log quick on lo0 {tcp} any to {own} port {port} user != {uid} label \"dlvgate:{GUARD}:{port}:user\"\n\
             pass quick on lo0 {tcp} <peers> to {own} port {port} no state label \"dlvgate:{GUARD}:{port}\"\n\
             pass quick on lo0 {tcp} {own} port {port} to <peers> flags A/A no state label \"dlvgate:{GUARD}:{port}\"\n"
        );
        denials += &format!(
            "block return in log quick {tcp} any to {own} port {port} label \"dlvgate:{GUARD}:{port}:deny\"\n"
        );
    }
    format!("table <peers> persist {{ {peers} }}\n{SCRUB}{rules}{denials}")
}

/// A gate that is open for a link-local peer.
pub fn guarded_on_link(port: u16, peer: &str, interface: &str) -> String {
    let on = format!("quick on {interface} inet6 proto tcp from");
    format!(
        "{SCRUB}pass in {on} {peer} to any port {port} no state label \"dlvgate:{GUARD}:{port}\"\n\
         pass out {on} any port {port} to {peer} flags A/A no state label \"dlvgate:{GUARD}:{port}\"\n{}",
        deny(port)
    )
}

/// What `pfctl -s rules` prints of them: no tables, `port = N`, and the codes of an ICMP error.
pub fn printed(text: &str) -> Vec<String> {
    let rules = text.lines().filter(|line| !line.starts_with("table "));
    let icmp = "return-icmp(port-unr, port-unr)";
    rules.map(|rule| rule.replace(" port ", " port = ").replace("return-icmp", icmp)).collect()
}
