//! A line with lists becomes a rule for each combination, as pfctl hands them to the kernel.

use crate::cursor::{Cursor, Parsed};
use crate::model::{Action, Direction, Endpoint, Family, Flags, Host, Interface, Rule};
use crate::rule::Line;

/// The rules of a line in pfctl's order: interface, protocol, source, destination, user.
pub fn expand(c: &Cursor<'_>, line: &Line) -> Parsed<Vec<Rule>> {
    let mut rules = Vec::new();
    for interface in choices(&line.interfaces) {
        for protocol in choices(&line.protocols) {
            for (from, from_zone) in sides(&line.from.hosts) {
                for from_port in choices(&line.from.ports) {
                    for (to, to_zone) in sides(&line.to.hosts) {
                        for to_port in choices(&line.to.ports) {
                            for user in choices(&line.users) {
                                let Some(family) = family(line.family, &from, &to) else { continue };
                                let zone = from_zone.as_ref().or(to_zone.as_ref());
                                let mut rule =
                                    Rule {
                                        action: line.action,
                                        anchor: line.anchor.clone(),
                                        direction: line.direction,
                                        log: line.log.clone(),
                                        quick: line.quick,
                                        interface: interface.clone().or(
                                            zone.map(|name| Interface { negated: false, name: name.clone() })
                                        ),
                                        family,
                                        protocol: protocol.clone(),
                                        from: Endpoint { port: from_port, ..from.clone() },
                                        to: Endpoint { port: to_port, ..to.clone() },
                                        user,
                                        flags: line.flags.clone(),
                                        keep_state: line.keep_state.unwrap_or(line.action == Action::Pass),
                                        fragment: line.fragment,
                                        no_df: line.no_df,
                                        fragments: line.fragments,
                                        label: line.label.clone(),
                                        evaluations: 0,
                                        packets: 0,
                                    };
                                default_flags(&mut rule);
                                check(c, &rule)?;
                                rules.push(rule);
                            }
                        }
                    }
                }
            }
        }
    }
    if rules.is_empty() {
        return c.refuse("rule expands to no valid combination");
    }
    Ok(rules)
}

/// A list's members, or the one absent value.
fn choices<T: Clone>(list: &[T]) -> Vec<Option<T>> {
    if list.is_empty() { vec![None] } else { list.iter().cloned().map(Some).collect() }
}

fn sides(hosts: &[(Endpoint, Option<String>)]) -> Vec<(Endpoint, Option<String>)> {
    if hosts.is_empty() { vec![(Endpoint::default(), None)] } else { hosts.to_vec() }
}

/// The rule's family: written, or from its addresses. `None` if they do not agree: such a pair
/// makes no rule.
fn family(written: Option<Family>, from: &Endpoint, to: &Endpoint) -> Option<Option<Family>> {
    let mut family = written;
    for side in [from, to] {
        if let Host::Net(net) = side.host {
            if family.is_some_and(|f| f != net.family()) {
                return None;
            }
            family = Some(net.family());
        }
    }
    Some(family)
}

/// `flags S/SA` unless the rule says otherwise, where TCP may pass and a state is kept.
fn default_flags(rule: &mut Rule) {
    let may_be_tcp = rule.protocol.as_deref().is_none_or(|p| p == "tcp");
    if rule.action == Action::Pass && rule.keep_state && may_be_tcp && rule.flags == Flags::Unset {
        rule.flags = Flags::Mask("S".to_owned(), "SA".to_owned());
    }
}

fn check(c: &Cursor<'_>, rule: &Rule) -> Parsed<()> {
    let protocol = rule.protocol.as_deref();
    let has_ports = matches!(protocol, Some("tcp" | "udp"));
    if (rule.from.port.is_some() || rule.to.port.is_some()) && !has_ports {
        return c.refuse("port only applies to tcp/udp");
    }
    if rule.action != Action::Pass && rule.keep_state {
        return c.refuse("keep state on block rules doesn't make sense");
    }
    if rule.user.is_some() && !has_ports {
        return c.refuse("user/group can only be used with tcp/udp");
    }
    if rule.flags != Flags::Unset && rule.flags != Flags::Any && !matches!(protocol, None | Some("tcp")) {
        return c.refuse("flags only apply to tcp");
    }
    Ok(())
}

impl Direction {
    pub fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}
