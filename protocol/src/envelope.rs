//! The envelope of a DAP message: its top-level fields other than `arguments` and `body`.
//!
//! Source: DAP specification, types `ProtocolMessage`, `Request`, `Response` and `Event`.

mod name;

pub use name::{NAME_MAX, Name};

/// What one message says about itself. It owns no memory and is cheap to copy (some 100 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The sender's number for the message; `None` if it is absent or no integer of 64 bits.
    ///
    /// Not to be relied on: older versions of Delve number every message 0.
    pub seq: Option<i64>,
    /// Request, response or event, with what goes with it.
    pub kind: MessageKind,
}

/// The kind of a message with the fields that the kind needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A request, mostly from the client.
    Request {
        /// The command: `launch`, `setBreakpoints`, ...
        command: Name,
    },
    /// The answer to a request.
    Response {
        /// The `seq` of the request that is answered.
        request_seq: i64,
        /// Whether the request succeeded; `false` where absent, as Go's decoder has it.
        success: bool,
        /// The command that is answered; empty where absent, and in some of Delve's errors.
        command: Name,
    },
    /// Something that happened.
    Event {
        /// What happened: `stopped`, `output`, ...
        event: Name,
    },
    /// Not a JSON object, one with no usable `type`, or one without a field that its type cannot do
    /// without: `command` of a request, `request_seq` of a response, `event` of an event.
    Unknown,
}
