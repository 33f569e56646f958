//! Where a shared dlv comes from, and what follows from that.

use std::net::SocketAddr;

use super::lifecycle::Lifecycle;
use crate::delve::{Launcher, Serves, Streams};

/// Where it comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// It is started.
    Launch(Box<Launcher>),
    /// A headless one that listens already, at this address. Whether it takes several clients is
    /// its own affair.
    Running(SocketAddr),
}

impl Source {
    pub(super) fn serves(&self) -> Option<Serves> {
        match self {
            Source::Launch(launcher) => launcher.argv.serves(),
            Source::Running(_) => Some(Serves::Both),
        }
    }

    pub(super) fn launcher(&self) -> Option<&Launcher> {
        match self {
            Source::Launch(launcher) => Some(launcher),
            Source::Running(_) => None,
        }
    }

    pub(super) fn is_in_place(&self) -> bool {
        matches!(self, Source::Launch(launcher) if matches!(launcher.streams, Streams::InPlace(_)))
    }

    pub(super) fn serves_one_alone(&self) -> bool {
        matches!(self, Source::Launch(launcher) if !launcher.argv.multiclient())
    }

    pub(super) fn lifecycle(&self) -> Lifecycle {
        match self {
            Source::Launch(launcher) if launcher.is_on_a_port() => Lifecycle::of_a_server(),
            Source::Launch(_) => Lifecycle::of_a_server().on_no_port(),
            Source::Running(address) => Lifecycle::of_a_running_server(address.ip().is_loopback()),
        }
    }
}
