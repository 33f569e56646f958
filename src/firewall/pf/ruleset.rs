//! The text of a gate's rules, as pf.conf(5) of macOS takes it and as pfctl(8) prints it back.
//!
//! The pass rules keep no state: an established state would pass packets without any rule being
//! looked at, so that shutting the gate would shut nothing. `quick` ends the evaluation, so that no
//! rule of anybody else decides about the port while it is guarded.
//!
//! pf asks no fragment for its port or flags (`pf_test_fragment`), so every rule of a port lets a
//! SYN in two fragments past. Hence [`SCRUB`]: pf puts fragments together and the rules see the
//! whole packet. The other way, a rule that drops the fragments of all but the peers, would drop
//! large DNS answers, VPNs' and NFS's packets from everybody else.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::firewall::{GateOwner, Peer};

/// How our anchors are called, before the number of the slot. The stock main ruleset of macOS
/// evaluates the direct children of `com.apple` in string order; `010` puts ours before Apple's
/// `200.AirDrop` and `250.ApplicationFirewall`. What pf logs holds 15 bytes of the last component:
/// with three digits, the whole of it.
const ANCHOR_PREFIX: &str = "com.apple/010.dlvgate.";

/// What the main ruleset must contain for our filter rules to be evaluated, as `pfctl -s rules`
/// prints it.
pub(super) const MAIN_ANCHOR: &str = "anchor \"com.apple/*\" all";

/// The same for [`SCRUB`].
pub(super) const MAIN_SCRUB_ANCHOR: &str = "scrub-anchor \"com.apple/*\" all";

/// The first rule of every gate, as it is written and as it is printed: fragments are put together
/// before any filter rule is looked at.
pub(super) const SCRUB: &str = "scrub in all fragment reassemble";

/// How many lines `pfctl -s rules` prints before a gate's filter rules: [`SCRUB`]. pf's log counts
/// the filter rules alone.
pub(in crate::firewall) const LINES_BEFORE_RULES: u32 = 1;

/// The table of a gate's anchor that holds the peers.
const PEERS: &str = "peers";

/// The anchor of a slot.
pub(in crate::firewall) fn anchor(slot: u16) -> String {
    format!("{ANCHOR_PREFIX}{slot:03}")
}

/// The slot whose anchor this is; `None` for every other anchor.
pub(in crate::firewall) fn slot_of(anchor: &str) -> Option<u16> {
    let number = anchor.strip_prefix(ANCHOR_PREFIX)?;
    let is_number = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| is_number)
}

/// The guard's process id and the port in the label of a gate's rule, as it is printed.
pub(super) fn gate_of(rule: &str) -> Option<(u32, u16)> {
    let (_, label) = rule.split_once(" label \"dlvgate:")?;
    let mut parts = label.split(['"', ':']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// What keeps pf's main ruleset, as it is printed, from evaluating our anchors; `None`: nothing.
/// The first scrub rule that takes a packet decides about it, so one that does not put fragments
/// together must not come before ours.
pub(super) fn missing_in_main(printed: &str) -> Option<String> {
    let mut lines = printed.lines().map(str::trim);
    if !printed.lines().any(|line| line.trim().starts_with(MAIN_ANCHOR)) {
        let line = "the main ruleset has no line `anchor \"com.apple/*\"`, so nothing evaluates them";
        return Some(line.to_owned());
    }
    let Some(before) = lines.find(|line| line.starts_with(MAIN_SCRUB_ANCHOR) || lets_fragments_past(line))
    else {
        return Some(
            "the main ruleset has no line `scrub-anchor \"com.apple/*\"`, so fragments would get past them"
                .to_owned(),
        );
    };
    lets_fragments_past(before).then(|| {
        format!("`{before}` comes before them in the main ruleset, so fragments would get past them")
    })
}

fn lets_fragments_past(line: &str) -> bool {
    let is_scrub = line.starts_with("scrub ") || line.starts_with("scrub-anchor ");
    line.starts_with("no scrub")
        || is_scrub && [" fragment crop", " fragment drop-ovl"].iter().any(|words| line.contains(words))
}

/// A gate's rules: what to load, and what must be read back.
pub(super) struct GateRuleset {
    table: Option<String>,
    rules: Vec<GateRule>,
}

/// Each has a label: pfctl's optimizer neither merges nor moves such a rule (pfctl_optimize.c).
struct GateRule {
    action: GateAction,
    before_port: String,
    port: u16,
    after_port: String,
}

/// What a rule does, and how it is written.
#[derive(Clone, Copy)]
enum GateAction {
    Pass,
    /// A reset.
    Return,
    /// An ICMP error. On its way out over lo0 a packet gets no reset: its checksum is not finished
    /// then, and pf makes none of it (`pf.c`). The error ends the connect of who sent it.
    ReturnIcmp,
}

impl GateAction {
    fn written(self) -> &'static str {
        match self {
            GateAction::Pass => "pass",
            GateAction::Return => "block return",
            GateAction::ReturnIcmp => "block return-icmp",
        }
    }

    fn printed(self) -> &'static str {
        match self {
            GateAction::ReturnIcmp => "block return-icmp(port-unr, port-unr)",
            other => other.written(),
        }
    }
}

