//! No packet filter: the reasons why there is none.

use std::fmt;

use super::backend::FirewallBackend;

/// Why no port is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disabled {
    /// `--firewall off`.
    Chosen,
    /// dlv listens on a Unix socket, and the front on loopback.
    NoPort,
    /// `auto`, and this packet filter lets everything pass.
    NothingToGetPast(FirewallBackend),
    /// `auto` on Linux, without the privilege to ask.
    NoPrivilege,
    /// `auto` on macOS, without the privilege to ask whether pf is enabled.
    Unknown,
    /// `auto` on a system whose packet filter is not driven, or not installed.
    NoneThere,
}

impl fmt::Display for Disabled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Disabled::Chosen => "off, as chosen: no port is guarded",
            Disabled::NoPort => "not needed: dlv listens on a Unix socket that only you can open, so there is no port to guard",
            Disabled::NothingToGetPast(FirewallBackend::Pf) => {
                "off: pf is not enabled, so nothing stands in the way; no port is guarded (--firewall pf guards it)"
            }
            Disabled::NothingToGetPast(FirewallBackend::Nftables) => {
                "off: no chain of nftables could drop anything, so nothing stands in the way; no port is guarded \
                 (--firewall nftables guards it)"
            }
            Disabled::NoPrivilege => {
                "off: only root may see or change nftables; no port is guarded (`sudo dlvgate firewall install` lets \
                 dlvgate do it)"
            }
            Disabled::Unknown => {
                "off: only root may see whether pf is enabled, so it was not asked; no port is guarded. If a client cannot \
                 connect, `sudo dlvgate firewall install` lets dlvgate ask and guard"
            }
            Disabled::NoneThere => "off: this system has no packet filter that dlvgate drives; no port is guarded",
        })
    }
}
