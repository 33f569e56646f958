//! The parser of a printed rule.
//!
//! Lines come normalized, as pfctl's `print_rule` writes them: lists are expanded and the parts
//! stand in one order. An unknown part is kept as such, and the parts before it still count: a rule
//! that surely does not match by them does not match.

use super::address::{Host, net};
use super::compare::comparison;
use super::rule::{AnchorCall, Flags, Interface, PfRule, PrintedLine, RuleAction, RuleSide};
use super::services::Services;
use super::words::{Word, Words};
use crate::firewall::explain::PacketDirection;

/// First words of the rules of other lists.
const OTHER_LISTS: [&str; 7] =
    ["nat", "nat-anchor", "rdr", "rdr-anchor", "binat", "binat-anchor", "dummynet-anchor"];

/// Reads one line of `pfctl -s rules`.
pub(super) fn line(text: &str, services: &Services) -> PrintedLine {
    let text = text.trim();
    let words = &mut Words::new(text);
    let action = match words.bare() {
        Some("pass") => RuleAction::Pass,
        Some("block") => {
            block_policy(words);
            RuleAction::Block
        }
        Some("anchor") => anchor(words),
        Some("scrub") => {
            return PrintedLine::Scrub(Box::new(scrub(text, RuleAction::Scrub(true), words, services)));
        }
        Some("scrub-anchor") => {
            let action = anchor(words);
            return PrintedLine::Scrub(Box::new(scrub(text, action, words, services)));
        }
        Some("no") if words.take("scrub") => {
            return PrintedLine::Scrub(Box::new(scrub(text, RuleAction::Scrub(false), words, services)));
        }
        Some("dummynet") => return PrintedLine::Other,
        Some("no") if ["nat", "rdr", "binat"].iter().any(|word| words.take(word)) => {
            return PrintedLine::Other;
        }
        Some(word) if OTHER_LISTS.contains(&word) => return PrintedLine::Other,
        _ => RuleAction::Unknown,
    };
    let mut rule = PfRule::new(text, action);
    if rule.action == RuleAction::Unknown {
        rule.unknown.push(text.to_owned());
        return PrintedLine::Rule(Box::new(rule));
    }
    before_addresses(words, &mut rule);
    addresses(words, &mut rule, services);
    while option(words, &mut rule) {}
    if !words.rest().is_empty() {
        rule.unknown.push(words.rest().to_owned());
    }
    PrintedLine::Rule(Box::new(rule))
}

/// The rest of a scrub rule. `-s rules` prints them before the filter's. What else it does to a
/// packet has no say.
fn scrub(text: &str, action: RuleAction, words: &mut Words<'_>, services: &Services) -> PfRule {
    let mut rule = PfRule::new(text, action);
    before_addresses(words, &mut rule);
    addresses(words, &mut rule, services);
    let options = words.rest();
    if rule.action == RuleAction::Scrub(true) {
        let are_apart = ["fragment crop", "fragment drop-ovl"].iter().any(|words| options.contains(words));
        rule.action = RuleAction::Scrub(!are_apart);
    }
    rule
}

/// `drop`, `return`, `return-rst(ttl 5)`, `return-icmp(host-unr, …)`: the packet is blocked all the
/// same.
fn block_policy(words: &mut Words<'_>) {
    let Some(Word::Bare(policy)) = words.peek() else { return };
    if policy != "drop" && !policy.starts_with("return") {
        return;
    }
    let mut word = words.bare();
    if policy.contains('(') {
        while word.is_some_and(|word| !word.ends_with(')')) {
            word = words.bare();
        }
    }
    words.group();
}

/// An anchor without a name holds its rules in braces; these are not read.
fn anchor(words: &mut Words<'_>) -> RuleAction {
    let Some(Word::Quoted(written)) = words.peek() else { return RuleAction::Unknown };
    words.name();
    RuleAction::Anchor(AnchorCall(written.to_owned()))
}

