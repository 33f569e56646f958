//! Delve's JSON-RPC API v2 as a proxy sees it: where objects begin and end, and what they answer.
//!
//! Requests and replies are JSON objects one after another; a line feed between them is written by
//! Delve and not required of a client. Source: Go, `net/rpc/jsonrpc/server.go` and `client.go`,
//! which Delve serves the API with (`service/rpccommon/server.go`).

mod fields;
mod id;
mod reply;
pub mod rewrite;
mod scan;

use crate::envelope::Name;

pub use id::{ID_MAX, Id};
pub use reply::error_reply;
pub use scan::{JsonRpcError, RpcPart, RpcScanner, RpcStep};

/// What one object says about itself. It owns no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcEnvelope {
    /// The request's number, which its reply repeats; `None` where it is absent, `null`, an object
    /// or array, malformed, or longer than [`ID_MAX`].
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
