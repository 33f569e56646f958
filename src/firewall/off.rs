//! No packet filter: the reasons why there is none.

use std::fmt;

use super::backend::Backend;

/// Why no port is guarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// `--firewall off`.
    Chosen,
    /// dlv listens on a Unix socket, and the front on loopback.
    NoPort,
    /// `auto`, and this packet filter lets everything pass.
    NothingToGetPast(Backend),
    /// `auto` on Linux, without the privilege to ask.
    NoPrivilege,
    /// `auto` on macOS, without the privilege to ask whether pf is enabled.
    Unknown,
    /// `auto` on a system whose packet filter is not driven, or not installed.
    NoneThere,
}

impl fmt::Display for Off {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Off::Chosen => "off, as chosen: no port is guarded",
            Off::NoPort => "not needed: dlv listens on a Unix socket that only you can open, so there is no port to guard",
            Off::NothingToGetPast(Backend::Pf) => {
                "off: pf is not enabled, so nothing stands in the way; no port is guarded (--firewall pf guards it)"
            }
            Off::NothingToGetPast(Backend::Nftables) => {
                "off: no chain of nftables could drop anything, so nothing stands in the way; no port is guarded \
                 (--firewall nftables guards it)"
            }
            Off::NoPrivilege => {
                "off: only root may see or change nftables; no port is guarded (`sudo dlvgate firewall install` lets \
                 dlvgate do it)"
            }
            Off::Unknown => {
                "off: only root may see whether pf is enabled, so it was not asked; no port is guarded. If a client cannot \
                 connect, `sudo dlvgate firewall install` lets dlvgate ask and guard"
            }
            Off::NoneThere => "off: this system has no packet filter that dlvgate drives; no port is guarded",
        })
    }
}