impl GateRuleset {
    /// The peers pass in both directions, everybody else gets a reset. Where all peers are on
    /// loopback, the owner's uid decides: every local user comes from the same address. `at`: this
    /// machine's addresses at which the port is gated; none: all.
    pub(super) fn guarded(port: u16, peers: &[Peer], at: &[IpAddr], owner: GateOwner) -> GateRuleset {
        let (local, anywhere): (Vec<&Peer>, Vec<&Peer>) =
            peers.iter().partition(|peer| peer.interface().is_some());
        let is_loopback = !peers.is_empty() && peers.iter().all(Peer::is_loopback);
        let label = format!(" no state label \"dlvgate:{}:{port}\"", owner.pid);
        // A connection *from* the port gets past no other rules: its first packet has no ACK.
        let answers = format!(" flags A/A{label}");
        let rule = |action, before: String, after: String| GateRule {
            action,
            before_port: before,
            port,
            after_port: after,
        };
        let pass = |before: String, after: String| rule(GateAction::Pass, before, after);
        let mut rules = Vec::new();
        for GateAddress { family, own } in places(at) {
            let tcp = format!("{family}proto tcp from");
            if is_loopback {
                let user = format!(" user != {} label \"dlvgate:{}:{port}:user\"", owner.uid, owner.pid);
                let any = format!("out log quick on lo0 {tcp} any to {own}");
                rules.push(rule(GateAction::ReturnIcmp, any, user));
                rules.push(pass(format!("quick on lo0 {tcp} <peers> to {own}"), label.clone()));
                rules.push(pass(format!("quick on lo0 {tcp} {own}"), format!(" to <peers>{answers}")));
            } else if !anywhere.is_empty() {
                rules.push(pass(format!("in quick {tcp} <peers> to {own}"), label.clone()));
                rules.push(pass(format!("out quick {tcp} {own}"), format!(" to <peers>{answers}")));
            }
            for peer in local.iter().filter(|_| family != INET) {
                let (address, interface) = (written(peer), peer.interface().unwrap_or_default());
                let on = format!("quick on {interface} inet6 proto tcp from");
                rules.push(pass(format!("in {on} {address} to {own}"), label.clone()));
                rules.push(pass(format!("out {on} {own}"), format!(" to {address}{answers}")));
            }
        }
        rules.extend(denials(port, at, owner));
        let addresses: Vec<String> = anywhere.into_iter().map(written).collect();
        let table = (!addresses.is_empty())
            .then(|| format!("table <{PEERS}> persist {{ {} }}", addresses.join(", ")));
        GateRuleset { table, rules }
    }

