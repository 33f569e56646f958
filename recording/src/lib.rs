//! Recorded debugging sessions between a client and Delve: written, read, and replayed.
//!
//! A recording is a text file with one JSON object per line: every message of a session in either
//! protocol (DAP, or Delve's JSON-RPC API) with its time, and the steps of the session. dlvgate
//! writes them with `dlvgate serve --record`; any proxy can, with a [`Recorder`].
//!
//! | module | what it does |
//! |---|---|
//! | [`Recorder`], [`Tap`] | writes a file per session, on a thread of its own |
//! | [`Reader`] | reads one entry by entry, also while it is being written |
//! | [`replay`] | plays a recording: as dlv to a live client, or as the client to a live dlv |
//! | [`show`] | prints a timeline and a summary, and finds where two conversations part |
//! | [`check`] | checks the rules of the protocol |
//! | [`redact`] | makes a copy without the program's values |
//! | [`html`] | makes a page for a browser |
//! | [`format`](mod@format) | the lines of the file |
//! | [`escape`] | makes texts of a recording safe for a terminal |
//!
//! It needs no dlv, starts no process, and opens no connection but those of [`replay`]. Recorder
//! and replay need a [`tokio`] runtime with time (and I/O, for replay) enabled.
//!
//! # Example
//!
//! A test of a debugging client without dlv and without Go: a recording answers in their place.
//!
//! ```
//! use std::sync::Arc;
//!
//! use dlvgate_recording::replay::{ClientPlayer, Pace, Script, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let script = Arc::new(Script::load("examples/session.jsonl".as_ref())?);
//! let dlv = Server::bind("127.0.0.1:0", Arc::clone(&script), Pace::AtOnce).await?;
//!
//! // The client under test connects to `dlv.address()`; here the recorded client does.
//! let client = ClientPlayer::new(script);
//! let (played, replayed) = tokio::join!(dlv.serve_one(), client.run(dlv.address()));
//!
//! let played = played?;
//! assert!(played.is_success(), "{played}"); // every request had an answer, up to the end
//! assert!(replayed?.is_same());
//! # Ok(())
//! # }
//! ```
//!
//! `examples/replay_as_dlv.rs` has a client of its own; `examples/record_session.rs` records a
//! session between a client and a server.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod as_dlv_reads;
pub mod check;
mod correlate;
mod difference;
pub mod escape;
pub mod format;
pub mod html;
mod normalize;
mod reader;
mod recorder;
pub mod redact;
pub mod replay;
pub mod show;
mod transition;

pub use format::{RecordingHeader, Sender};
pub use reader::{Entry, EntryContent, Fault, Notice, OpenError, Reader, RecordedMessage};
pub use recorder::{About, Recorder, Tap, Versions};
pub use transition::Transition;
