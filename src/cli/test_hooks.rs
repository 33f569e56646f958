//! Hidden flags, with which a test puts programs and folders of its own in the place of the
//! system's.

use std::path::PathBuf;

use clap::Args;

use crate::firewall::guard::journal::{FOLDER, Journals};
use crate::firewall::{FirewallBackend, Parts, Programs};

/// What a test replaces.
#[derive(Clone, Debug, Args)]
pub(super) struct TestHookArgs {
    /// The system's packet filter
    #[arg(long, value_enum, default_value_t = FirewallBackend::NATIVE, hide = true)]
    pub(super) backend: FirewallBackend,
    /// The pfctl to run
    #[arg(long, value_name = "PATH", hide = true)]
    pub(super) pfctl: Option<PathBuf>,
    /// The nft to run
    #[arg(long, value_name = "PATH", hide = true)]
    pub(super) nft: Option<PathBuf>,
    /// The folder of the guards' journals
    #[arg(long, value_name = "DIR", hide = true)]
    pub(super) journals: Option<PathBuf>,
}

impl TestHookArgs {
    pub(super) fn programs(&self) -> Programs {
        Programs { pfctl: self.pfctl.clone(), nft: self.nft.clone() }
    }

    pub(super) fn journals(&self) -> Journals {
        Journals::new(self.journals.clone().unwrap_or_else(|| FOLDER.into()))
    }

    pub(super) fn parts(&self) -> Parts {
        let (programs, journals) = (self.programs(), self.journals.clone());
        Parts { native: self.backend, programs, journals, ..Parts::default() }
    }
}
