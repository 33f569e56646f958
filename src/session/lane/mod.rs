//! One direction of the conversation, without any I/O: which bytes of a chunk go on, and what they mean.

mod dap;
mod rpc;

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::frame::FrameError;
use dlvgate_protocol::jsonrpc::rewrite::Rewriter;
use dlvgate_protocol::jsonrpc::{Id, JsonRpcError};
use dlvgate_protocol::sniff::Protocol;

use super::amendments::Amendments;

/// Bytes to send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This part of the chunk.
    Chunk(Range<usize>),
    /// Bytes of our own.
    Own(Bytes),
}

/// What ties an answer to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// DAP's `seq`, which `request_seq` repeats.
    Seq(i64),
    /// JSON-RPC's `id`, which the answer repeats.
    Id(Id),
}

/// What passes, in either protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Something is asked; without a key nothing is to be answered.
    Request { key: Option<Key>, name: Name },
    /// An answer. JSON-RPC's does not say what was asked.
    Reply { key: Option<Key>, name: Option<Name>, success: bool },
    /// Something happened.
    Event { name: Name },
    /// No message of the protocol.
    Unknown,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Seq(seq) => seq.fmt(f),
            Key::Id(id) => id.fmt(f),
        }
    }
}

/// For the log: what it is, and of which request; never what is in it.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |key: &Option<Key>| key.map_or_else(String::new, |key| format!(" {key}"));
        match self {
            Message::Request { key, name } => write!(f, "request{} {name}", number(key)),
            Message::Reply { key, name, success } => {
                let name = name.map_or_else(String::new, |name| format!(" {name}"));
                let failed = if *success { "" } else { ", failed" };
                write!(f, "answer to{}{name}{failed}", number(key))
            }
            Message::Event { name } => write!(f, "event {name}"),
            Message::Unknown => f.write_str("no message of the protocol"),
        }
    }
}

/// Is told what passes.
pub(super) trait Watcher {
    /// A message of `len` bytes begins. `false` keeps it back; what it says is still reported. JSON-RPC does not tell a
    /// length beforehand, and keeps nothing back.
    fn begins(&mut self, len: u64) -> bool;
    /// What it says is known. `passed` is what [`Watcher::begins`] said.
    fn message(&mut self, message: Message, passed: bool);
}

/// A stream that cannot be followed any further.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unframed {
    /// As DAP.
    #[error("not framed as DAP: {0}")]
    Dap(#[from] FrameError),
    /// As JSON-RPC.
    #[error("not JSON-RPC: {0}")]
    Rpc(#[from] JsonRpcError),
}

/// The state between two chunks.
pub(super) enum Lane {
    Dap(dap::Lane),
    Rpc(rpc::Lane),
}

impl Lane {
    /// What the client says.
    pub(super) fn up(protocol: Protocol, amendments: &Amendments) -> Lane {
        match protocol {
            Protocol::Dap => Lane::Dap(dap::Lane::new(amendments.launch())),
            Protocol::JsonRpc => Lane::Rpc(rpc::Lane::new(amendments.paths().map(Rewriter::to_server))),
        }
    }

    /// What dlv says.
    pub(super) fn down(protocol: Protocol, amendments: &Amendments) -> Lane {
        match protocol {
            Protocol::Dap => Lane::Dap(dap::Lane::new(None)),
            Protocol::JsonRpc => Lane::Rpc(rpc::Lane::new(amendments.paths().map(Rewriter::to_client))),
        }
    }

    /// Walks over `chunk` and appends what goes on to `pieces`. `insert` is put at the first place between two
    /// messages, where there is one; what remains in it had no place yet.
    ///
    /// # Errors
    /// Where the stream is no longer framed. What came before it is in `pieces` all the same.
    pub(super) fn advance(
        &mut self,
        chunk: &[u8],
        watcher: &mut impl Watcher,
        insert: &mut VecDeque<Bytes>,
        pieces: &mut VecDeque<Piece>,
    ) -> Result<(), Unframed> {
        match self {
            Lane::Dap(lane) => lane.advance(chunk, watcher, insert, pieces)?,
            Lane::Rpc(lane) => lane.advance(chunk, watcher, insert, pieces)?,
        }
        Ok(())
    }

    /// Bytes that the present message lacks: 0 between two messages, `None` where its length is unknown.
    pub(super) fn missing(&self) -> Option<u64> {
        match self {
            Lane::Dap(lane) => Some(lane.body_remaining()),
            Lane::Rpc(lane) => lane.at_boundary().then_some(0),
        }
    }
}

/// Neighbouring ranges, joined so that a chunk usually goes on in one write.
#[derive(Default)]
struct Run {
    range: Range<usize>,
}

impl Run {
    fn extend(&mut self, taken: Range<usize>, pieces: &mut VecDeque<Piece>) {
        if self.range.end == taken.start && !self.range.is_empty() {
            self.range.end = taken.end;
        } else {
            self.flush(pieces);
            self.range = taken;
        }
    }

    fn flush(&mut self, pieces: &mut VecDeque<Piece>) {
        let range = std::mem::take(&mut self.range);
        if !range.is_empty() {
            pieces.push_back(Piece::Chunk(range));
        }
    }
}
