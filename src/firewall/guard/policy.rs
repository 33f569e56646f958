//! What root lets a user open: ranges of ports, and networks that may pass; from a file of root's.
//! No I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::state_machine::SYSTEM_PORTS;
use crate::firewall::Peer;

/// Where the file is. `dlvgate firewall install` writes it, and every folder on the way is root's
/// alone to write.
pub const POLICY: &str = "/etc/dlvgate/policy.toml";

/// First line of the file.
const HEAD: &str = "# Written by `dlvgate firewall install`; `dlvgate firewall uninstall` removes it.\n";

/// Bits of the widest public network that passes where root names none: one site's, as registries
/// give them out. A wider one is a part of the Internet, which a user opens only with root's word.
const WIDEST_V4: u8 = 16;
const WIDEST_V6: u8 = 48;

/// Ports from one to another, both included; none of the system's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// The limits of one user. A missing limit is that of all users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// The ports; `None`: all but the system's own.
    #[serde(default)]
    pub ports: Option<Vec<PortRange>>,
    /// Each peer must be within one of these; `None`: any private network, and public ones that are
    /// no wider than a site's.
    #[serde(default)]
    pub peers: Option<Vec<Peer>>,
}

/// The limits of each user, by name. A user without an entry has those of all users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// By the user's name.
    #[serde(default)]
    pub users: BTreeMap<String, Allowance>,
}

impl PortRange {
    fn contains(self, port: u16) -> bool {
        (self.first..=self.last).contains(&port)
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<PortRange, String> {
        let port = |text: &str| {
            text.parse::<u16>().map_err(|_| format!("`{text}` is not a port; write 30000-30099, or one port"))
        };
        let (first, last) = match text.split_once('-') {
            Some((first, last)) => (port(first)?, port(last)?),
            None => (port(text)?, port(text)?),
        };
        if first < SYSTEM_PORTS {
            return Err(format!(
                "ports below {SYSTEM_PORTS} are the system's: a range begins at {SYSTEM_PORTS}"
            ));
        }
        if first > last {
            return Err(format!("the range {first}-{last} runs backwards; did you mean {last}-{first}?"));
        }
        Ok(PortRange { first, last })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl TryFrom<String> for PortRange {
    type Error = String;

    fn try_from(text: String) -> Result<PortRange, String> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> String {
        range.to_string()
    }
}

impl Allowance {
    /// Whether a gate may be opened at this port.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn allows_port(&self, port: u16, user: &str) -> Result<(), String> {
        match &self.ports {
            Some(ranges) if !ranges.iter().any(|range| range.contains(port)) => Err(format!(
                "port {port} is not one of those that root lets {user} open ({}; see {POLICY}): use one of these, for dlv's port by \
                 --dlv-port A-B; or `sudo dlvgate firewall install --user {user} --ports {port}` allows it",
                self.ports_in_words()
            )),
            _ => Ok(()),
        }
    }

    /// Whether this peer may pass. This machine's own processes may always: on loopback only the
    /// user's own pass.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn allows_peer(&self, peer: &Peer, user: &str) -> Result<(), String> {
        if peer.is_loopback() {
            return Ok(());
        }
        let install = format!("`sudo dlvgate firewall install --user {user} --peers {peer}` allows it");
        match &self.peers {
            Some(wide) if !wide.iter().any(|wide| is_within(peer, wide)) => Err(format!(
                "{peer} is not within the networks for which root lets {user} open ports ({}; see {POLICY}): name others with \
                 --allow, or {install}",
                self.peers_in_words()
            )),
            None if !is_narrow(peer.net()) => Err(format!(
                "{peer} is wider than a site's network (/{WIDEST_V4}, of IPv6 /{WIDEST_V6}), for which root's word is needed: name \
                 narrower networks with --allow, or {install}"
            )),
            _ => Ok(()),
        }
    }

    /// Whether these peers may pass together: neighbours are one wider network.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn allows_peers(&self, peers: &[Peer], user: &str) -> Result<(), String> {
        peers.iter().try_for_each(|peer| self.allows_peer(peer, user))?;
        let nets: Vec<IpNet> = peers.iter().filter(|peer| !peer.is_loopback()).map(Peer::net).collect();
        match IpNet::aggregate(&nets).into_iter().find(|net| !is_narrow(*net)) {
            Some(wide) if self.peers.is_none() => Err(format!(
                "these peers are {wide} together, wider than a site's network (/{WIDEST_V4}, of IPv6 /{WIDEST_V6}), for which root's \
                 word is needed: name fewer with --allow, or `sudo dlvgate firewall install --user {user} --peers {wide}` allows it"
            )),
            _ => Ok(()),
        }
    }

