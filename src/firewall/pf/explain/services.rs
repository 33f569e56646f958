//! Names of ports: pfctl prints `port = ssh` for 22, by the names of /etc/services.

use std::collections::HashMap;

/// The names of TCP ports.
#[derive(Debug, Default)]
pub struct Services(HashMap<String, u16>);

impl Services {
    /// Reads the form of services(5): `NAME PORT/PROTOCOL ALIAS…`, with comments from `#` on. Lines
    /// for other protocols, and such that cannot be read, are passed over.
    pub fn parse(text: &str) -> Services {
        let mut ports = HashMap::new();
        for line in text.lines() {
            let mut fields = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some(port)) = (fields.next(), fields.next()) else { continue };
            let Some(Ok(port)) = port.strip_suffix("/tcp").map(str::parse) else { continue };
            for name in fields.chain([name]) {
                ports.entry(name.to_owned()).or_insert(port);
            }
        }
        Services(ports)
    }

    /// The port of a number or a name.
    pub(super) fn port(&self, word: &str) -> Option<u32> {
        let number = word.parse::<u16>().ok().or_else(|| self.0.get(word).copied());
        number.map(u32::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_names_and_aliases_are_services() {
        let services = Services::parse("# no\nssh\t22/tcp  secsh # a shell\nodd x/tcp\nsyslog 514/udp\n");
        let ports = ["ssh", "secsh", "2345", "odd", "syslog", "70000"].map(|word| services.port(word));
        assert_eq!(ports, [Some(22), Some(22), Some(2345), None, None, None]);
    }
}
