//! Delve's JSON-RPC: objects one after another, forwarded as they come, but for file names where
//! there are rules for them.

use std::collections::VecDeque;

use bytes::Bytes;
use dlvgate_protocol::conversation::Message;
use dlvgate_protocol::jsonrpc::rewrite::{self, Rewriter};
use dlvgate_protocol::jsonrpc::{JsonRpcError, RpcScanner};

use super::event::FilterEvent;
use super::piece::Piece;

/// The state between two chunks.
pub(in crate::session) struct JsonRpcFilter {
    scanner: RpcScanner,
    /// Where file names have to be changed.
    rewriter: Option<Rewriter>,
}

impl JsonRpcFilter {
    /// What the client says.
    pub(in crate::session) fn up(rewriter: Option<Rewriter>) -> JsonRpcFilter {
        JsonRpcFilter { scanner: RpcScanner::of_client(), rewriter }
    }

    /// What dlv says.
    pub(in crate::session) fn down(rewriter: Option<Rewriter>) -> JsonRpcFilter {
        JsonRpcFilter { scanner: RpcScanner::new(), rewriter }
    }

    /// See [`JsonRpcFilter::advance`](super::MessageFilter::advance).
    pub(in crate::session) fn advance(
        &mut self,
        chunk: &[u8],
        insert: &mut VecDeque<Bytes>,
        pieces: &mut VecDeque<Piece>,
        events: &mut Vec<FilterEvent>,
    ) -> Result<(), JsonRpcError> {
        let mut at = 0;
        let mut walked = Ok(());
        while at < chunk.len() {
            match self.scanner.step(&chunk[at..]) {
                Ok(step) => {
                    at += step.consumed;
                    if let Some(envelope) = step.envelope {
                        events.push(FilterEvent::Forwarded(Message::from(envelope)));
                    }
                }
                Err(error) => {
                    walked = Err(error);
                    break;
                }
            }
        }
        match &mut self.rewriter {
            _ if at == 0 => {}
            None => pieces.push_back(Piece::Chunk(0..at)),
            Some(rewriter) => {
                let mut rewritten = VecDeque::new();
                rewriter.advance(&chunk[..at], &mut rewritten);
                pieces.extend(rewritten.into_iter().map(|piece| match piece {
                    rewrite::RewritePiece::Chunk(range) => Piece::Chunk(range),
                    rewrite::RewritePiece::Own(bytes) => Piece::Changed(bytes),
                }));
            }
        }
        if self.at_boundary() {
            pieces.extend(insert.drain(..).map(Piece::Own));
        }
        walked
    }

    /// Between two objects.
    pub(in crate::session) fn at_boundary(&self) -> bool {
        self.scanner.at_boundary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_goes_on_as_it_came_however_it_is_cut() {
        let wire = br#" {"method":"RPCServer.State","params":[{}],"id":7}{"method":"x","id":"a"}"#;
        for size in 1..wire.len() {
            let (mut filter, mut events, mut sent) = (JsonRpcFilter::up(None), Vec::new(), Vec::new());
            for chunk in wire.chunks(size) {
                let mut pieces = VecDeque::new();
                filter.advance(chunk, &mut VecDeque::new(), &mut pieces, &mut events).unwrap();
                for piece in pieces {
                    let Piece::Chunk(range) = piece else { panic!("nothing of our own") };
                    sent.extend_from_slice(&chunk[range]);
                }
            }
            assert_eq!(sent, wire);
            assert_eq!(events.len(), 2);
            assert!(filter.at_boundary());
        }
    }

    #[test]
    fn non_object_ends_the_scan_after_earlier_bytes() {
        let mut pieces = VecDeque::new();
        let walked =
            JsonRpcFilter::up(None).advance(b"{}x{}", &mut VecDeque::new(), &mut pieces, &mut Vec::new());
        assert_eq!(walked, Err(JsonRpcError::NotAnObject { byte: b'x' }));
        assert_eq!(pieces, [Piece::Chunk(0..2)]);
        pieces.clear();
        let walked =
            JsonRpcFilter::up(None).advance(b"x", &mut VecDeque::new(), &mut pieces, &mut Vec::new());
        assert!(walked.is_err() && pieces.is_empty(), "to send nothing at all would look like an end");
    }
}
