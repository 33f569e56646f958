//! Why pf did not take, or does not hold, a gate.

use std::path::PathBuf;
use std::time::Duration;

/// A failure of pf. Each message says what failed and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PfError {
    /// `pfctl` could not be started.
    #[error("{} cannot be run ({said}); pf exists on macOS only: Linux has nftables", path.display())]
    NoPfctl {
        /// The program that was tried.
        path: PathBuf,
        /// What the system said.
        said: std::io::Error,
    },
    /// `/dev/pf` is for root only.
    #[error("pf refuses us ({said}); run dlvgate with sudo")]
    NotRoot {
        /// pfctl's own words.
        said: String,
    },
    /// `pfctl` failed or said something that it does not say when all is well.
    #[error("`pfctl {arguments}` failed ({status}): {said}; see `sudo pfctl {arguments}`")]
    Failed {
        /// The arguments.
        arguments: String,
        /// The exit status, in words.
        status: String,
        /// Its standard error without the usual noise.
        said: String,
    },
    /// `pfctl` gave no answer in time and was killed.
    #[error("`pfctl {arguments}` did not answer within {} s and was killed; another pfctl may hold /dev/pf: see `ps -ax | grep pfctl`", limit.as_secs())]
    Hangs {
        /// The arguments.
        arguments: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The rules are loaded, yet the filter does not look at them.
    #[error("pf holds the rules of {anchor} but {missing}; {remedy}")]
    NotEvaluated {
        /// Our anchor.
        anchor: String,
        /// What the read-back did not find.
        missing: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The anchor was flushed, yet it holds rules.
    #[error("pf still holds rules in {anchor} ({rules}); remove them with `sudo pfctl -a {anchor} -F rules`")]
    RulesLeft {
        /// Our anchor.
        anchor: String,
        /// The rules left in it.
        rules: String,
    },
    /// Every slot has rules, or another guard.
    #[error(
        "all {slots} anchors for gates are taken; `sudo dlvgate firewall status` says by which, and `sudo dlvgate firewall \
         sweep` empties those of guards that were killed"
    )]
    NoSlot {
        /// How many there are.
        slots: u16,
    },
    /// The file that says who holds a slot.
    #[error(
        "no anchor of pf can be taken, because its lock cannot be had: {said}; nothing is opened without it"
    )]
    NoSlotFile {
        /// What the system said.
        said: std::io::Error,
    },
    /// Another process has the lock of a slot that is to be emptied.
    #[error(
        "{anchor} is held by another process, a pfctl that does not end: see `ps -ax | grep pfctl`, and `sudo dlvgate \
         firewall sweep` again"
    )]
    SlotHeld {
        /// The slot's anchor.
        anchor: String,
    },
    /// The journal could not be written before the gate was opened.
    #[error("the journal cannot be written: {said}; nothing is opened without it")]
    NoJournal {
        /// What the system said.
        said: std::io::Error,
    },
}
