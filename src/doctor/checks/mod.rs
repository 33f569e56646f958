//! The checks: each looks at one thing, and says what it found.

mod delve;
mod go;
mod goland;
mod network;
mod permissions;
mod settings;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::context::Context;
use super::finding::{CheckGroup, Finding};

type Running = Pin<Box<dyn Future<Output = Vec<Finding>> + Send>>;

/// A check: its name, the group that it belongs to, and what looks.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) group: CheckGroup,
    pub(super) look: fn(Arc<Context>) -> Running,
}

macro_rules! checks {
    ($($group:ident $name:literal $look:path),+ $(,)?) => {
        /// In the order of causes: what comes first may be why the rest is as it is.
        pub(super) const CHECKS: &[Check] = &[$(Check {
            name: $name,
            group: CheckGroup::$group,
            look: |context| Box::pin(async move { $look(&context).await }),
        }),+];
    };
}

checks! {
    Go "Go" go::installed::check,
    Go "environment" go::environment::check,
    Go "module" go::module::check,
    Go "shells" go::shells::check,
    Delve "dlv" delve::installed::check,
    Delve "versions" delve::versions::check,
    Delve "settings" settings::check,
    Delve "dlv dap" delve::starts::check,
    Permissions "debugging" permissions::debugging::check,
    Permissions "folders" permissions::folders::check,
    Permissions "guard" permissions::guard::check,
    Network "loopback" network::loopback::check,
    Network "listener" network::listener::check,
    Network "leftovers" network::leftovers::check,
    Network "packet filter" network::filter::check,
    Network "pf" network::pf::check,
    Network "application firewall" network::application::check,
    Network "neighbours" network::neighbours::check,
    Network "route" network::route::check,
    Goland "GoLand" goland::check,
}
