//! Checks what can keep a client from dlv on this machine. The checks run side by side; each says
//! what it saw, why it matters, and the command that fixes it.
//!
//! A check changes nothing. What it cannot find out it reports as unknown; it never counts as
//! good.

mod checks;
mod context;
mod facts;
mod finding;
pub mod reach;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use checks::{CHECKS, Check};
pub use context::{Context, DoctorQuestion, WrongSettings};
#[cfg(test)]
pub use finding::CheckGroup;
pub use finding::{Finding, Health, Remedy, first};

/// How long one check may take. What it waits for is then said to be unknown.
pub const LIMIT: Duration = Duration::from_secs(3);

/// The names of the checks, in their order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Runs every check, all at once. `progress` gets the name of each that has ended.
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
    let unknown = |check: &Check| vec![unanswered(check)];
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
        let is_bad = |finding: &Finding| finding.state == Health::Bad && finding.id == cause;
        if !findings.iter().any(is_bad) {
            continue;
        }
        for finding in
            findings.iter_mut().filter(|finding| finding.id == consequence && finding.state == Health::Bad)
        {
            finding.state = Health::Unknown;
            finding.why = format!("this may be a consequence of {cause}");
            finding.remedies.clear();
        }
    }
    findings
}

fn unanswered(check: &Check) -> Finding {
    let seen = format!("the check \"{}\" had no answer within {} s", check.name, LIMIT.as_secs());
    let why = "its result is unknown: a program that it runs hangs, or the machine is very busy";
    Finding::new(check.group, "unanswered", Health::Unknown, seen).why(why)
}
