//! `--allow`: an address or a network.

use std::net::IpAddr;

use crate::front::IpNet;

/// Reads `192.0.2.5` or `192.0.2.0/24`; a bare address is a network of one.
pub(super) fn parse(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    text.parse::<IpNet>().map(|network| network.trunc()).map_err(|_| {
        format!("`{text}` is no address and no network; write 192.0.2.5, 192.0.2.0/24 or 2001:db8::/32")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_taken() {
        for (text, network) in [
            ("192.0.2.5", "192.0.2.5/32"),
            ("192.0.2.5/24", "192.0.2.0/24"),
            ("::1", "::1/128"),
            ("::ffff:192.0.2.5", "192.0.2.5/32"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), network);
        }
        assert!(parse("laptop").unwrap_err().contains("192.0.2.0/24"));
    }
}
