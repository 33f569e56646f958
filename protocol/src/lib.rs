//! The bytes and messages of the Debug Adapter Protocol (DAP) as a proxy needs them.
//!
//! Everything here is sans-IO: bytes go in, what they mean comes out. No sockets, no processes, no
//! runtime. A proxy forwards the bytes as they came and lets a [`scan::DapScanner`] walk along,
//! which reports where messages begin and end and what their [`envelope`] says, without holding a
//! body.
//!
//! | module | what it does |
//! |---|---|
//! | [`frame`] | `Content-Length` framing: liberal reader with limits, strict writer |
//! | `codec` | the same as a `tokio_util` codec of whole messages; needs the feature `codec` |
//! | [`scan`] | message boundaries and envelopes over a stream of chunks |
//! | [`conversation`] | who asks and who answers, in either protocol |
//! | [`envelope`] | `seq`, `type`, `command` / `event`, `request_seq`, `success` |
//! | [`message`] | typed DAP: what a proxy reads and what it makes |
//! | [`jsonrpc`] | Delve's JSON-RPC v2: object boundaries, `id`, `method`, `error` |
//! | [`paths`] | a file's names on two sides |
//! | [`sniff`] | which of the two protocols a connection speaks |
//!
//! # Example
//!
//! ```
//! use dlvgate_protocol::envelope::MessageKind;
//! use dlvgate_protocol::frame::{self, Limits};
//! use dlvgate_protocol::scan::{DapPart, DapScanner};
//!
//! let wire = frame::frame(br#"{"seq":1,"type":"request","command":"threads"}"#);
//! let mut scanner = DapScanner::new(Limits::default());
//! let mut commands = Vec::new();
//! let mut messages = 0;
//! // Chunks end anywhere; here after every 10 bytes.
//! for chunk in wire.chunks(10) {
//!     let mut rest = chunk;
//!     while !rest.is_empty() {
//!         let step = scanner.step(rest)?;
//!         if let Some(envelope) = step.envelope {
//!             if let MessageKind::Request { command } = envelope.kind {
//!                 commands.push(command.to_string());
//!             }
//!         }
//!         if step.part == (DapPart::Body { end: true }) {
//!             messages += 1;
//!         }
//!         rest = &rest[step.consumed..];
//!     }
//! }
//! assert_eq!(commands, ["threads"]);
//! assert_eq!(messages, 1);
//! assert!(scanner.at_boundary());
//! # Ok::<(), frame::FrameError>(())
//! ```
#![forbid(unsafe_code)]

#[cfg(feature = "codec")]
pub mod codec;
pub mod conversation;
pub mod envelope;
pub mod frame;
mod json;
pub mod jsonrpc;
pub mod message;
pub mod paths;
pub mod scan;
pub mod sniff;
