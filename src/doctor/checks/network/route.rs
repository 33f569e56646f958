//! Which way the answers to the client take.

use std::net::IpAddr;

use crate::doctor::context::Context;
use crate::doctor::facts::tool::{self, Silent};
use crate::doctor::finding::{CheckGroup, Finding, Health};

/// How the interfaces of VPNs begin, on macOS and Linux.
const TUNNELS: [&str; 7] = ["utun", "tun", "tap", "ppp", "wg", "ipsec", "tailscale"];

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let Some(peer) = context.peer() else { return Vec::new() };
    vec![look(context, peer).await]
}

async fn look(context: &Context, peer: IpAddr) -> Finding {
    let finding = |state, seen: String| Finding::new(CheckGroup::Network, "route", state, seen);
    let to = peer.to_string();
    let said = if context.is_mac() {
        let family = if peer.is_ipv4() { "-inet" } else { "-inet6" };
        tool::ask("/sbin/route", &["-n", "get", family, &to]).await
    } else {
        match tool::ask("/usr/sbin/ip", &["-o", "route", "get", &to]).await {
            Err(Silent::Missing) => tool::ask("/sbin/ip", &["-o", "route", "get", &to]).await,
            said => said,
        }
    };
    let said = match said {
        Err(why) => {
            return finding(Health::Unknown, format!("the route to {peer} is unknown: {why}"));
        }
        Ok(said) if !said.success => {
            let why =
                "no answer reaches the client, whatever the port does: is it on this network, or a VPN off?";
            let show = if context.is_mac() { "netstat -rn" } else { "ip route" };
            return finding(Health::Bad, format!("there is no way to {peer}: {}", said.first_line()))
                .why(why)
                .remedy(show);
        }
        Ok(said) => said,
    };
    match interface(&said.stdout) {
        None => finding(Health::Unknown, "the route is not understood".to_owned()),
        Some(name) if is_tunnel(name) => finding(Health::Warning, format!("answers to {peer} leave through {name}, a VPN"))
            .why(
                "a VPN that owns the default route may take the answers to a client that is on the local network, which then \
                 times out; many have a setting that leaves local addresses out",
            )
            .remedy(if context.is_mac() {
                format!("route -n get {peer}")
            } else {
                format!("ip -o route get {peer}")
            }),
        Some(name) => finding(Health::Good, format!("answers to {peer} leave through {name}")),
    }
}

/// `… dev wg0 src …` (ip-route(8)), `interface: utun3` (route(8)).
fn interface(said: &str) -> Option<&str> {
    let mut words = said.split_whitespace().skip_while(|word| !matches!(*word, "dev" | "interface:"));
    words.nth(1)
}

fn is_tunnel(name: &str) -> bool {
    let numbered = |prefix: &&str| {
        name.strip_prefix(*prefix).is_some_and(|rest| rest.chars().all(|char| char.is_ascii_digit()))
    };
    TUNNELS.iter().any(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_is_told_by_its_name() {
        assert_eq!(interface("192.0.2.5 dev wg0 src 10.0.0.2 uid 0 \\    cache"), Some("wg0"));
        assert_eq!(interface("   route to: 192.0.2.5\n  interface: utun3\n"), Some("utun3"));
        assert!(is_tunnel("wg0") && is_tunnel("utun12") && is_tunnel("tailscale0"));
        assert!(!is_tunnel("en0") && !is_tunnel("tunnel-bridge"));
    }
}