    /// The ports, for people.
    pub fn ports_in_words(&self) -> String {
        match &self.ports {
            None => format!("{SYSTEM_PORTS}-65535"),
            Some(ranges) => listed(ranges),
        }
    }

    /// The networks, for people.
    pub fn peers_in_words(&self) -> String {
        match &self.peers {
            None => format!("private networks, public ones up to /{WIDEST_V4} (IPv6: /{WIDEST_V6})"),
            Some(peers) => listed(peers),
        }
    }
}

impl Policies {
    /// Reads the file's text. A key that is not known makes all of it worth nothing.
    ///
    /// # Errors
    /// The problem.
    pub fn parse(text: &str) -> Result<Policies, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    /// What this user may open.
    pub fn of(&self, user: &str) -> Allowance {
        self.users.get(user).cloned().unwrap_or_default()
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let list = |key: &str, values: Option<Vec<String>>| {
            let values =
                values.map(|values| values.iter().map(|value| format!("\"{value}\"")).collect::<Vec<_>>());
            values.map_or_else(String::new, |values| format!("{key} = [{}]\n", values.join(", ")))
        };
        let strings = |ranges: &Vec<PortRange>| ranges.iter().map(ToString::to_string).collect();
        let users = self.users.iter().map(|(user, Allowance { ports, peers })| {
            let peers = peers.as_ref().map(|peers| peers.iter().map(ToString::to_string).collect());
            // Names, ports and addresses: no character of theirs means anything in a string.
            format!(
                "\n[users.\"{user}\"]\n{}{}",
                list("ports", ports.as_ref().map(strings)),
                list("peers", peers)
            )
        });
        HEAD.to_owned() + &users.collect::<String>()
    }
}

/// Whether every address of one peer is the other's too.
fn is_within(peer: &Peer, wide: &Peer) -> bool {
    let same_interface = wide.interface().is_none() || wide.interface() == peer.interface();
    same_interface && wide.net().contains(&peer.net())
}

/// Private networks of any width, and public ones of a site's.
fn is_narrow(net: IpNet) -> bool {
    match net {
        IpNet::V4(net) => {
            net.prefix_len() >= WIDEST_V4 || PRIVATE_V4.iter().any(|private| private.contains(&net))
        }
        IpNet::V6(net) => {
            net.prefix_len() >= WIDEST_V6 || PRIVATE_V6.iter().any(|private| private.contains(&net))
        }
    }
}

/// RFC 1918, RFC 6598 (carriers' and VPNs' own), RFC 3927.
const PRIVATE_V4: [Ipv4Net; 5] = [
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(169, 254, 0, 0), 16),
];

