//! What `--firewall` asks for, and what comes of it when the server starts.

use super::backend::{FirewallBackend, Programs};
use super::disabled::Disabled;
use super::error::FirewallError;
use super::gate::Firewall;
use super::guard::GuardError;
use super::guard::client::{GuardClient, Start};
use super::guard::wire::{Leftover, Purpose};

/// What `--firewall` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirewallMode {
    /// The system's own where it filters anything and we may ask it, else off; the log says which
    /// and why.
    #[default]
    Auto,
    /// macOS's packet filter, through /sbin/pfctl; every port is guarded, and pf enabled for as
    /// long.
    Pf,
    /// Linux's packet filter, through /usr/sbin/nft; every port is guarded.
    Nftables,
    /// No packet filter: the port stays as reachable as the system makes it.
    Off,
}

/// The parts of a [`Start`] that do not follow from the choice.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The packet filter that `auto` takes.
    pub native: FirewallBackend,
    /// See [`Start::programs`].
    pub programs: Programs,
    /// See [`Start::journals`].
    pub journals: Option<std::path::PathBuf>,
    /// See [`Start::program`].
    pub program: Option<std::path::PathBuf>,
    /// See [`Start::purpose`].
    pub purpose: Purpose,
    /// See [`Start::as_root`].
    pub as_root: bool,
}

impl Default for Parts {
    /// The system's own, for debugging sessions.
    fn default() -> Parts {
        let (programs, purpose) = (Programs::default(), Purpose::default());
        Parts {
            native: FirewallBackend::NATIVE,
            programs,
            journals: None,
            program: None,
            purpose,
            as_root: false,
        }
    }
}

impl Firewall {
    /// Settles the choice, starts the guard if there is to be one, and checks that it can work. So
    /// errors come, and sudo asks for a password, when the server starts and not while a client
    /// waits.
    ///
    /// `is_reachable`: the front can be reached from other machines. An unknown answer is then an
    /// error.
    ///
    /// # Errors
    /// If a packet filter is to be used, by choice or because it filters, and cannot be.
    pub async fn prepare(
        choice: FirewallMode,
        parts: Parts,
        is_reachable: bool,
    ) -> Result<Firewall, FirewallError> {
        let native = parts.native;
        let start = |backend, may_ask| {
            let Parts { programs, journals, program, purpose, as_root, .. } = parts;
            Start { backend, programs, journals, program, purpose, may_ask, as_root }
        };
        let backend = match choice {
            FirewallMode::Off => return Ok(Firewall::off(Disabled::Chosen)),
            FirewallMode::Auto => return automatic(start(native, false), is_reachable).await,
            FirewallMode::Pf => FirewallBackend::Pf,
            FirewallMode::Nftables => FirewallBackend::Nftables,
        };
        let (guard, greeting) = GuardClient::start(&start(backend, true)).await?;
        report(&greeting.found);
        match greeting.failed {
            Some(said) => Err(GuardError::Failed { said }.into()),
            None => Ok(Firewall::guarded(backend, guard)),
        }
    }
}

async fn automatic(start: Start, is_reachable: bool) -> Result<Firewall, FirewallError> {
    let unasked = |why: Option<GuardError>| match (start.backend, why) {
        // With other machines concerned, an unknown answer is an error.
        (FirewallBackend::Pf, why) if is_reachable => Err(why.unwrap_or(GuardError::NoHelper).into()),
        (FirewallBackend::Pf, _) => Ok(Firewall::off(Disabled::Unknown)),
        (FirewallBackend::Nftables, _) => Ok(Firewall::off(Disabled::NoPrivilege)),
    };
    if !cfg!(any(target_os = "macos", target_os = "linux")) {
        return Ok(Firewall::off(Disabled::NoneThere));
    }
    if !start.is_within_reach() {
        return unasked(None);
    }
    let (guard, greeting) = match GuardClient::start(&start).await {
        Ok(started) => started,
        Err(why) => {
            tracing::info!(target: "dlvgate::firewall", "{why}");
            return unasked(Some(why));
        }
    };
    report(&greeting.found);
    match (greeting.filtering, greeting.failed) {
        (Some(false), _) => {
            guard.end().await?;
            Ok(Firewall::off(Disabled::NothingToGetPast(start.backend)))
        }
        (Some(true), None) => Ok(Firewall::guarded(start.backend, guard)),
        // It filters, and gates would not work: going on would be guessing.
        (Some(true), Some(said)) => Err(GuardError::Failed { said }.into()),
        (None, said) => {
            let said = said.unwrap_or_else(|| "the packet filter does not say what it does".to_owned());
            tracing::info!(target: "dlvgate::firewall", "{said}");
            unasked(Some(GuardError::Failed { said }))
        }
    }
}

/// Has a guard close what others have left, and ends it. Returns what was found, and why gates
/// would not work.
///
/// # Errors
/// If no guard can be had.
pub async fn sweep(
    backend: FirewallBackend,
    parts: Parts,
) -> Result<(Vec<Leftover>, Option<String>), FirewallError> {
    let Parts { programs, journals, program, .. } = parts;
    let (purpose, may_ask, as_root) = (Purpose::Sweep, true, false);
    let start = Start { backend, programs, journals, program, purpose, may_ask, as_root };
    let (guard, greeting) = GuardClient::start(&start).await?;
    // One that cannot work has ended with an exit code of its own.
    if let (Err(error), None) = (guard.end().await, &greeting.failed) {
        return Err(error.into());
    }
    Ok((greeting.found, greeting.failed))
}

fn report(found: &[Leftover]) {
    for Leftover { text, is_left } in found {
        if *is_left {
            tracing::warn!(target: "dlvgate::firewall", "{text}");
        } else {
            tracing::info!(target: "dlvgate::firewall", "{text}");
        }
    }
}
