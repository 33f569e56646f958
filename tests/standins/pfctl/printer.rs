//! Rules, tables and states as pfctl prints them.

use crate::model::{
    Action, Comparison, Connection, Direction, Endpoint, Family, Flags, Fragments, Host, Net, Operator, Rule,
    Table, TableEntry, UNKNOWN_USER,
};
use crate::services::Services;
use std::net::IpAddr;

/// The printing call: `-nv` does not know yet where a wildcard anchor leads.
#[derive(Clone, Copy, PartialEq)]
pub enum View {
    Parsed,
    Kernel,
}

pub fn rule(rule: &Rule, services: &Services, view: View) -> String {
    let mut text = match rule.action {
        Action::Pass => "pass",
        Action::BlockDrop => "block drop",
        Action::BlockReturn => "block return",
        Action::BlockReturnIcmp => "block return-icmp(port-unr, port-unr)",
        Action::Scrub => "scrub",
        Action::NoScrub => "no scrub",
        Action::Anchor => "anchor",
        Action::ScrubAnchor => "scrub-anchor",
        Action::NatAnchor => "nat-anchor",
        Action::RdrAnchor => "rdr-anchor",
        Action::DummynetAnchor => "dummynet-anchor",
    }
    .to_owned();
    let mut add = |part: &str| {
        text.push(' ');
        text.push_str(part);
    };
    if let Some(call) = &rule.anchor {
        add(&match (call.wildcard, view) {
            (true, View::Parsed) => "\"/*\"".to_owned(),
            (true, View::Kernel) if call.name.is_empty() => "\"*\"".to_owned(),
            (true, View::Kernel) => format!("\"{}/*\"", call.name),
            (false, _) => format!("\"{}\"", call.name),
        });
    }
    if let Some(direction) = rule.direction {
        add(direction.word());
    }
    match rule.log.as_deref() {
        None => {}
        Some("") => add("log"),
        Some(options) => add(&format!("log ({options})")),
    }
    if rule.quick {
        add("quick");
    }
    if let Some(interface) = &rule.interface {
        add(&format!("on {}{}", if interface.negated { "! " } else { "" }, interface.name));
    }
    match rule.family {
        None => {}
        Some(Family::Inet) => add("inet"),
        Some(Family::Inet6) => add("inet6"),
    }
    if let Some(protocol) = &rule.protocol {
        add(&format!("proto {protocol}"));
    }
    if rule.from == Endpoint::default() && rule.to == Endpoint::default() {
        add("all");
    } else {
        add(&format!("from {} to {}", endpoint(&rule.from, services), endpoint(&rule.to, services)));
    }
    if let Some(user) = rule.user {
        add(&format!(
            "user {}",
            comparison(user, |uid| match uid {
                UNKNOWN_USER => "unknown".to_owned(),
                uid => uid.to_string(),
            })
        ));
    }
    match &rule.flags {
        Flags::Unset => {}
        // The kernel holds no flags then: it is the default that is not taken, and only a stateful
        // pass has one.
        Flags::Any if rule.action == Action::Pass && rule.keep_state => add("flags any"),
        Flags::Any => {}
        Flags::Mask(set, mask) => add(&format!("flags {set}/{mask}")),
    }
    if rule.keep_state {
        add("keep state");
    } else if rule.action == Action::Pass {
        add("no state");
    }
    if rule.fragment {
        add("fragment");
    }
    if rule.no_df {
        add("no-df");
    }
    if matches!(rule.action, Action::Scrub | Action::ScrubAnchor) {
        add(match rule.fragments {
            Fragments::Reassemble => "fragment reassemble",
            Fragments::Crop => "fragment crop",
            Fragments::DropOverlaps => "fragment drop-ovl",
        });
    }
    if let Some(label) = &rule.label {
        add(&format!("label \"{label}\""));
    }
    text
}

fn endpoint(side: &Endpoint, services: &Services) -> String {
    let mut text = if side.negated { "! ".to_owned() } else { String::new() };
    text.push_str(&match &side.host {
        Host::Any => "any".to_owned(),
        Host::Net(n) => net(n),
        Host::Table(name) => format!("<{name}>"),
    });
    if let Some(port) = side.port {
        // Only = and != name a service.
        let named = matches!(port.operator, Operator::Equal | Operator::NotEqual);
        let name = |p: u32| services.name(p).filter(|_| named).map_or(p.to_string(), str::to_owned);
        text.push_str(" port ");
        text.push_str(&comparison(port, name));
    }
    text
}

fn comparison(c: Comparison, value: impl Fn(u32) -> String) -> String {
    let (low, high) = (value(c.low), value(c.high));
    match c.operator {
        Operator::Equal => format!("= {low}"),
        Operator::NotEqual => format!("!= {low}"),
        Operator::Less => format!("< {low}"),
        Operator::LessOrEqual => format!("<= {low}"),
        Operator::Greater => format!("> {low}"),
        Operator::GreaterOrEqual => format!(">= {low}"),
        Operator::Range => format!("{low}:{high}"),
        Operator::Between => format!("{low} >< {high}"),
        Operator::Outside => format!("{low} <> {high}"),
    }
}

pub fn net(net: &Net) -> String {
    match (net.address, net.prefix) {
        (IpAddr::V4(a), 32) => a.to_string(),
        (IpAddr::V6(a), 128) => a.to_string(),
        (a, prefix) => format!("{a}/{prefix}"),
    }
}

pub fn entry(entry: &TableEntry) -> String {
    format!("{}{}", if entry.negated { "!" } else { "" }, net(&entry.net))
}

pub fn table(name: &str, table: &Table, written: bool) -> String {
    let mut text = format!("table <{name}>");
    if table.constant {
        text.push_str(" const");
    }
    if table.persist {
        text.push_str(" persist");
    }
    if written {
        let all: Vec<String> = table.addresses.iter().map(|e| format!("{} ", entry(e))).collect();
        text.push_str(&format!(" {{ {}}}", all.concat()));
    }
    text
}

/// `ALL tcp 10.0.0.5:2345 <- 10.0.0.9:52998       ESTABLISHED:ESTABLISHED`: the local side comes
/// first.
pub fn connection(c: &Connection) -> String {
    let source = socket(c.source, c.source_port);
    let destination = socket(c.destination, c.destination_port);
    let (local, arrow, remote) = match c.direction {
        Direction::In => (destination, "<-", source),
        Direction::Out => (source, "->", destination),
    };
    let phase = match c.protocol.as_str() {
        "tcp" => "ESTABLISHED:ESTABLISHED",
        "udp" => "MULTIPLE:MULTIPLE",
        _ => "0:0",
    };
    format!("ALL {} {local} {arrow} {remote}       {phase}", c.protocol)
}

fn socket(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(a) => format!("{a}:{port}"),
        IpAddr::V6(a) => format!("{a}[{port}]"),
    }
}
