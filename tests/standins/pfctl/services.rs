//! Names of well-known ports and protocols. pfctl takes both, and prints numbers, or names with
//! `-M`.

use std::collections::BTreeMap;

const WELL_KNOWN: [(&str, u16); 15] = [
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("tftp", 69),
    ("http", 80),
    ("pop3", 110),
    ("ntp", 123),
    ("imap", 143),
    ("https", 443),
    ("submission", 587),
    ("imaps", 993),
    ("pop3s", 995),
    ("mdns", 5353),
];

const PROTOCOLS: [&str; 9] = ["tcp", "udp", "icmp", "ipv6-icmp", "icmp6", "igmp", "esp", "ah", "gre"];

/// `/etc/services`, as far as a test needs it.
#[derive(Clone)]
pub struct Services {
    ports: BTreeMap<String, u16>,
    /// Whether ports are printed by their names.
    names: bool,
}

impl Services {
    /// The well-known ones and the lines of `more`, which has the form of `/etc/services`.
    pub fn new(more: &str) -> Self {
        let mut all: BTreeMap<String, u16> = WELL_KNOWN.iter().map(|(n, p)| ((*n).to_owned(), *p)).collect();
        for line in more.lines() {
            let mut fields = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some(port)) = (fields.next(), fields.next()) else { continue };
            if let Some(port) = port.split('/').next().and_then(|p| p.parse().ok()) {
                all.insert(name.to_owned(), port);
            }
        }
        Self { ports: all, names: false }
    }

    /// The same, and with `names` printed by their names.
    pub fn naming(&self, names: bool) -> Self {
        Self { names: names || self.names, ..self.clone() }
    }

    pub fn port(&self, name: &str) -> Option<u16> {
        self.ports.get(name).copied()
    }

    /// The name by which the port is printed.
    pub fn name(&self, port: u32) -> Option<&str> {
        let mut all = self.ports.iter().filter(|_| self.names);
        all.find(|(_, p)| u32::from(**p) == port).map(|(n, _)| n.as_str())
    }
}

/// The name that pfctl prints for a protocol.
pub fn protocol(name: &str) -> Option<String> {
    let name = match name {
        "icmp6" => "ipv6-icmp",
        "6" => "tcp",
        "17" => "udp",
        other => other,
    };
    PROTOCOLS.contains(&name).then(|| name.to_owned())
}
