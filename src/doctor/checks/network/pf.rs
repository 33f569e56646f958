//! pf as a whole: whether its files parse, whether our anchors are evaluated, and what wins before
//! them.

use std::fs;

use crate::doctor::context::{Context, sudo};
use crate::doctor::facts::files::edit;
use crate::doctor::facts::tool::{self, Said};
use crate::doctor::finding::{CheckGroup, Finding, Health};
use crate::firewall::FirewallBackend;
use crate::firewall::pf::PFCTL;

const CONF: &str = "/etc/pf.conf";

/// What evaluates the anchors of dlvgate's gates, as pfctl prints it.
const EVALUATES: &str = "anchor \"com.apple/*\"";

/// What puts fragments together for them.
const SCRUBS: &str = "scrub-anchor \"com.apple/*\"";

/// Loading the system's file would take away what another program has loaded, and open what that
/// blocks.
const ANOTHERS: &str = "a VPN, a script or a person has loaded another ruleset, which is theirs to change; the system's own, \
                        /etc/pf.conf, comes back at the next boot";

pub(in crate::doctor) async fn check(context: &Context) -> Vec<Finding> {
    if context.question.backend != FirewallBackend::Pf {
        return Vec::new();
    }
    let pfctl = context.question.programs.pfctl.clone().unwrap_or_else(|| PFCTL.into());
    let conf = fs::read_to_string(CONF).unwrap_or_default();
    let mut found = vec![parses(tool::ask(&pfctl, &["-n", "-f", CONF]).await)];
    found.extend(unreferenced(&conf));
    let (info, rules) = tokio::join!(tool::ask(&pfctl, &["-s", "info"]), tool::ask(&pfctl, &["-s", "rules"]));
    match (info, rules) {
        (Ok(info), Ok(rules)) if info.success && rules.success => {
            found.push(status(
                &info.stdout,
                tool::ask(&pfctl, &["-s", "References"]).await.unwrap_or_default(),
            ));
            found.push(main_ruleset(&rules.stdout));
            found.extend(skipped(tool::ask(&pfctl, &["-v", "-s", "Interfaces"]).await.unwrap_or_default()));
        }
        _ => found
            .push(finding(Health::Unknown, "only root can see whether pf is on, and its rules".to_owned())),
    }
    found
}

fn finding(state: Health, seen: String) -> Finding {
    Finding::new(CheckGroup::Network, "pf", state, seen)
}

fn parses(said: Result<Said, tool::Silent>) -> Finding {
    match said {
        Ok(said) if said.success => finding(Health::Good, format!("{CONF} is well-formed")),
        Ok(said) => {
            let words = said.stderr.lines().find(|line| line.contains("error"));
            let words = words.unwrap_or_default().to_owned();
            let finding = finding(Health::Bad, format!("{CONF} is not well-formed: {words}"))
                .why("macOS loads it at each boot, and pf then holds nothing of it; a missing newline at the end does that too");
            match wrong_line(&words) {
                Some(number) => {
                    finding.undoable_remedies([edit(sudo(), CONF, &format!("{number}s/^/# /"), number)])
                }
                None => finding.remedy(format!("{}pfctl -n -f {CONF}", sudo())),
            }
        }
        Err(why) => finding(Health::Unknown, format!("pfctl does not check {CONF}: {why}")),
    }
}

/// `/etc/pf.conf:12: syntax error`.
fn wrong_line(words: &str) -> Option<u32> {
    words.split_once(&format!("{CONF}:"))?.1.split(':').next()?.parse().ok()
}

