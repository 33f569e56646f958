//! The words on the command line for values of the parts, which do not know clap.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::firewall::explain::PacketDirection;
use crate::firewall::persist::Platform;
use crate::firewall::{FirewallBackend, FirewallMode};

impl ValueEnum for FirewallBackend {
    fn value_variants<'a>() -> &'a [FirewallBackend] {
        &[FirewallBackend::Pf, FirewallBackend::Nftables]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            FirewallBackend::Pf => "macOS's",
            FirewallBackend::Nftables => "Linux's",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for FirewallMode {
    fn value_variants<'a>() -> &'a [FirewallMode] {
        &[FirewallMode::Auto, FirewallMode::Pf, FirewallMode::Nftables, FirewallMode::Off]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            FirewallMode::Auto => (
                "auto",
                "The system's own where it filters anything and we may ask it, else off; the log says which and why",
            ),
            FirewallMode::Pf => (
                "pf",
                "macOS's packet filter, through /sbin/pfctl; every port is guarded, and pf enabled for as long",
            ),
            FirewallMode::Nftables => {
                ("nftables", "Linux's packet filter, through /usr/sbin/nft; every port is guarded")
            }
            FirewallMode::Off => {
                ("off", "No packet filter: the port stays as reachable as the system makes it")
            }
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for PacketDirection {
    fn value_variants<'a>() -> &'a [PacketDirection] {
        &[PacketDirection::In, PacketDirection::Out]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            PacketDirection::In => PossibleValue::new("in").help("The packet arrives here"),
            PacketDirection::Out => PossibleValue::new("out").help("The packet leaves from here"),
        })
    }
}

impl ValueEnum for Platform {
    fn value_variants<'a>() -> &'a [Platform] {
        &[Platform::Macos, Platform::Linux]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Platform::Macos => PossibleValue::new("macos").help("launchd, pf"),
            Platform::Linux => PossibleValue::new("linux").help("systemd, nftables"),
        })
    }
}
