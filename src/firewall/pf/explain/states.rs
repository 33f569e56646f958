//! The table of states, as `print_state` of pfctl's pf_print_state.c prints it.

use std::net::IpAddr;

use crate::firewall::explain::{PacketDirection, PacketQuery};

/// An interface that stands for all.
const ANY_INTERFACE: &str = "ALL";

/// A connection that pf knows. Its packets pass in both directions, and no rule is looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PfConnection {
    /// As printed.
    pub(super) text: String,
    interface: String,
    here: (IpAddr, u16),
    there: (IpAddr, u16),
}

/// The states of TCP, and how many lines about TCP could not be read: those of translated
/// connections name a third address.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct States {
    pub(super) tcp: Vec<PfConnection>,
    pub(super) unreadable: usize,
}

impl States {
    pub(super) fn parse(listing: &str) -> States {
        let mut states = States::default();
        for line in listing.lines() {
            match parse(line) {
                Some(Some(state)) => states.tcp.push(state),
                Some(None) => {}
                None => states.unreadable += 1,
            }
        }
        states
    }
}

/// `ALL tcp 10.0.0.5:2345 <- 10.0.0.9:52998       ESTABLISHED:ESTABLISHED`: this machine's side
/// comes first. The inner `None` is another protocol's line, or an empty one.
fn parse(line: &str) -> Option<Option<PfConnection>> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields.as_slice() {
        [interface, "tcp", here, "<-" | "->", there, rest @ ..] if rest.len() <= 1 => {
            Some(Some(PfConnection {
                text: fields.join(" "),
                interface: (*interface).to_owned(),
                here: socket(here)?,
                there: socket(there)?,
            }))
        }
        [_, "tcp", ..] => None,
        _ => Some(None),
    }
}

/// `10.0.0.5:2345`, `fe80::1[2345]`.
fn socket(text: &str) -> Option<(IpAddr, u16)> {
    let (address, port) = match text.strip_suffix(']') {
        Some(text) => text.split_once('[')?,
        None => text.rsplit_once(':')?,
    };
    Some((address.split('%').next()?.parse().ok()?, port.parse().ok()?))
}

impl PfConnection {
    /// Whether the packet belongs to this connection, as far as the question says. Without a source
    /// port, it is whether a connection of this peer to this port stands.
    pub(super) fn takes(&self, question: &PacketQuery) -> bool {
        let (source, destination) = match question.direction {
            PacketDirection::In => (self.there, self.here),
            PacketDirection::Out => (self.here, self.there),
        };
        let on = self.interface == ANY_INTERFACE || question.is_on(&self.interface) != Some(false);
        on && source.0 == question.from
            && question.from_port.is_none_or(|port| port == source.1)
            && question.to.is_none_or(|to| to == destination.0)
            && destination.1 == question.port
    }

    /// Whether the question says enough for [`PfConnection::takes`] to be certain.
    pub(super) fn is_certain(&self, question: &PacketQuery) -> bool {
        let on = self.interface == ANY_INTERFACE || question.is_on(&self.interface).is_some();
        on && question.to.is_some() && question.from_port.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_takes_its_packets_in_both_directions() {
        let states = States::parse("ALL tcp 10.0.0.5:2345 <- 10.0.0.9:52998       ESTABLISHED:ESTABLISHED\n");
        let mut question = PacketQuery::new("lo0", 2345, "10.0.0.9".parse().unwrap());
        assert!(states.tcp[0].takes(&question) && !states.tcp[0].is_certain(&question));
        question.from_port = Some(50000);
        assert!(!states.tcp[0].takes(&question));
        let mut reply = PacketQuery::new("lo0", 52998, "10.0.0.5".parse().unwrap());
        reply.direction = PacketDirection::Out;
        (reply.from_port, reply.to) = (Some(2345), Some("10.0.0.9".parse().unwrap()));
        assert!(states.tcp[0].takes(&reply) && states.tcp[0].is_certain(&reply));
    }

    #[test]
    fn a_state_of_one_interface_takes_nothing_on_another() {
        let states = States::parse("en1 tcp fe80::5[2345] <- fe80::9[52998]  ESTABLISHED:ESTABLISHED\n");
        let mut question = PacketQuery::new("lo0", 2345, "fe80::9".parse().unwrap());
        question.interface = Some("en0".to_owned());
        assert!(!states.tcp[0].takes(&question));
        question.interface = Some("en1".to_owned());
        assert!(states.tcp[0].takes(&question));
    }

    #[test]
    fn translated_states_count_and_other_protocols_do_not() {
        let states = States::parse(
            "ALL tcp 10.0.0.5:1 -> 192.0.2.1:2 -> 192.0.2.9:3   ESTABLISHED:ESTABLISHED\n\
             ALL udp 10.0.0.5:1 -> 192.0.2.9:3   MULTIPLE:MULTIPLE\n\n",
        );
        assert_eq!((states.tcp.len(), states.unreadable), (0, 1));
    }
}
