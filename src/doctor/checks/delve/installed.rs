//! Which dlv there is, and whether it runs here.

use crate::doctor::context::{Context, path};
use crate::doctor::facts::delves::DelveFacts;
use crate::doctor::facts::files::{architectures, is_program};
use crate::doctor::facts::tool;
use crate::doctor::finding::{CheckGroup, Finding, Health, quoted_path};

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    let delves = context.delves().await;
    let mut found = match &delves.chosen {
        Err(why) => vec![missing(context, why)],
        Ok(delve) => vec![runs(context, delve).await],
    };
    if !delves.others.is_empty() {
        let list: Vec<String> = delves
            .others
            .iter()
            .map(|delve| format!("{} in {}", delve.name(), delve.path.display()))
            .collect();
        let seen =
            format!("there are others: {}; --dlv or DLVGATE_DLV names the one to take", list.join(", "));
        found.push(Finding::new(CheckGroup::Delve, "others", Health::Note, seen));
    }
    found
}

fn missing(context: &Context, why: &str) -> Finding {
    let idle =
        path().into_iter().map(|folder| folder.join("dlv")).find(|path| path.is_file() && !is_program(path));
    if let Some(path) = idle {
        let name = quoted_path(&path);
        return Finding::new(
            CheckGroup::Delve,
            "found",
            Health::Bad,
            format!("{name} exists and is not executable"),
        )
        .why("a file that is not executable is skipped, so no dlv is found")
        .undoable_remedy(format!("chmod +x {name}"), format!("chmod -x {name}"));
    }
    Finding::new(CheckGroup::Delve, "found", Health::Bad, why)
        .why("dlvgate starts dlv for each session: without it nothing can be debugged")
        .remedy(context.install("delve", "delve", "delve"))
}

async fn runs(context: &Context, delve: &DelveFacts) -> Finding {
    let place = delve.path.display();
    let processor = processor(context).await;
    let made_for = architectures(&delve.path);
    let bad = |name, seen: String, why: &str| {
        another(context, Finding::new(CheckGroup::Delve, name, Health::Bad, seen).why(why))
    };
    if !made_for.is_empty() && !made_for.contains(&processor) {
        let seen = format!("{place} is made for {}, and this machine is {processor}", made_for.join(" and "));
        let why = if context.is_mac() {
            "Rosetta translates it, and what it would debug; macOS lets no translated program debug: dlv says `can not run under \
             Rosetta`"
        } else {
            "the system cannot run it: `exec format error`"
        };
        return bad("processor", seen, why);
    }
    match &delve.failed {
        Some(why) => {
            bad("runs", format!("{place} does not say its version: {why}"), "it is damaged, or it is not dlv")
        }
        None => {
            let built = delve.built_with.map_or_else(String::new, |go| format!(", built with Go {go}"));
            Finding::new(
                CheckGroup::Delve,
                "found",
                Health::Good,
                format!("{} in {place}{built}", delve.name()),
            )
        }
    }
}

/// Suggests another dlv in place of one that does not work, or a reinstallation.
pub(super) fn another(context: &Context, finding: Finding) -> Finding {
    let works = |other: &&DelveFacts| other.version.is_some();
    match context.delves.get().and_then(|delves| delves.others.iter().find(works)) {
        Some(other) => finding.remedy(format!("export DLVGATE_DLV={}", quoted_path(&other.path))),
        None => finding.remedy(reinstall(context)),
    }
}

fn reinstall(context: &Context) -> String {
    match context.install("delve", "delve", "delve").strip_suffix(" install -y delve") {
        Some(before) if before.ends_with("apt-get") => format!("{before} install -y --reinstall delve"),
        Some(before) => format!("{before} reinstall -y delve"),
        None => "brew reinstall delve".to_owned(),
    }
}

/// This machine's processor, also where dlvgate itself is translated.
async fn processor(context: &Context) -> &'static str {
    if context.is_mac() {
        let said = tool::ask("/usr/sbin/sysctl", &["-n", "hw.optional.arm64"]).await;
        return if said.is_ok_and(|said| said.stdout.trim() == "1") { "arm64" } else { "x86_64" };
    }
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}
