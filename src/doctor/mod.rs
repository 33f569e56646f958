//! Checks what can keep a client from dlv on this machine. The checks run side by side; each says
//! what it saw, why it matters, and the command that fixes it.
//!
//! A check looks and changes nothing. What it cannot tell it calls unknown; nothing unknown passes
//! for good.

mod context;
mod delve;
mod files;
mod finding;
mod go;
mod goland;
mod network;
mod permissions;
mod process;
pub mod reach;
mod settings;
mod tool;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

pub use context::{Context, Question, WrongSettings};
pub use finding::{Finding, Group, Remedy, State, first};

/// How long one check may take. What it waits for is then said to be unknown.
pub const LIMIT: Duration = Duration::from_secs(3);

type Running = Pin<Box<dyn Future<Output = Vec<Finding>> + Send>>;

/// A check: its name, the group that it belongs to, and what looks.
struct Check {
    name: &'static str,
    group: Group,
    look: fn(Arc<Context>) -> Running,
}

macro_rules! checks {
    ($($group:ident $name:literal $look:path),+ $(,)?) => {
        /// In the order of causes: what comes first may be why the rest is as it is.
        const CHECKS: &[Check] = &[$(Check {
            name: $name,
            group: Group::$group,
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

/// The names of the checks, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Runs every check, all at once. `progress` is told the name of each that has ended.
pub async fn examine(context: Context, progress: impl Fn(&'static str)) -> Vec<Finding> {
    let context = Arc::new(context);
    let mut running = JoinSet::new();
    for (place, check) in CHECKS.iter().enumerate() {
        let looking = (check.look)(Arc::clone(&context));
        running.spawn(async move { (place, tokio::time::timeout(LIMIT, looking).await) });
    }
    let mut all: Vec<Option<Vec<Finding>>> = CHECKS.iter().map(|_| None).collect();
    while let Some(ended) = running.join_next().await {
        if let Ok((place, Ok(found))) = ended {
            progress(CHECKS[place].name);
            all[place] = Some(found);
        }
    }
    let unknown = |check: &Check| vec![check.without_an_answer()];
    let findings = CHECKS.iter().zip(all).flat_map(|(check, found)| found.unwrap_or_else(|| unknown(check)));
    without_consequences(findings.collect())
}

/// Causes and their consequences.
const CONSEQUENCES: [(&str, &str); 3] = [
    ("network.loopback", "delve.starts"),
    ("network.pf", "network.filter"),
    ("permissions.folders", "delve.starts"),
];

/// Marks a finding that may be the consequence of another as unknown.
fn without_consequences(mut findings: Vec<Finding>) -> Vec<Finding> {
    for (cause, consequence) in CONSEQUENCES {
        let is_bad = |finding: &Finding| finding.state == State::Bad && finding.id == cause;
        if !findings.iter().any(is_bad) {
            continue;
        }
        for finding in
            findings.iter_mut().filter(|finding| finding.id == consequence && finding.state == State::Bad)
        {
            finding.state = State::Unknown;
            finding.why = format!("this may be a consequence of {cause}");
            finding.remedies.clear();
        }
    }
    findings
}

impl Check {
    fn without_an_answer(&self) -> Finding {
        let seen = format!("the check \"{}\" had no answer within {} s", self.name, LIMIT.as_secs());
        let why = "what it would have told is not known; a program that it asked hangs, or the machine is very busy";
        Finding::new(self.group, "unanswered", State::Unknown, seen).why(why)
    }
}