/// `load anchor "x" from …` loads rules that nothing evaluates, unless an `anchor "x"` line says
/// where.
fn unreferenced(conf: &str) -> Option<Finding> {
    let lines = || conf.lines().map(str::trim).enumerate().filter(|(_, line)| !line.starts_with('#'));
    let name = |line: &str, word: &str| {
        let rest = line.strip_prefix(word)?.trim_start();
        let rest = rest.trim_start_matches('"');
        Some(rest.split(['"', ' ', '\t']).next()?.to_owned())
    };
    let evaluated: Vec<String> = lines().filter_map(|(_, line)| name(line, "anchor ")).collect();
    let covers = |loaded: &str| {
        evaluated.iter().any(|name| {
            name == loaded
                || name.strip_suffix("/*").is_some_and(|parent| {
                    loaded == parent || loaded.rsplit_once('/').is_some_and(|(above, _)| above == parent)
                })
        })
    };
    let (number, loaded) = lines()
        .filter_map(|(number, line)| Some((number + 1, name(line, "load anchor ")?)))
        .find(|(_, loaded)| !covers(loaded))?;
    Some(
        finding(Health::Warning, format!("{CONF}:{number} loads the anchor \"{loaded}\", and nothing evaluates it"))
            .why(
                "its rules have no effect: a widespread recipe leaves out the line `anchor \"…\"`. dlvgate needs no line in this \
                 file: it opens the port for as long as a session lasts",
            )
            .undoable_remedies([edit(sudo(), CONF, &format!("{number}s/^/# /"), number)]),
    )
}

/// Enable tokens are the rows that begin with the number of a process.
fn status(info: &str, references: Said) -> Finding {
    let on = info.lines().any(|line| line.trim_start().starts_with("Status: Enabled"));
    let is_token =
        |line: &&str| line.split_whitespace().next().is_some_and(|word| word.parse::<u32>().is_ok());
    let tokens = references.stdout.lines().filter(is_token).count();
    finding(
        Health::Good,
        match (on, tokens) {
            (false, _) => "pf is off: it blocks nothing".to_owned(),
            (true, 0) => "pf is on, by `pfctl -e`: no program holds an enable token".to_owned(),
            (true, tokens) => format!("pf is on, held by {tokens} enable token(s)"),
        },
    )
}

fn main_ruleset(rules: &str) -> Finding {
    let (loaded, rules) = (rules, format!("{}pfctl -s rules", sudo()));
    let lines: Vec<&str> = loaded.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let Some(place) = lines.iter().position(|line| line.starts_with(EVALUATES)) else {
        return finding(Health::Bad, format!("the main ruleset of pf has no `{EVALUATES}`"))
            .why(format!("rules of Apple's and of dlvgate's gates are loaded and not evaluated: {ANOTHERS}"))
            .remedy(rules);
    };
    if !lines.iter().any(|line| line.starts_with(SCRUBS)) {
        return finding(Health::Bad, format!("the main ruleset of pf has no `{SCRUBS}`"))
            .why(format!("IP fragments would get past dlvgate's gates, so none is opened: {ANOTHERS}"))
            .remedy(rules);
    }
    let wins = lines[..place].iter().find(|line| line.contains(" quick ") && line.starts_with("block"));
    match wins {
        Some(rule) => finding(Health::Bad, format!("a rule with quick comes before every anchor: {rule}"))
            .why(format!("what it matches is blocked before a gate of dlvgate's is looked at: {ANOTHERS}"))
            .remedy(rules),
        None => finding(Health::Good, "the anchors of dlvgate's gates are evaluated".to_owned()),
    }
}

/// `lo0 (skip)` in `pfctl -v -s Interfaces`.
fn skipped(said: Said) -> Option<Finding> {
    let line = said.stdout.lines().find(|line| line.starts_with("lo0") && line.contains("(skip)"))?;
    Some(finding(
        Health::Note,
        format!(
            "pf looks at nothing on lo0 (`set skip`, {}): it keeps no other user's program here from dlv's port",
            line.trim()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_anchor_needs_a_line_that_evaluates_it() {
        let stock = "anchor \"com.apple/*\"\nload anchor \"com.apple\" from \"/etc/pf.anchors/com.apple\"\n";
        assert!(unreferenced(stock).is_none());
        let blog = format!("{stock}load anchor \"delve\" from \"/etc/pf.anchors/delve\"\n");
        assert!(unreferenced(&blog).unwrap().seen.starts_with("/etc/pf.conf:3"));
        assert!(unreferenced(&format!("{blog}anchor \"delve\"\n")).is_none());
        assert!(unreferenced("# load anchor \"x\" from \"y\"\n").is_none());
    }

    #[test]
    fn the_wrong_line_is_the_one_that_pfctl_names() {
        assert_eq!(wrong_line("/etc/pf.conf:12: syntax error"), Some(12));
        assert_eq!(wrong_line("pfctl: something else"), None);
    }
}
