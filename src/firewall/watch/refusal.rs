//! One refusal, as it is reported.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// A new connection that one of our rules refused. Displayed, it is a line for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedConnection {
    /// The address that tried to connect.
    pub from: IpAddr,
    /// From which port.
    pub from_port: u16,
    /// The address that was asked for.
    pub to: IpAddr,
    /// The gate's port.
    pub port: u16,
    /// `in` for a packet that arrived; `out` for one of this machine's own, refused before it left.
    pub direction: &'static str,
    /// The interface, where it is known.
    pub interface: Option<String>,
    /// The gate: `table inet dlvgate_4711_2345`, or `anchor com.apple/010.dlvgate.003`.
    pub gate: String,
    /// Where in the gate its rule stands: `chain input`, or `line 3`.
    pub rule: String,
}

impl fmt::Display for RefusedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = SocketAddr::new(self.from, self.from_port);
        write!(f, "{from} was refused at port {}, {}", self.port, self.direction)?;
        if let Some(interface) = &self.interface {
            write!(f, " on {interface}")?;
        }
        write!(f, ", by {} of the {}", self.rule, self.gate)
    }
}
