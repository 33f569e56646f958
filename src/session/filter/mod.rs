//! One direction of the conversation, without any I/O: which bytes of a chunk go on, and what they
//! mean.

mod dap;
mod rpc;

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use dlvgate_protocol::conversation::{Key, Message};
use dlvgate_protocol::envelope::Name;
use dlvgate_protocol::frame::FrameError;
use dlvgate_protocol::jsonrpc::JsonRpcError;
use dlvgate_protocol::jsonrpc::rewrite::Rewriter;
use dlvgate_protocol::message::MergeError;
use dlvgate_protocol::sniff::Protocol;

use super::message_rewrites::MessageRewrites;

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

/// What was found in a chunk, for the caller to act on. JSON-RPC tells no length beforehand, and
/// keeps nothing back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterEvent {
    /// A message of length 0 was dropped: dlv would close the connection (go-dap).
    EmptyBody,
    /// A message goes on.
    Forwarded(Message),
    /// A message of this many bytes was not forwarded: dlv would close the connection.
    TooLarge { message: Message, body_len: u64 },
    /// A message was not forwarded: what the user forces on it cannot be.
    NotForced { message: Message, reason: MergeError },
}

impl FilterEvent {
    /// The request, where it is one that waits for an answer.
    pub(super) fn request(self) -> Option<(Key, Name)> {
        let message = match self {
            FilterEvent::EmptyBody => return None,
            FilterEvent::Forwarded(message)
            | FilterEvent::TooLarge { message, .. }
            | FilterEvent::NotForced { message, .. } => message,
        };
        match message {
            Message::Request { key: Some(key), name } => Some((key, name)),
            _ => None,
        }
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
pub(super) enum MessageFilter {
    Dap(dap::DapFilter),
    Rpc(rpc::JsonRpcFilter),
}

impl MessageFilter {
    /// What the client says.
    pub(super) fn up(protocol: Protocol, rewrites: &MessageRewrites) -> MessageFilter {
        match protocol {
            Protocol::Dap => MessageFilter::Dap(dap::DapFilter::up(rewrites.launch())),
            Protocol::JsonRpc => {
                MessageFilter::Rpc(rpc::JsonRpcFilter::up(rewrites.paths().map(Rewriter::to_server)))
            }
        }
    }

    /// What dlv says.
    pub(super) fn down(protocol: Protocol, rewrites: &MessageRewrites) -> MessageFilter {
        match protocol {
            Protocol::Dap => MessageFilter::Dap(dap::DapFilter::down()),
            Protocol::JsonRpc => {
                MessageFilter::Rpc(rpc::JsonRpcFilter::down(rewrites.paths().map(Rewriter::to_client)))
            }
        }
    }

    /// Walks over `chunk` and appends what goes on to `pieces`, and what was found to `events`.
    /// `insert` is put at the first place between two messages, where there is one; what remains in
    /// it had no place yet.
    ///
    /// # Errors
    /// Where the stream is no longer framed. The bytes before that are in `pieces` all the same.
    pub(super) fn advance(
        &mut self,
        chunk: &[u8],
        insert: &mut VecDeque<Bytes>,
        pieces: &mut VecDeque<Piece>,
        events: &mut Vec<FilterEvent>,
    ) -> Result<(), Unframed> {
        match self {
            MessageFilter::Dap(filter) => filter.advance(chunk, insert, pieces, events)?,
            MessageFilter::Rpc(filter) => filter.advance(chunk, insert, pieces, events)?,
        }
        Ok(())
    }

    /// Bytes that the present message lacks: 0 between two messages, `None` where its length is
    /// unknown.
    pub(super) fn missing(&self) -> Option<u64> {
        match self {
            MessageFilter::Dap(filter) => Some(filter.body_remaining()),
            MessageFilter::Rpc(filter) => filter.at_boundary().then_some(0),
        }
    }
}

/// Neighbouring ranges, joined so that a chunk usually goes on in one write.
#[derive(Default)]
struct JoinedRange {
    range: Range<usize>,
}

impl JoinedRange {
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