/// RFC 4193, RFC 4291.
const PRIVATE_V6: [Ipv6Net; 2] = [
    Ipv6Net::new_assert(std::net::Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    Ipv6Net::new_assert(std::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
];

fn listed(all: &[impl ToString]) -> String {
    match all {
        [] => "none".to_owned(),
        all => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowance(text: &str) -> Allowance {
        Policies::parse(&format!("[users.alice]\n{text}")).unwrap().of("alice")
    }

    fn peer(text: &str) -> Peer {
        text.parse().unwrap()
    }

    #[test]
    fn policy_text_is_read_back_as_it_was() {
        let ports = Some(vec!["30000-30099".parse().unwrap(), "2345".parse().unwrap()]);
        let peers = Some(vec![peer("192.0.2.0/24"), peer("fe80::%en0/64")]);
        let alice = Allowance { ports, peers };
        let users = [("alice".to_owned(), alice), ("bob.b".to_owned(), Allowance::default())];
        let policies = Policies { users: users.into() };
        assert_eq!(Policies::parse(&policies.text()), Ok(policies.clone()), "{}", policies.text());
        assert!(policies.text().contains("ports = [\"30000-30099\", \"2345\"]\n"), "{}", policies.text());
    }

    #[test]
    fn policy_with_anything_unknown_is_refused_whole() {
        for text in [
            "[users.alice]\nport = [\"30000\"]",
            "[users.alice]\nports = [\"30000-29999\"]",
            "[users.alice]\nports = [\"22\"]",
            "[users.alice]\nports = [30000]",
            "[users.alice]\nports = \"30000\"",
            "[users.alice]\npeers = [\"laptop\"]",
            "[users.alice]\npeers = [\"192.0.2.1\"]\npeers = [\"0.0.0.0/0\"]",
            "[groups.staff]\nports = [\"30000\"]",
            "mode = \"open\"",
            "[users.alice",
        ] {
            assert!(Policies::parse(text).is_err(), "{text}");
        }
        assert_eq!(Policies::parse(""), Ok(Policies::default()));
    }

    #[test]
    fn port_outside_the_ranges_is_refused_with_remedy() {
        let some = allowance("ports = [\"30000-30099\", \"2345\"]");
        for port in [30000, 30050, 30099, 2345] {
            assert_eq!(some.allows_port(port, "alice"), Ok(()), "{port}");
        }
        for port in [29999, 30100, 2344, 2346, 65535] {
            let why = some.allows_port(port, "alice").unwrap_err();
            assert!(why.contains("30000-30099, 2345") && why.contains("--user alice --ports"), "{why}");
        }
        assert!(allowance("ports = []").allows_port(30000, "alice").is_err());
        assert_eq!(Allowance::default().allows_port(1024, "alice"), Ok(()));
    }

    #[test]
    fn peer_outside_the_networks_is_refused_with_remedy() {
        let some = allowance("peers = [\"192.0.2.0/24\", \"fe80::%en0/10\", \"2001:db8::/32\"]");
        for inside in [
            "192.0.2.0/24",
            "192.0.2.77",
            "fe80::7%en0",
            "2001:db8:1::/48",
            "127.0.0.1",
            "::1",
            "127.0.0.0/8",
        ] {
            assert_eq!(some.allows_peer(&peer(inside), "alice"), Ok(()), "{inside}");
        }
        for outside in
            ["192.0.2.0/23", "192.0.3.1", "0.0.0.0/0", "::/0", "fe80::7%en1", "10.0.0.1", "2001:db8::/31"]
        {
            let why = some.allows_peer(&peer(outside), "alice").unwrap_err();
            assert!(why.contains("192.0.2.0/24") && why.contains("--peers"), "{why}");
        }
        assert_eq!(allowance("peers = [\"0.0.0.0/0\"]").allows_peer(&peer("0.0.0.0/0"), "alice"), Ok(()));
    }

    #[test]
    fn neighbours_are_judged_as_the_network_they_are() {
        let all: Vec<Peer> = (0..64).map(|second| peer(&format!("8.{second}.0.0/16"))).collect();
        let why = Allowance::default().allows_peers(&all, "alice").unwrap_err();
        assert!(why.contains("8.0.0.0/10 together"), "{why}");
        assert_eq!(Allowance::default().allows_peers(&all[..1], "alice"), Ok(()));
        assert_eq!(allowance("peers = [\"8.0.0.0/8\"]").allows_peers(&all, "alice"), Ok(()));
        let loopback = [peer("127.0.0.0/8"), peer("::1")];
        assert_eq!(Allowance::default().allows_peers(&loopback, "alice"), Ok(()));
    }

    #[test]
    fn public_network_wider_than_a_site_needs_root() {
        let usual = Allowance::default();
        let narrow = [
            "198.51.100.7",
            "198.51.0.0/16",
            "10.0.0.0/8",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "100.64.0.0/10",
            "2001:db8:1::/48",
            "fd00::/8",
            "fc00::/7",
            "fe80::%en0/10",
            "127.0.0.0/8",
        ];
        for peer_ in narrow {
            assert_eq!(usual.allows_peer(&peer(peer_), "alice"), Ok(()), "{peer_}");
        }
        for wide in [
            "0.0.0.0/0",
            "128.0.0.0/1",
            "198.50.0.0/15",
            "10.0.0.0/7",
            "::/0",
            "2000::/3",
            "2001:db8::/47",
            "fc00::/6",
        ] {
            let why = usual.allows_peer(&peer(wide), "alice").unwrap_err();
            assert!(
                why.contains("wider") && why.contains(&format!("--user alice --peers {}", peer(wide))),
                "{why}"
            );
        }
    }
}
