//! The steps of a session, as they are logged and recorded.

use std::fmt;

/// A step that a session has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// The client has spoken.
    FirstByte,
    /// dlv is being started.
    DlvStarting,
    /// dlv has printed its ready line.
    DlvReady,
    /// The gate is being opened.
    GateOpening,
    /// The gate's rules were loaded and read back.
    GateOpen,
    /// The connection to dlv stands.
    UpstreamConnected,
    /// A dlv without a session waits for one, gated and connected.
    SpareReady,
    /// The first byte goes to dlv.
    Forwarding,
    /// The session ends.
    Ending,
    /// The port is blocked for every client.
    GateShut,
    /// dlv and the debugged program are gone.
    DlvStopped,
    /// No rule is left.
    GateRemoved,
    /// The client's connection is closed.
    Closed,
}

impl Transition {
    /// All of them, in the order of a session.
    pub const ALL: [Transition; 13] = [
        Transition::FirstByte,
        Transition::DlvStarting,
        Transition::DlvReady,
        Transition::GateOpening,
        Transition::GateOpen,
        Transition::UpstreamConnected,
        Transition::SpareReady,
        Transition::Forwarding,
        Transition::Ending,
        Transition::GateShut,
        Transition::DlvStopped,
        Transition::GateRemoved,
        Transition::Closed,
    ];

    /// Returns the name in logs and recordings.
    pub fn name(self) -> &'static str {
        match self {
            Transition::FirstByte => "first_byte",
            Transition::DlvStarting => "dlv_starting",
            Transition::DlvReady => "dlv_ready",
            Transition::GateOpening => "gate_opening",
            Transition::GateOpen => "gate_open",
            Transition::UpstreamConnected => "upstream_connected",
            Transition::SpareReady => "spare_ready",
            Transition::Forwarding => "forwarding",
            Transition::Ending => "ending",
            Transition::GateShut => "gate_shut",
            Transition::DlvStopped => "dlv_stopped",
            Transition::GateRemoved => "gate_removed",
            Transition::Closed => "closed",
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
