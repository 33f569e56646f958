//! The messages on the guard's pipe: a JSON object a line, in both directions.
//!
//! A request names a port, and for `open` its peers; never a rule, a file or an anchor. What the
//! guard does not know, a field too many included, is refused.

use serde::{Deserialize, Serialize};

use crate::firewall::Peer;

/// The protocol's version. Both sides come from one build, as a rule; a helper that another build
/// installed says so at once.
pub const VERSION: u32 = 1;

/// Bytes of a line. An `open` with all the peers that it may name takes a third of it.
pub const LINE_LIMIT: usize = 16 * 1024;

/// Peers of one gate.
pub const MAX_PEERS: usize = 64;

/// Gates of one guard: a session has one, and the front.
pub const MAX_GATES: usize = 64;

/// Gates of all guards of a user together: a server's front, eight sessions, and seven more. Each
/// makes nft slower for everyone's next gate: with these by less than a factor of 2.
pub const USER_GATES: usize = 16;

/// Peers of all gates of a user together: four fronts with as many as a gate takes. A session's
/// gate has one.
pub const USER_PEERS: usize = 4 * MAX_PEERS;

/// Interfaces that the peers of a user's gates name, each counted once a gate: each is a rule of
/// its own in every chain that could drop. A front names one or two.
pub const USER_INTERFACES: usize = 16;

/// The first line that the guard says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greeting {
    /// [`VERSION`].
    pub dlvgate_guard: u32,
    /// The guard's process id, which is in the names of its rules.
    pub pid: u32,
    /// Whether the packet filter has something to get past: pf is enabled, a chain of nftables
    /// could drop. `None`: it does not say.
    pub filtering: Option<bool>,
    /// What a guard that was killed had left, and what else was found of others.
    pub found: Vec<Leftover>,
    /// Why there is no guard; it ends then.
    pub failed: Option<String>,
}

/// Something of other guards that was found, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leftover {
    /// A sentence for people.
    pub text: String,
    /// It could not be removed; the user has to look at it.
    pub is_left: bool,
}

/// What the guard is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardRequest {
    /// Comes back with the reply.
    pub id: u64,
    /// What to do.
    #[serde(rename = "do")]
    pub operation: Operation,
}

/// The operations, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Operation {
    /// The first request: the version that the other side speaks, and its process id, for people to
    /// read.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// The process whose gates these are.
        pid: u32,
        /// What they are for.
        purpose: Purpose,
    },
    /// Guard this port: the peers pass, no other client does.
    Open {
        /// Not 0.
        port: u16,
        /// At most [`MAX_PEERS`].
        peers: Vec<Peer>,
        /// With the line comes a socket (SCM_RIGHTS) that is bound to the port, where no process
        /// listens there yet.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        socket: bool,
    },
    /// Block this port for everybody.
    Shut {
        /// One that is open.
        port: u16,
    },
    /// Remove every trace of this gate.
    Drop {
        /// One that is open or shut.
        port: u16,
    },
    /// List the open gates.
    Status,
}

/// What a proxy holds its gates for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    #[default]
    /// Debugging sessions: `dlvgate serve` and the like.
    Sessions,
    /// One port, by hand: `dlvgate firewall open`.
    Open,
    /// Nothing but to sweep.
    Sweep,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct GuardReply {
    /// The request's; 0 where it could not be read.
    pub id: u64,
    /// Why it was not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// It was not done because another user is at the port, or has a gate there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_another: bool,
    /// The ports that have a gate, for `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<u16>>,
}

/// Said without being asked: the guard has removed a gate, because another user has its port now.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostGate {
    /// The port.
    pub lost: u16,
    /// The present holder, in words.
    pub why: String,
}

/// Reads a request.
///
/// # Errors
/// Says why the line is not a request, without repeating it.
pub fn parse(line: &[u8]) -> Result<GuardRequest, String> {
    serde_json::from_slice(line).map_err(|error| format!("this is not a request: {error}"))
}

/// An object as it goes over the pipe.
pub fn line(said: &impl Serialize) -> Vec<u8> {
    // Strings, numbers and lists of them: there is nothing in these types that JSON could not hold.
    let mut line = serde_json::to_vec(said).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_and_comes_back_as_it_was() {
        let peers = vec!["192.0.2.0/24".parse().unwrap(), "fe80::1%en0".parse().unwrap()];
        let request = GuardRequest { id: 7, operation: Operation::Open { port: 2345, peers, socket: false } };
        let line = line(&request);
        assert_eq!(
            String::from_utf8_lossy(&line),
            "{\"id\":7,\"do\":{\"open\":{\"port\":2345,\"peers\":[\"192.0.2.0/24\",\"fe80::1%en0\"]}}}\n"
        );
        assert_eq!(parse(&line).unwrap(), request);
    }

    #[test]
    fn what_is_not_exactly_a_request_is_refused() {
        for line in [
            r#"{"id":1,"do":{"open":{"port":2345}}}"#,
            r#"{"id":1,"do":{"open":{"port":70000,"peers":[]}}}"#,
            r#"{"id":1,"do":{"open":{"port":2345,"peers":["pass all"]}}}"#,
            r#"{"id":1,"do":{"open":{"port":2345,"peers":[],"rule":"pass all"}}}"#,
            r#"{"id":1,"do":{"open":{"port":2345,"peers":[]},"shut":{"port":1}}}"#,
            r#"{"id":1,"do":{"load":{"port":2345}}}"#,
            r#"{"id":1,"do":"status","port":1}"#,
            r#"{"do":"status"}"#,
            "[]",
            "",
        ] {
            assert!(parse(line.as_bytes()).is_err(), "{line}");
        }
        assert!(parse(br#"{"id":1,"do":"status"}"#).is_ok());
    }

    #[test]
    fn the_largest_request_fits_a_line() {
        let peer: Peer = "fe80:1111:2222:3333:4444:5555:6666:7777%an-interface-15/127".parse().unwrap();
        let request = GuardRequest {
            id: u64::MAX,
            operation: Operation::Open { port: u16::MAX, peers: vec![peer; MAX_PEERS], socket: true },
        };
        assert!(line(&request).len() < LINE_LIMIT / 2);
    }
}