    /// Everybody gets a reset.
    pub(super) fn shut(port: u16, at: &[IpAddr], owner: GateOwner) -> GateRuleset {
        GateRuleset { table: None, rules: denials(port, at, owner).collect() }
    }

    /// What `pfctl -f -` is fed: every line, the last too, ends with a newline (pf's grammar asks
    /// for it).
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        if let Some(table) = &self.table {
            let _ = writeln!(text, "{table}");
        }
        let _ = writeln!(text, "{SCRUB}");
        for GateRule { action, before_port, port, after_port } in &self.rules {
            let _ = writeln!(text, "{} {before_port} port {port}{after_port}", action.written());
        }
        text
    }

    /// Whether `printed`, the lines of `pfctl -a ANCHOR -s rules`, are these rules. `port N` comes
    /// back as `port = N`, or from another pfctl as `port = NAME`, where /etc/services has a name
    /// for it (`2345` is `dbm` on some systems); the labels hold the number all the same.
    pub(super) fn is(&self, printed: &[&str]) -> bool {
        let Some((&SCRUB, printed)) = printed.split_first() else { return false };
        printed.len() == self.rules.len() && self.rules.iter().zip(printed).all(|(rule, line)| rule.is(line))
    }
}

impl GateRule {
    fn is(&self, printed: &str) -> bool {
        let rest = || {
            let rest = printed.strip_prefix(self.action.printed())?.strip_prefix(' ')?;
            rest.strip_prefix(&self.before_port)?.strip_prefix(" port = ")
        };
        let Some(port) = rest().and_then(|rest| rest.strip_suffix(self.after_port.as_str())) else {
            return false;
        };
        let is_name = port.starts_with(|first: char| first.is_ascii_alphabetic()) && !port.contains(' ');
        port == self.port.to_string() || is_name
    }
}

/// Where a port is gated: the family, which pf prints before an address, and the address.
struct GateAddress {
    family: &'static str,
    own: String,
}

/// How a rule of IPv4 alone is written, up to its protocol.
const INET: &str = "inet ";

fn places(at: &[IpAddr]) -> Vec<GateAddress> {
    let place =
        |ip: &IpAddr| GateAddress { family: if ip.is_ipv4() { INET } else { "inet6 " }, own: ip.to_string() };
    if at.is_empty() {
        return vec![GateAddress { family: "", own: "any".to_owned() }];
    }
    at.iter().map(place).collect()
}

fn denials(port: u16, at: &[IpAddr], GateOwner { pid, .. }: GateOwner) -> impl Iterator<Item = GateRule> {
    places(at).into_iter().map(move |GateAddress { family, own }| GateRule {
        action: GateAction::Return,
        before_port: format!("in log quick {family}proto tcp from any to {own}"),
        port,
        after_port: format!(" label \"dlvgate:{pid}:{port}:deny\""),
    })
}

