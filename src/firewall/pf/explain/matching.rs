//! Whether a rule matches a packet: yes, no, or unknown.

use std::net::IpAddr;

use super::address::Host;
use super::compare::Test;
use super::loaded::LoadedPf;
use super::rule::{Flags, PfRule, RuleSide};
use crate::firewall::explain::{PacketQuery, Tristate};

/// The ports that a client's connection may come from where the question does not say.
const CLIENT_PORTS: (u32, u32) = (1024, 65535);

/// pf's UID_MAX: of a packet without a socket.
const NO_USER: u32 = u32::MAX;

/// How pf's filter sees the packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sight {
    Whole,
    /// A fragment by itself.
    Fragment,
}

/// Whether this rule of the anchor `path` matches.
pub(super) fn fit(
    rule: &PfRule,
    path: &str,
    loaded: &LoadedPf,
    question: &PacketQuery,
    sight: Sight,
) -> Tristate {
    match sight {
        Sight::Whole => fit_of_whole(rule, path, loaded, question),
        Sight::Fragment => fit_of_fragment(rule, path, loaded, question),
    }
}

/// A scrub rule: interface, direction, family and addresses; the protocol of IPv4 packets only.
pub(super) fn fit_of_scrub(rule: &PfRule, path: &str, loaded: &LoadedPf, question: &PacketQuery) -> Tristate {
    is_its_way(rule, question)
        .and(|| (question.from.is_ipv6() || is_of_tcp(rule)).into())
        .and(|| interface(rule, question))
        .and(|| address(&rule.from, Some(question.from), path, loaded, question))
        .and(|| address(&rule.to, question.to, path, loaded, question))
}

/// `pf_test_fragment`: a rule that asks for a port or a flag of TCP is passed over, and a user is
/// not asked for.
fn fit_of_fragment(rule: &PfRule, path: &str, loaded: &LoadedPf, question: &PacketQuery) -> Tristate {
    let asks_for_tcp = rule.from.port.is_some() || rule.to.port.is_some() || rule.flags.is_some();
    is_its_way(rule, question)
        .and(|| is_of_tcp(rule).into())
        .and(|| (!asks_for_tcp).into())
        .and(|| interface(rule, question))
        .and(|| address(&rule.from, Some(question.from), path, loaded, question))
        .and(|| address(&rule.to, question.to, path, loaded, question))
        .and(|| not_understood(rule))
}

/// Direction and address family.
fn is_its_way(rule: &PfRule, question: &PacketQuery) -> Tristate {
    Tristate::from(rule.direction.is_none_or(|direction| direction == question.direction))
        .and(|| rule.is_ipv4.is_none_or(|is_ipv4| is_ipv4 == question.from.is_ipv4()).into())
}

fn is_of_tcp(rule: &PfRule) -> bool {
    rule.protocol.as_ref().is_none_or(|protocol| matches!(protocol.as_str(), "tcp" | "6"))
}

/// All conditions have to hold (`pf_test_rule`).
fn fit_of_whole(rule: &PfRule, path: &str, loaded: &LoadedPf, question: &PacketQuery) -> Tristate {
    is_its_way(rule, question)
        .and(|| is_of_tcp(rule).into())
        .and(|| (!rule.fragment).into())
        .and(|| rule.flags.as_ref().is_none_or(of_a_syn).into())
        .and(|| interface(rule, question))
        .and(|| address(&rule.from, Some(question.from), path, loaded, question))
        .and(|| source_port(&rule.from, question))
        .and(|| address(&rule.to, question.to, path, loaded, question))
        .and(|| destination_port(&rule.to, question))
        .and(|| user(rule, question))
        .and(|| not_understood(rule))
}

/// Of the flags that the mask names, those of the set are on and no other: a SYN has S alone.
fn of_a_syn(flags: &Flags) -> bool {
    flags.mask.chars().all(|flag| flags.set.contains(flag) == (flag == 'S'))
}

fn interface(rule: &PfRule, question: &PacketQuery) -> Tristate {
    let Some(wanted) = &rule.interface else { return Tristate::Yes };
    let on = match question.is_on(&wanted.name) {
        Some(false) if is_group_of(&wanted.name, question.interface.as_deref()) => {
            Tristate::unknown(format!("`on {}` may be a group that the interface belongs to", wanted.name))
        }
        Some(on) => on.into(),
        None => Tristate::unknown(format!("`on {}`: the interface was not given (--interface)", wanted.name)),
    };
    on.negated_if(wanted.negated)
}

