//! The text of a gate's rules, as pf.conf(5) of macOS takes it and as pfctl(8) prints it back.
//!
//! The pass rules keep no state: an established state would pass packets without any rule being looked
//! at, so that shutting the gate would shut nothing. `quick` ends the evaluation, so that no rule of
//! anybody else decides about the port while it is guarded.

use std::fmt::Write as _;

use crate::firewall::Peer;

/// Prefix of our anchors. The stock main ruleset of macOS evaluates the direct children of `com.apple`
/// in string order; `010` puts ours before Apple's `200.AirDrop` and `250.ApplicationFirewall`.
const ANCHOR_PREFIX: &str = "com.apple/010.dlvgate";

/// What the main ruleset must contain for our anchors to be evaluated, as `pfctl -s rules` prints it.
pub(super) const MAIN_ANCHOR: &str = "anchor \"com.apple/*\" all";

/// The table of a gate's anchor that holds the peers.
const PEERS: &str = "peers";

/// The anchor of one gate: its own, so that no gate's change touches another's rules.
pub(super) fn anchor(pid: u32, port: u16) -> String {
    format!("{ANCHOR_PREFIX}.{pid}.{port}")
}

/// The process id and the port in the name of a gate's anchor; `None` for every other anchor.
pub(super) fn gate_of(anchor: &str) -> Option<(u32, u16)> {
    let (pid, port) = anchor.strip_prefix(ANCHOR_PREFIX)?.strip_prefix('.')?.split_once('.')?;
    Some((pid.parse().ok()?, port.parse().ok()?))
}

/// A gate's rules: what to load, and what must be read back.
pub(super) struct Ruleset {
    table: Option<String>,
    rules: Vec<Rule>,
}

/// Each has a label: pfctl's optimizer neither merges nor moves such a rule (pfctl_optimize.c).
struct Rule {
    before_port: String,
    port: u16,
    after_port: String,
}

impl Ruleset {
    /// The peers pass in both directions, everybody else gets a reset. Where all peers are on loopback, `uid` decides:
    /// every local user comes from the same address.
    pub(super) fn guarded(port: u16, peers: &[Peer], uid: u32) -> Ruleset {
        let (local, anywhere): (Vec<&Peer>, Vec<&Peer>) =
            peers.iter().partition(|peer| peer.interface().is_some());
        let is_loopback = !peers.is_empty() && peers.iter().all(Peer::is_loopback);
        let label = format!(" no state label \"dlvgate:{port}\"");
        // Who connects *from* the port is let past nobody's rules: a first packet has no ACK.
        let answers = format!(" flags A/A{label}");
        let rule =
            |before: &str, after: String| Rule { before_port: before.to_owned(), port, after_port: after };
        let mut rules = Vec::new();
        if is_loopback {
            let user = format!(" user != {uid} label \"dlvgate:{port}:user\"");
            rules.push(rule("block return out log quick on lo0 proto tcp from any to any", user));
            rules.push(rule("pass quick on lo0 proto tcp from <peers> to any", label.clone()));
            rules.push(rule("pass quick on lo0 proto tcp from any", format!(" to <peers>{answers}")));
        } else if !anywhere.is_empty() {
            rules.push(rule("pass in quick proto tcp from <peers> to any", label.clone()));
            rules.push(rule("pass out quick proto tcp from any", format!(" to <peers>{answers}")));
        }
        for peer in local {
            let (address, interface) = (written(peer), peer.interface().unwrap_or_default());
            let on = format!("quick on {interface} inet6 proto tcp from");
            rules.push(rule(&format!("pass in {on} {address} to any"), label.clone()));
            rules.push(rule(&format!("pass out {on} any"), format!(" to {address}{answers}")));
        }
        rules.push(deny(port));
        let addresses: Vec<String> = anywhere.into_iter().map(written).collect();
        let table = (!addresses.is_empty())
            .then(|| format!("table <{PEERS}> persist {{ {} }}", addresses.join(", ")));
        Ruleset { table, rules }
    }

    /// Everybody gets a reset.
    pub(super) fn shut(port: u16) -> Ruleset {
        Ruleset { table: None, rules: vec![deny(port)] }
    }

    /// What `pfctl -f -` is fed: every line, the last too, ends with a newline (pf's grammar asks for it).
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(table) = &self.table {
            let _ = writeln!(text, "{table}");
        }
        for rule in &self.rules {
            let _ = writeln!(text, "{} port {}{}", rule.before_port, rule.port, rule.after_port);
        }
        text
    }

    /// Whether `printed`, the lines of `pfctl -a ANCHOR -s rules`, are these rules. `port N` comes back as `port = N`,
    /// or as `port = NAME` where /etc/services has a name for it (`2345` is `dbm` on some systems); the labels hold
    /// the number all the same.
    pub(super) fn is(&self, printed: &[&str]) -> bool {
        printed.len() == self.rules.len() && self.rules.iter().zip(printed).all(|(rule, line)| rule.is(line))
    }
}

