//! The words on the command line for values of the parts, which do not know clap.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::firewall::explain::Direction;
use crate::firewall::persist::Platform;
use crate::firewall::{Backend, Choice};

impl ValueEnum for Backend {
    fn value_variants<'a>() -> &'a [Backend] {
        &[Backend::Pf, Backend::Nftables]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Backend::Pf => "macOS's",
            Backend::Nftables => "Linux's",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

impl ValueEnum for Choice {
    fn value_variants<'a>() -> &'a [Choice] {
        &[Choice::Auto, Choice::Pf, Choice::Nftables, Choice::Off]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Choice::Auto => (
                "auto",
                "The system's own where it filters anything and we may ask it, else off; the log says which and why",
            ),
            Choice::Pf => (
                "pf",
                "macOS's packet filter, through /sbin/pfctl; every port is guarded, and pf enabled for as long",
            ),
            Choice::Nftables => {
                ("nftables", "Linux's packet filter, through /usr/sbin/nft; every port is guarded")
            }
            Choice::Off => ("off", "No packet filter: the port stays as reachable as the system makes it"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ValueEnum for Direction {
    fn value_variants<'a>() -> &'a [Direction] {
        &[Direction::In, Direction::Out]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Direction::In => PossibleValue::new("in").help("The packet arrives here"),
            Direction::Out => PossibleValue::new("out").help("The packet leaves from here"),
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
