//! The steps of a session at which something goes wrong.

/// A step, in the order in which a session takes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    Connect,
    Sniff,
    Launch,
    Ready,
    Gate,
    FirstByte,
    Running,
    Stopped,
    Disconnect,
    Drain,
    Close,
}

impl Step {
    pub const ALL: [Self; 11] = [
        Self::Connect,
        Self::Sniff,
        Self::Launch,
        Self::Ready,
        Self::Gate,
        Self::FirstByte,
        Self::Running,
        Self::Stopped,
        Self::Disconnect,
        Self::Drain,
        Self::Close,
    ];

    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Sniff => "sniff",
            Self::Launch => "launch",
            Self::Ready => "ready",
            Self::Gate => "gate",
            Self::FirstByte => "first byte",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Disconnect => "disconnect",
            Self::Drain => "drain",
            Self::Close => "close",
        }
    }

    /// The moment at which the stand-in for dlv is held, where it is that which holds the session.
    pub fn held(self) -> &'static str {
        match self {
            Self::Launch => "started",
            Self::Ready => "listening",
            Self::FirstByte => "asked initialize",
            Self::Stopped => "asked stackTrace",
            Self::Disconnect => "asked disconnect",
            Self::Drain => "answered disconnect",
            Self::Close => "closed,told to end",
            Self::Connect | Self::Sniff | Self::Gate | Self::Running => "",
        }
    }

    /// A dlv of the session's own is there.
    pub fn has_dlv(self) -> bool {
        self != Self::Connect
    }

    /// The connection to dlv stands.
    pub fn is_dialled(self) -> bool {
        self == Self::Sniff || (self >= Self::FirstByte && self < Self::Close)
    }
}