/// `en` for `en0`, `all` for any: what has no number at its end is not one interface.
fn is_group_of(name: &str, interface: Option<&str>) -> bool {
    let is_group = !name.ends_with(|last: char| last.is_ascii_digit());
    is_group && interface.is_some_and(|interface| name == "all" || interface.starts_with(name))
}

fn address(
    side: &RuleSide,
    address: Option<IpAddr>,
    path: &str,
    loaded: &LoadedPf,
    question: &PacketQuery,
) -> Tristate {
    let unsaid =
        || Tristate::unknown(format!("`{}`: the destination address was not given (--to)", text(side)));
    let fit = match (&side.host, address) {
        (Host::Any, _) => Tristate::Yes,
        (Host::Net(net), Some(address)) => net.contains(&address).into(),
        (Host::Net(net), None) if net.addr().is_ipv4() != question.from.is_ipv4() => Tristate::No,
        (Host::Net(net), None) if net.prefix_len() == 0 => Tristate::Yes,
        (Host::Net(_), None) => unsaid(),
        (Host::Table(name), address) => match (loaded.table(path, name), address) {
            // A table that is not there holds nothing.
            (None, _) => Tristate::No,
            (Some(table), _) if table.is_empty() => Tristate::No,
            (Some(table), Some(address)) => match table.holds(address) {
                Ok(holds) => holds.into(),
                Err(entry) => Tristate::unknown(format!(
                    "the table <{name}> has an entry that is not understood: {entry}"
                )),
            },
            (Some(_), None) => unsaid(),
        },
        (Host::Unknown(words), _) => Tristate::unknown(format!("`{words}` is not understood")),
    };
    fit.negated_if(side.negated)
}

fn text(side: &RuleSide) -> String {
    let not = if side.negated { "! " } else { "" };
    match &side.host {
        Host::Any => format!("{not}any"),
        Host::Net(net) if net.prefix_len() == net.max_prefix_len() => format!("{not}{}", net.addr()),
        Host::Net(net) => format!("{not}{net}"),
        Host::Table(name) => format!("{not}<{name}>"),
        Host::Unknown(words) => format!("{not}{words}"),
    }
}

fn no_port(words: &str) -> Tristate {
    Tristate::unknown(format!("`port {words}`: neither a number nor a TCP port's name in /etc/services"))
}

fn source_port(side: &RuleSide, question: &PacketQuery) -> Tristate {
    let (first, last) = question.from_port.map_or(CLIENT_PORTS, |port| (port.into(), port.into()));
    match &side.port {
        None => Tristate::Yes,
        Some(Test::Unknown(words)) => no_port(words),
        Some(Test::Of(test)) => test.holds_throughout(first, last).map_or_else(
            || Tristate::unknown("it depends on the source port (--from-port)".to_owned()),
            Tristate::from,
        ),
    }
}

fn destination_port(side: &RuleSide, question: &PacketQuery) -> Tristate {
    match &side.port {
        None => Tristate::Yes,
        Some(Test::Unknown(words)) => no_port(words),
        Some(Test::Of(test)) => test.holds(question.port.into()).into(),
    }
}

fn user(rule: &PfRule, question: &PacketQuery) -> Tristate {
    match (&rule.user, question.uid) {
        (None, _) => Tristate::Yes,
        (Some(Test::Unknown(words)), _) => Tristate::unknown(format!("`user {words}` is not understood")),
        (Some(Test::Of(_)), None) => {
            Tristate::unknown("it depends on the user of the socket (--uid)".to_owned())
        }
        // Without a socket only = and != are answered (`pf_match_uid`).
        (Some(Test::Of(test)), Some(uid)) => {
            ((uid != NO_USER || test.is_equality()) && test.holds(uid)).into()
        }
    }
}

fn not_understood(rule: &PfRule) -> Tristate {
    if rule.unknown.is_empty() {
        return Tristate::Yes;
    }
    Tristate::Unknown(rule.unknown.iter().map(|words| format!("`{words}` is not understood")).collect())
}
