//! One direction of the conversation, without any I/O: which bytes of a chunk go on, and what they
//! mean.

mod dap;
mod event;
mod piece;
mod rpc;

use std::collections::VecDeque;

use bytes::Bytes;
use dlvgate_protocol::frame::FrameError;
use dlvgate_protocol::jsonrpc::JsonRpcError;
use dlvgate_protocol::jsonrpc::rewrite::Rewriter;
use dlvgate_protocol::sniff::Protocol;

use super::message_rewrites::MessageRewrites;
use super::news::SessionNews;
pub(super) use event::FilterEvent;
pub(super) use piece::Piece;

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
    /// If the stream is no longer framed. The bytes before that are in `pieces` all the same.
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

    /// From now on no message goes on, so that none is held to be changed.
    pub(super) fn keep_back(&mut self) {
        match self {
            MessageFilter::Dap(filter) => filter.keep_back(),
            MessageFilter::Rpc(_) => {} // it holds a file name at most
        }
    }

    /// From now on messages are read for the session's user. Of JSON-RPC none are.
    pub(super) fn read_news(&mut self) {
        if let MessageFilter::Dap(filter) = self {
            filter.news = Some(Box::default());
        }
    }

    /// Takes what was read since the last call.
    pub(super) fn take_news(&mut self) -> Vec<SessionNews> {
        match self {
            MessageFilter::Dap(filter) => filter.news.as_mut().map(|news| news.take()).unwrap_or_default(),
            MessageFilter::Rpc(_) => Vec::new(),
        }
    }

    /// The other direction's request for a stack trace, whose answer comes in this one.
    pub(super) fn expect_stack(&mut self, seq: i64, thread: i64) {
        if let MessageFilter::Dap(dap::DapFilter { news: Some(news), .. }) = self {
            news.expect_stack(seq, thread);
        }
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

#[cfg(test)]
mod tests;
