//! Recordings: a file with every message of a session, and what can be done with one.
//!
//! `docs/recording-format.md` describes the file. A session writes one through a [`Tap`];
//! everything else reads one with a [`Reader`].

mod as_dlv_reads;
pub mod check;
mod difference;
mod exchange;
pub mod format;
pub mod html;
mod normal;
mod reader;
mod recorder;
pub mod redact;
pub mod replay;
pub mod show;

pub use format::{Header, Sender};
pub use reader::{Entry, Fault, Message, Notice, OpenError, Reader, What};
pub use recorder::{About, Installed, Recorder, Tap};