fn before_addresses(words: &mut Words<'_>, rule: &mut PfRule) {
    if words.take("in") {
        rule.direction = Some(PacketDirection::In);
    } else if words.take("out") {
        rule.direction = Some(PacketDirection::Out);
    }
    if words.take("log") {
        words.group();
    }
    rule.quick = words.take("quick");
    if words.take("on") {
        let mut negated = words.take("!");
        if let Some(name) = words.name() {
            let bare = name.strip_prefix('!').unwrap_or(name);
            negated |= bare.len() < name.len();
            rule.interface = Some(Interface { negated, name: bare.to_owned() });
        }
    }
    for detour in ["route-to", "reply-to", "dup-to"] {
        if words.take(detour) {
            let gateway = words.group().unwrap_or_default();
            // The others are about replies and copies, not about this packet.
            if detour == "route-to" {
                rule.unknown.push(format!("route-to ({gateway})"));
            }
        }
    }
    if words.take("inet") {
        rule.is_ipv4 = Some(true);
    } else if words.take("inet6") {
        rule.is_ipv4 = Some(false);
    }
    if words.take("proto") {
        rule.protocol = words.bare().map(str::to_owned);
    }
}

fn addresses(words: &mut Words<'_>, rule: &mut PfRule, services: &Services) {
    if words.take("all") {
        return;
    }
    if words.take("from") {
        rule.from = side(words, services);
    }
    if words.take("to") {
        rule.to = side(words, services);
    }
}

fn side(words: &mut Words<'_>, services: &Services) -> RuleSide {
    let negated = words.take("!");
    let host = host(words);
    let port = words.take("port").then(|| comparison(words, |word| services.port(word)));
    RuleSide { negated, host, port }
}

fn host(words: &mut Words<'_>) -> Host {
    let before = words.rest();
    let mut host = match words.bare() {
        Some("any") => Some(Host::Any),
        Some(word) => match word.strip_prefix('<').and_then(|word| word.strip_suffix('>')) {
            Some(table) => Some(Host::Table(table.to_owned())),
            None => net(word).map(Host::Net),
        },
        None => {
            words.group(); // (en0): the interface's address
            None
        }
    };
    // A range or a mask that is not a prefix.
    if words.take("-") || words.take("&") {
        words.bare();
        host = None;
    }
    host.unwrap_or_else(|| Host::Unknown(before[..before.len() - words.rest().len()].trim().to_owned()))
}

/// Takes one option that is understood. Those without a say in whether a SYN matches are passed
/// over.
fn option(words: &mut Words<'_>, rule: &mut PfRule) -> bool {
    let before = words.rest();
    match words.peek() {
        Some(Word::Bare("user")) => {
            words.bare();
            rule.user = Some(comparison(words, |word| match word {
                "unknown" => Some(u32::MAX), // UID_MAX: no socket
                number => number.parse().ok(),
            }));
        }
        Some(Word::Bare("flags")) => {
            words.bare();
            match words.bare().map(|flags| flags.split_once('/').ok_or(flags)) {
                Some(Ok((set, mask))) => {
                    rule.flags = Some(Flags { set: set.to_owned(), mask: mask.to_owned() });
                }
                Some(Err("any")) => {}
                _ => rule.unknown.push(taken(before, words)),
            }
        }
        Some(Word::Bare("keep" | "modulate" | "no")) => {
            words.bare();
            if !words.take("state") {
                rule.unknown.push(taken(before, words));
            }
            // A limit may be reached: then the rule drops what it would pass.
            if words.group().is_some_and(|options| options.contains("max") || options.contains("overload")) {
                rule.unknown.push(taken(before, words));
            }
        }
        Some(Word::Bare("label" | "tag" | "rtable")) => {
            words.bare();
            words.name();
        }
        Some(Word::Bare("allow-opts")) => {
            words.bare();
        }
        Some(Word::Bare("fragment")) => {
            words.bare();
            rule.fragment = true;
        }
        _ => return false,
    }
    true
}

fn taken(before: &str, words: &Words<'_>) -> String {
    before[..before.len() - words.rest().len()].trim().to_owned()
}

#[cfg(test)]
mod tests;
