//! dlv's ready line. It is the only proof of readiness that costs nothing: a probe connection would spend
//! the one session that `dlv dap` serves.

use std::net::{Ipv4Addr, SocketAddr};

/// `DAP server listening at: 127.0.0.1:38697` (Delve, `cmd/dlv/cmds/commands.go`; `API server …` from a
/// headless one), with the address to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyLine {
    /// Where to dial: a wildcard address is replaced by its loopback.
    pub address: SocketAddr,
}

const PREFIXES: [&str; 2] = ["DAP server listening at: ", "API server listening at: "];

impl ReadyLine {
    /// Reads one line, without its end. `None` is any other line.
    pub fn parse(line: &str) -> Option<ReadyLine> {
        let address = PREFIXES.iter().find_map(|prefix| line.strip_prefix(prefix))?;
        let mut address: SocketAddr = address.trim_end().parse().ok()?;
        if address.ip().is_unspecified() {
            // dlv prints `[::]` for a listener on both families; 127.0.0.1 reaches it even without IPv6.
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Some(ReadyLine { address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(line: &str) -> Option<String> {
        ReadyLine::parse(line).map(|ready| ready.address.to_string())
    }

    #[test]
    fn both_servers_announce_themselves() {
        assert_eq!(address("DAP server listening at: 127.0.0.1:38697").as_deref(), Some("127.0.0.1:38697"));
        assert_eq!(address("API server listening at: 127.0.0.1:38697\r").as_deref(), Some("127.0.0.1:38697"));
    }

    #[test]
    fn a_wildcard_is_dialled_on_loopback() {
        assert_eq!(address("DAP server listening at: [::]:4711").as_deref(), Some("127.0.0.1:4711"));
        assert_eq!(address("DAP server listening at: 0.0.0.0:4711").as_deref(), Some("127.0.0.1:4711"));
        assert_eq!(address("DAP server listening at: [::1]:4711").as_deref(), Some("[::1]:4711"));
    }

    #[test]
    fn anything_else_is_no_ready_line() {
        for line in [
            "",
            "DAP server listening at: ",
            "DAP server listening at: x:1",
            " DAP server listening at: [::]:1",
        ] {
            assert_eq!(address(line), None, "{line:?}");
        }
    }
}
