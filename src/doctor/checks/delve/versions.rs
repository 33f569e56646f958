//! Whether this dlv supports this Go.

use super::support::{Compatibility, fit};
use crate::doctor::context::Context;
use crate::doctor::facts::delves::{DelveFacts, Delves};
use crate::doctor::facts::go::Gos;
use crate::doctor::facts::go_version::GoVersion;
use crate::doctor::finding::{CheckGroup, Finding, Health, first_in_path, quoted_path};

/// From this version on Go writes DWARF 5, which a dlv reads only if it was itself built with such
/// a Go (Delve, `pkg/goversion/compat.go`).
const DWARF_5: GoVersion = GoVersion { major: 1, minor: 25 };

/// The first Delve that has `dlv dap` (Delve's CHANGELOG, 1.6.1).
const HAS_DAP: (u32, u32, u32) = (1, 6, 1);

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let delves = context.delves().await;
    let Ok(delve) = &delves.chosen else { return Vec::new() };
    let Some(version) = delve.version else { return Vec::new() };
    if version < HAS_DAP {
        let seen = format!("{} has no `dlv dap`", delve.name());
        let finding = Finding::new(CheckGroup::Delve, "versions", Health::Bad, seen)
            .why("editors speak DAP, which Delve serves since 1.6.1");
        return vec![other_or_newer(finding, delves, |other| {
            other.version.is_some_and(|version| version >= HAS_DAP)
        })];
    }
    let gos = context.gos().await;
    let Some(go) = gos.winner().and_then(|go| go.version) else { return Vec::new() };
    vec![fits(delve, delves, gos, go)]
}

/// Whether it can debug what this Go builds, as far as that is known.
pub(in crate::doctor) fn supports(delve: &DelveFacts, go: GoVersion) -> bool {
    let by_table = delve.version.is_some_and(|version| fit(version, go) == Compatibility::Good);
    by_table && !(go >= DWARF_5 && delve.built_with.is_some_and(|built| built < DWARF_5))
}

fn fits(delve: &DelveFacts, delves: &Delves, gos: &Gos, go: GoVersion) -> Finding {
    let (name, version) = (delve.name(), delve.version.unwrap_or_default());
    let bad =
        |seen: String, why: &str| Finding::new(CheckGroup::Delve, "versions", Health::Bad, seen).why(why);
    match fit(version, go) {
        Compatibility::Unknown => {
            let seen = format!("whether {name} supports Go {go} is not known to this dlvgate");
            Finding::new(CheckGroup::Delve, "versions", Health::Unknown, seen)
                .why("the table of versions that dlvgate has ends before; dlv says so itself when a program is launched")
        }
        Compatibility::DelveTooOld { greatest } => {
            let seen = format!("{name} supports Go up to 1.{greatest}, and the go in PATH is {go}");
            let why = "launching a program fails with `Version of Delve is too old for Go version`";
            other_or_newer(bad(seen, why), delves, |other| supports(other, go))
        }
        Compatibility::GoTooOld { least } => {
            let seen = format!("{name} supports Go from 1.{least} on, and the go in PATH is {go}");
            let why = "launching a program fails with `Go version … is too old for this version of Delve`";
            let finding = bad(seen, why);
            let newer = gos.0.iter().find(|other| other.version.is_some_and(|other| supports(delve, other)));
            match newer.and_then(|newer| newer.path.parent()) {
                Some(folder) => finding.remedy(first_in_path(folder)),
                None => other_or(
                    finding,
                    delves,
                    |other| supports(other, go),
                    |finding| {
                        finding.remedy("export DLVGATE_DLV=\"$(go env GOPATH)/bin/dlv\"").remedy(format!(
                            "go install github.com/go-delve/delve/cmd/dlv@{}",
                            latest_for(go).unwrap_or("latest")
                        ))
                    },
                ),
            }
        }
        Compatibility::Good if !supports(delve, go) => {
            let built = delve.built_with.map(|built| built.to_string()).unwrap_or_default();
            let seen = format!("{name} was built with Go {built}, and the go in PATH is {go}");
            let why = "Go 1.25 and later write DWARF 5: `To debug executables using DWARFv5 or later Delve must be built with Go \
                       version 1.25.0 or later`";
            other_or_newer(bad(seen, why), delves, |other| supports(other, go))
        }
        Compatibility::Good => {
            Finding::new(CheckGroup::Delve, "versions", Health::Good, format!("{name} supports Go {go}"))
        }
    }
}

/// The last release for a Go that newer ones do not support any more.
fn latest_for(go: GoVersion) -> Option<&'static str> {
    match go.minor {
        24 => Some("v1.26.3"),
        22 | 23 => Some("v1.25.2"),
        21 => Some("v1.25.0"),
        19 | 20 => Some("v1.22.1"),
        18 => Some("v1.21.0"),
        _ => None,
    }
}

fn other_or_newer(finding: Finding, delves: &Delves, is_fit: impl Fn(&DelveFacts) -> bool) -> Finding {
    other_or(finding, delves, is_fit, |finding| {
        finding
            .remedy("go install github.com/go-delve/delve/cmd/dlv@latest")
            .remedy("export DLVGATE_DLV=\"$(go env GOPATH)/bin/dlv\"")
    })
}

fn other_or(
    finding: Finding,
    delves: &Delves,
    is_fit: impl Fn(&DelveFacts) -> bool,
    otherwise: impl FnOnce(Finding) -> Finding,
) -> Finding {
    match delves.others.iter().find(|other| is_fit(other)) {
        Some(other) => finding.remedy(format!("export DLVGATE_DLV={}", quoted_path(&other.path))),
        None => otherwise(finding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recommended_for_an_old_go_supports_it() {
        for minor in 18..=24 {
            let go = GoVersion { major: 1, minor };
            let mut numbers = latest_for(go).unwrap()[1..].split('.').map(|number| number.parse().unwrap());
            let version = (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap());
            assert_eq!(fit(version, go), Compatibility::Good, "{minor}");
        }
    }
}
