//! What one JSON-RPC object says about itself.

use super::id::Id;
use crate::envelope::Name;

/// What one object says about itself. It owns no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcEnvelope {
    /// The request's number, which its reply repeats; `None` if it is absent, `null`, an object
    /// or array, malformed, or longer than [`ID_MAX`](super::ID_MAX).
    pub id: Option<Id>,
    /// Request or reply.
    pub kind: RpcKind,
}

/// Request or reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpcKind {
    /// An object with a `method`.
    Request {
        /// The method: `RPCServer.State`, ...
        method: Name,
    },
    /// An object with `result` or `error` and no `method`.
    Reply {
        /// Whether `error` is `null` or absent.
        success: bool,
    },
    /// Any other object.
    Unknown,
}
