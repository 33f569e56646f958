//! What a check has found.

use serde::Serialize;

pub(super) use crate::shell::{append, first_in_path, last_in_path, quoted, quoted_path};

/// The parts of a machine as a person thinks of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckGroup {
    /// The compiler and its environment.
    Go,
    /// The debugger.
    Delve,
    /// Permissions to debug and to write.
    Permissions,
    /// The listening program, and the way to it.
    Network,
    /// The IDE.
    Goland,
}

impl CheckGroup {
    /// As a heading.
    pub fn name(self) -> &'static str {
        match self {
            CheckGroup::Go => "Go",
            CheckGroup::Delve => "Delve",
            CheckGroup::Permissions => "Permissions",
            CheckGroup::Network => "Network",
            CheckGroup::Goland => "GoLand",
        }
    }
}

/// How it stands, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Good,
    /// Worth knowing, and neither good nor bad.
    Note,
    /// The check could not find out.
    Unknown,
    /// It may be in the way.
    Warning,
    /// It is in the way.
    Bad,
}

impl Health {
    /// One character.
    pub fn sign(self) -> char {
        match self {
            Health::Good => '✓',
            Health::Note => '·',
            Health::Unknown => '?',
            Health::Warning => '!',
            Health::Bad => '✗',
        }
    }
}

/// A command that fixes the problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// For a shell, as it is.
    pub command: String,
    /// What takes it back; only with this does `--fix` run the command.
    pub undo: Option<String>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where it belongs.
    pub group: CheckGroup,
    /// The check's name for programs: `GROUP.NAME`.
    pub id: String,
    /// How it stands.
    pub state: Health,
    /// What the check saw.
    pub seen: String,
    /// Why it matters; empty where all is well.
    pub why: String,
    /// The commands that fix it, in this order.
    pub remedies: Vec<Remedy>,
}

impl Finding {
    pub(super) fn new(group: CheckGroup, name: &str, state: Health, seen: impl Into<String>) -> Finding {
        let id = format!("{}.{name}", group.name().to_lowercase());
        Finding { group, id, state, seen: seen.into(), why: String::new(), remedies: Vec::new() }
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Finding {
        self.why = why.into();
        self
    }

    /// Adds a command that is for a person to run.
    pub(super) fn remedy(mut self, command: impl Into<String>) -> Finding {
        self.remedies.push(Remedy { command: command.into(), undo: None });
        self
    }

    /// Adds a command that another one takes back.
    pub(super) fn undoable_remedy(mut self, command: impl Into<String>, undo: impl Into<String>) -> Finding {
        self.remedies.push(Remedy { command: command.into(), undo: Some(undo.into()) });
        self
    }

    /// Adds commands.
    pub(super) fn undoable_remedies(mut self, remedies: impl IntoIterator<Item = Remedy>) -> Finding {
        self.remedies.extend(remedies);
        self
    }
}

/// Returns the finding to fix first: the worst, and of several the one that may cause the others.
/// `None` if all is well.
pub fn first(findings: &[Finding]) -> Option<&Finding> {
    let worst = findings.iter().map(|finding| finding.state).max()?;
    findings.iter().find(|finding| finding.state == worst && worst >= Health::Warning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_the_worst_and_of_those_the_cause() {
        let finding = |name, state| Finding::new(CheckGroup::Go, name, state, "");
        let all = [finding("a", Health::Warning), finding("b", Health::Bad), finding("c", Health::Bad)];
        assert_eq!(first(&all).unwrap().id, "go.b");
        assert_eq!(first(&all[..1]).unwrap().id, "go.a");
        assert_eq!(first(&[finding("u", Health::Unknown), finding("n", Health::Note)]), None);
    }
}
