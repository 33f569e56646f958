//! One direction of the conversation, without any I/O: which bytes of a chunk go on, and what they
//! mean.

mod dap;
mod rpc;

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::frame::FrameError;
use dlvgate_protocol::jsonrpc::JsonRpcError;
use dlvgate_protocol::jsonrpc::rewrite::Rewriter;
use dlvgate_protocol::message::MergeError;
use dlvgate_protocol::sniff::Protocol;

use super::amendments::Amendments;

/// Bytes to send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This part of the chunk.
    Chunk(Range<usize>),
    /// These in place of some of it.
    Changed(Bytes),
    /// A message of our own.
    Own(Bytes),
}

impl Piece {
    /// The bytes; `chunk` is what the piece was made of.
    pub(super) fn bytes<'a>(&'a self, chunk: &'a [u8]) -> &'a [u8] {
        match self {
            Piece::Chunk(range) => &chunk[range.clone()],
            Piece::Changed(bytes) | Piece::Own(bytes) => bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Piece::Chunk(range) => range.len(),
            Piece::Changed(bytes) | Piece::Own(bytes) => bytes.len(),
        }
    }

    /// The first `sent` bytes, of which there are more, are gone.
    pub(super) fn advance(&mut self, sent: usize) {
        match self {
            Piece::Chunk(range) => range.start += sent,
            Piece::Changed(bytes) | Piece::Own(bytes) => bytes::Buf::advance(bytes, sent),
        }
    }
}

/// Is told what passes.
pub(super) trait Watcher {
    /// A message of `len` bytes begins. `false` keeps it back; what it says is still reported.
    /// JSON-RPC does not tell a length beforehand, and keeps nothing back.
    fn begins(&mut self, len: u64) -> bool;
    /// What it says is known. `passed` is what [`Watcher::begins`] said.
    fn message(&mut self, message: Message, passed: bool);
    /// What it says is known, and it is not passed on: what the user forces on it cannot be.
    fn refused(&mut self, message: Message, _reason: &MergeError) {
        self.message(message, false);
    }
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
            Protocol::Dap => Lane::Dap(dap::Lane::up(amendments.launch())),
            Protocol::JsonRpc => Lane::Rpc(rpc::Lane::up(amendments.paths().map(Rewriter::to_server))),
        }
    }

    /// What dlv says.
    pub(super) fn down(protocol: Protocol, amendments: &Amendments) -> Lane {
        match protocol {
            Protocol::Dap => Lane::Dap(dap::Lane::down()),
            Protocol::JsonRpc => Lane::Rpc(rpc::Lane::down(amendments.paths().map(Rewriter::to_client))),
        }
    }

    /// Walks over `chunk` and appends what goes on to `pieces`. `insert` is put at the first place
    /// between two messages, where there is one; what remains in it had no place yet.
    ///
    /// # Errors
    /// Where the stream is no longer framed. The bytes before that are in `pieces` all the same.
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

    /// Bytes that the present message lacks: 0 between two messages, `None` where its length is
    /// unknown.
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

#[cfg(test)]
mod tests;
