//! Addresses of rules and tables.

use std::net::IpAddr;

use ipnet::IpNet;

/// The host of a rule's side.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Host {
    Any,
    Net(IpNet),
    Table(String),
    /// `(en0)`, `no-route`, `10.0.0.1 - 10.0.0.9` and the like, as printed.
    Unknown(String),
}

/// A table's entries, each with whether it is negated.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct AddressTable {
    entries: Vec<(bool, IpNet)>,
    /// Lines that are no address.
    unknown: Vec<String>,
}

impl AddressTable {
    /// Reads what `pfctl -t NAME -T show` prints: an address or a network a line, with `!` before a
    /// negated one.
    pub(super) fn parse(listing: &str) -> AddressTable {
        let mut table = AddressTable::default();
        for line in listing.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (negated, address) = match line.strip_prefix('!') {
                Some(address) => (true, address.trim_start()),
                None => (false, line),
            };
            match net(address) {
                Some(net) => table.entries.push((negated, net)),
                None => table.unknown.push(line.to_owned()),
            }
        }
        table
    }

    /// Whether the table holds the address: the longest prefix decides, and a negated entry decides
    /// against it (`pfr_match_addr`, a radix tree's lookup). `Err`: with an entry that cannot be
    /// read.
    pub(super) fn holds(&self, address: IpAddr) -> Result<bool, &str> {
        if let Some(line) = self.unknown.first() {
            return Err(line);
        }
        let around = self.entries.iter().filter(|(_, net)| net.contains(&address));
        Ok(around.max_by_key(|(_, net)| net.prefix_len()).is_some_and(|(negated, _)| !negated))
    }

    /// Whether the table holds nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unknown.is_empty()
    }
}

/// An address or a network as pfctl prints it. An interface after `%` is left aside: pfctl prints
/// `on IFACE` besides.
pub(super) fn net(text: &str) -> Option<IpNet> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.split('%').next()?.parse().ok()?;
    let prefix = match prefix {
        Some(prefix) => prefix.parse().ok()?,
        None if address.is_ipv4() => 32,
        None => 128,
    };
    IpNet::new(address, prefix).ok().map(|net| net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(listing: &str, address: &str) -> Result<bool, String> {
        AddressTable::parse(listing).holds(address.parse().unwrap()).map_err(str::to_owned)
    }

    #[test]
    fn the_longest_prefix_of_a_table_decides() {
        let listing = "   10.0.0.0/8\n  !10.1.0.0/16\n   10.1.2.3\n   2001:db8::/32\n";
        assert_eq!(holds(listing, "10.9.9.9"), Ok(true));
        assert_eq!(holds(listing, "10.1.9.9"), Ok(false));
        assert_eq!(holds(listing, "10.1.2.3"), Ok(true));
        assert_eq!(holds(listing, "2001:db8::1"), Ok(true));
        assert_eq!(holds(listing, "192.0.2.1"), Ok(false));
        assert_eq!(holds("", "192.0.2.1"), Ok(false));
    }

    #[test]
    fn non_address_entry_makes_the_table_unknown() {
        assert_eq!(holds("   10.0.0.1\n   en0:network\n", "10.0.0.1"), Err("en0:network".to_owned()));
    }
}