/// As pf takes it, and prints it: without the interface, which a rule names apart.
fn written(peer: &Peer) -> String {
    let net = peer.net();
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: GateOwner = GateOwner { pid: 4711, uid: 501 };

    fn text(peers: &[&str]) -> String {
        let peers: Vec<Peer> = peers.iter().map(|peer| peer.parse().unwrap()).collect();
        GateRuleset::guarded(2345, &peers, &[], OWNER).text()
    }

    const DENY: &str =
        "block return in log quick proto tcp from any to any port 2345 label \"dlvgate:4711:2345:deny\"\n";

    #[test]
    fn ruleset_passes_peers_and_blocks_the_rest() {
        assert_eq!(
            text(&["192.0.2.5", "::ffff:192.0.2.6", "2001:db8::/32"]),
            "table <peers> persist { 192.0.2.5, 192.0.2.6, 2001:db8::/32 }\n\
             scrub in all fragment reassemble\n\
             pass in quick proto tcp from <peers> to any port 2345 no state label \"dlvgate:4711:2345\"\n\
             pass out quick proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:4711:2345\"\n"
                .to_owned()
                + DENY
        );
        assert_eq!(text(&[]), format!("{SCRUB}\n{DENY}"), "no peers");
    }

    #[test]
    fn on_loopback_the_user_decides() {
        assert_eq!(
            text(&["127.0.0.1", "::1"]),
            "table <peers> persist { 127.0.0.1, ::1 }\n\
             scrub in all fragment reassemble\n\
             block return-icmp out log quick on lo0 proto tcp from any to any port 2345 user != 501 label \"dlvgate:4711:2345:user\"\n\
             pass quick on lo0 proto tcp from <peers> to any port 2345 no state label \"dlvgate:4711:2345\"\n\
             pass quick on lo0 proto tcp from any port 2345 to <peers> flags A/A no state label \"dlvgate:4711:2345\"\n"
                .to_owned()
                + DENY
        );
        assert!(!text(&["127.0.0.1", "192.0.2.5"]).contains("user"), "others have no user here");
    }

    #[test]
    fn a_link_local_peer_passes_on_its_interface_only() {
        assert_eq!(
            text(&["fe80::1%en0"]),
            "scrub in all fragment reassemble\n\
             pass in quick on en0 inet6 proto tcp from fe80::1 to any port 2345 no state label \"dlvgate:4711:2345\"\n\
             pass out quick on en0 inet6 proto tcp from any port 2345 to fe80::1 flags A/A no state label \"dlvgate:4711:2345\"\n"
                .to_owned()
                + DENY
        );
    }

    #[test]
    fn gate_of_addresses_is_for_those_alone() {
        let at = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        let text = |peer: &str| GateRuleset::guarded(2345, &[peer.parse().unwrap()], &at, OWNER).text();
        let deny = "block return in log quick inet proto tcp from any to 127.0.0.1 port 2345 label \"dlvgate:4711:2345:deny\"\n\
             block return in log quick inet6 proto tcp from any to ::1 port 2345 label \"dlvgate:4711:2345:deny\"\n";
        let of = |family: &str, own: &str| {
            format!(
                "block return-icmp out log quick on lo0 {family} proto tcp from any to {own} port 2345 user != 501 label \"dlvgate:4711:2345:user\"\n\
                 pass quick on lo0 {family} proto tcp from <peers> to {own} port 2345 no state label \"dlvgate:4711:2345\"\n\
                 pass quick on lo0 {family} proto tcp from {own} port 2345 to <peers> flags A/A no state label \"dlvgate:4711:2345\"\n"
            )
        };
        let rules = [of("inet", "127.0.0.1"), of("inet6", "::1")].concat();
        assert_eq!(
            text("127.0.0.1"),
            format!("table <peers> persist {{ 127.0.0.1 }}\n{SCRUB}\n{rules}{deny}")
        );
        assert_eq!(GateRuleset::shut(2345, &at, OWNER).text(), format!("{SCRUB}\n{deny}"));
        let local = text("fe80::1%en0");
        assert!(local.contains("in quick on en0 inet6 proto tcp from fe80::1 to ::1 port 2345"), "{local}");
        assert_eq!(local.matches("pass").count(), 2, "{local}");
        let printed = text("192.0.2.5").replace(" port 2345", " port = 2345");
        let printed: Vec<&str> = printed.lines().skip(1).collect();
        assert!(GateRuleset::guarded(2345, &["192.0.2.5".parse().unwrap()], &at, OWNER).is(&printed));
        assert!(!GateRuleset::guarded(2345, &["192.0.2.5".parse().unwrap()], &at[..1], OWNER).is(&printed));
    }

    #[test]
    fn a_shut_gate_is_scrub_and_the_block_rule() {
        assert_eq!(GateRuleset::shut(2345, &[], OWNER).text(), format!("{SCRUB}\n{DENY}"));
    }

    #[test]
    fn what_pfctl_prints_is_recognized_and_nothing_else() {
        let shut = GateRuleset::shut(2345, &[], OWNER);
        let printed = |port: &str, label: &str| {
            format!(
                "block return in log quick proto tcp from any to any port = {port} label \"dlvgate:{label}:deny\""
            )
        };
        let fine = printed("2345", "4711:2345");
        assert!(shut.is(&[SCRUB, &fine]));
        assert!(shut.is(&[SCRUB, &printed("dbm", "4711:2345")]), "a name from /etc/services");
        for other in [
            printed("2346", "4711:2345"),
            printed("2345", "4711:2346"),
            printed("2345", "4712:2345"),
            printed("23 45", "4711:2345"),
            String::new(),
        ] {
            assert!(!shut.is(&[SCRUB, &other]), "{other}");
        }
        assert!(!shut.is(&[]) && !shut.is(&[SCRUB]) && !shut.is(&[SCRUB, &fine, "pass all"]));
        assert!(!shut.is(&[&fine]) && !shut.is(&["scrub in all fragment crop", &fine]), "fragments pass");
    }

    #[test]
    fn icmp_answer_is_recognized_with_its_codes() {
        let printed = text(&["127.0.0.1"]).replace(" port 2345", " port = 2345");
        let lines = |icmp: &str| printed.replace("return-icmp", icmp);
        let is = |printed: &str| {
            let lines: Vec<&str> = printed.lines().skip(1).collect();
            GateRuleset::guarded(2345, &["127.0.0.1".parse().unwrap()], &[], OWNER).is(&lines)
        };
        assert!(is(&lines("return-icmp(port-unr, port-unr)")));
        assert!(!is(&lines("return-icmp")) && !is(&lines("return")));
    }

    #[test]
    fn every_slot_has_a_name_that_pfs_log_holds_whole() {
        for slot in [0, 7, 999] {
            let anchor = super::anchor(slot);
            assert_eq!(anchor.strip_prefix("com.apple/").unwrap().len(), 15, "{anchor}");
            assert_eq!(slot_of(&anchor), Some(slot));
        }
        for other in [
            "com.apple/250.ApplicationFirewall",
            "com.apple/010.dlvgate.1",
            "com.apple/010.dlvgate.0001",
            "com.apple/010.dlvgate.+01",
            "com.apple/010.dlvgate.4711.2345",
        ] {
            assert_eq!(slot_of(other), None, "{other}");
        }
    }

    #[test]
    fn main_ruleset_has_to_evaluate_rules_and_scrub() {
        let stock = "scrub-anchor \"com.apple/*\" all fragment reassemble\nanchor \"com.apple/*\" all\n";
        assert_eq!(missing_in_main(stock), None);
        assert_eq!(missing_in_main(&format!("scrub in on en0 all no-df fragment reassemble\n{stock}")), None);
        for (main, words) in [
            (stock.replace("anchor \"com.apple/*\" all\n", "pass all\n"), "no line `anchor"),
            ("anchor \"com.apple/*\" all\n".to_owned(), "no line `scrub-anchor"),
            (format!("no scrub in on en0 all\n{stock}"), "`no scrub in on en0 all` comes before"),
            (format!("scrub in all fragment crop\n{stock}"), "fragment crop` comes before"),
        ] {
            let missing = missing_in_main(&main).unwrap_or_default();
            assert!(missing.contains(words), "{main}: {missing}");
        }
    }

    #[test]
    fn gate_is_told_by_the_labels_of_its_rules() {
        for text in [text(&["127.0.0.1"]), text(&["fe80::1%en0"]), GateRuleset::shut(2345, &[], OWNER).text()]
        {
            let gates: Vec<_> = text.lines().filter_map(gate_of).collect();
            assert!(!gates.is_empty() && gates.iter().all(|gate| *gate == (4711, 2345)), "{text}");
        }
        for other in [SCRUB, "pass all label \"dlvgate:1\"", "pass all label \"other:1:2\"", ""] {
            assert_eq!(gate_of(other), None, "{other}");
        }
    }
}