impl Rule {
    fn is(&self, printed: &str) -> bool {
        let Some(rest) =
            printed.strip_prefix(&self.before_port).and_then(|rest| rest.strip_prefix(" port = "))
        else {
            return false;
        };
        let Some(port) = rest.strip_suffix(self.after_port.as_str()) else { return false };
        let is_name = port.starts_with(|first: char| first.is_ascii_alphabetic()) && !port.contains(' ');
        port == self.port.to_string() || is_name
    }
}

fn deny(port: u16) -> Rule {
    Rule {
        before_port: "block return in log quick proto tcp from any to any".to_owned(),
        port,
        after_port: format!(" label \"dlvgate:{port}:deny\""),
    }
}

/// As pf takes it, and prints it: without the interface, which a rule names apart.
fn written(peer: &Peer) -> String {
    let net = peer.net();
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(peers: &[&str]) -> String {
        let peers: Vec<Peer> = peers.iter().map(|peer| peer.parse().unwrap()).collect();
        Ruleset::guarded(2345, &peers, 501).text()
    }

    const DENY: &str =
        "block return in log quick proto tcp from any to any port 2345 label \"dlvgate:2345:deny\"\n";

    #[test]
    fn the_peers_pass_and_the_last_rule_blocks_everybody_else() {
        assert_eq!(
            text(&["192.0.2.5", "::ffff:192.0.2.6", "2001:db8::/32"]),
            "table <peers> persist { 192.0.2.5, 192.0.2.6, 2001:db8::/32 }\n\
             pass in quick proto tcp from <peers> to any port 2345 no state label \"dlvgate:2345\"\n\
             pass out quick proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:2345\"\n"
                .to_owned()
                + DENY
        );
        assert_eq!(text(&[]), DENY, "nobody");
    }

    #[test]
    fn on_loopback_the_user_decides() {
        assert_eq!(
            text(&["127.0.0.1", "::1"]),
            "table <peers> persist { 127.0.0.1, ::1 }\n\
             block return out log quick on lo0 proto tcp from any to any port 2345 user != 501 label \"dlvgate:2345:user\"\n\
             pass quick on lo0 proto tcp from <peers> to any port 2345 no state label \"dlvgate:2345\"\n\
             pass quick on lo0 proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:2345\"\n"
                .to_owned()
                + DENY
        );
        assert!(!text(&["127.0.0.1", "192.0.2.5"]).contains("user"), "others have no user here");
    }

    #[test]
    fn a_link_local_peer_passes_on_its_interface_only() {
        assert_eq!(
            text(&["fe80::1%en0"]),
            "pass in quick on en0 inet6 proto tcp from fe80::1 to any port 2345 no state label \"dlvgate:2345\"\n\
             pass out quick on en0 inet6 proto tcp from any port 2345 to fe80::1 flags A/A no state label \"dlvgate:2345\"\n"
                .to_owned()
                + DENY
        );
    }

    #[test]
    fn a_shut_gate_is_the_block_rule_alone() {
        assert_eq!(Ruleset::shut(2345).text(), DENY);
    }

    #[test]
    fn what_pfctl_prints_is_recognized_and_nothing_else() {
        let shut = Ruleset::shut(2345);
        let printed = |port: &str, label: &str| {
            format!(
                "block return in log quick proto tcp from any to any port = {port} label \"dlvgate:{label}:deny\""
            )
        };
        assert!(shut.is(&[&printed("2345", "2345")]));
        assert!(shut.is(&[&printed("dbm", "2345")]), "a name from /etc/services");
        for other in
            [printed("2346", "2345"), printed("2345", "2346"), printed("23 45", "2345"), String::new()]
        {
            assert!(!shut.is(&[&other]), "{other}");
        }
        assert!(!shut.is(&[]) && !shut.is(&[&printed("2345", "2345"), "pass all"]));
    }

    #[test]
    fn anchors_stay_within_pf_s_limit_of_a_path_component() {
        let anchor = super::anchor(u32::MAX, u16::MAX);
        let child = anchor.strip_prefix("com.apple/").unwrap();
        assert!(child.len() < 64 && !child.contains('/') && !child.starts_with('_'));
        assert_eq!(gate_of(&anchor), Some((u32::MAX, u16::MAX)));
        for other in
            ["com.apple/250.ApplicationFirewall", "com.apple/010.dlvgate.1", "com.apple/010.dlvgate.1.2.3"]
        {
            assert_eq!(gate_of(other), None, "{other}");
        }
    }
}
