//! Delve's JSON-RPC API v2 as a proxy sees it: where objects begin and end, and what they answer.
//!
//! Requests and replies are JSON objects one after another; a line feed between them is written by
//! Delve and not required of a client. Source: Go, `net/rpc/jsonrpc/server.go` and `client.go`,
//! which Delve serves the API with (`service/rpccommon/server.go`).

mod envelope;
mod fields;
mod id;
mod reply;
pub mod rewrite;
mod scan;

pub use envelope::{RpcEnvelope, RpcKind};
pub use id::{ID_MAX, Id};
pub use reply::error_reply;
pub use scan::{JsonRpcError, RpcPart, RpcScanner, RpcStep};
