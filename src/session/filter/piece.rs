//! What of a chunk goes on, as ranges of it.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;

/// Bytes to send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) enum Piece {
    /// This part of the chunk.
    Chunk(Range<usize>),
    /// These in place of some of it.
    Changed(Bytes),
    /// A message of our own.
    Own(Bytes),
}

impl Piece {
    /// The bytes; `chunk` is what the piece was made of.
    pub(in crate::session) fn bytes<'a>(&'a self, chunk: &'a [u8]) -> &'a [u8] {
        match self {
            Piece::Chunk(range) => &chunk[range.clone()],
            Piece::Changed(bytes) | Piece::Own(bytes) => bytes,
        }
    }

    pub(in crate::session) fn len(&self) -> usize {
        match self {
            Piece::Chunk(range) => range.len(),
            Piece::Changed(bytes) | Piece::Own(bytes) => bytes.len(),
        }
    }

    /// The first `sent` bytes, of which there are more, are gone.
    pub(in crate::session) fn advance(&mut self, sent: usize) {
        match self {
            Piece::Chunk(range) => range.start += sent,
            Piece::Changed(bytes) | Piece::Own(bytes) => bytes::Buf::advance(bytes, sent),
        }
    }
}

/// Neighbouring ranges, joined so that a chunk usually goes on in one write.
#[derive(Default)]
pub(super) struct JoinedRange {
    range: Range<usize>,
}

impl JoinedRange {
    pub(super) fn extend(&mut self, taken: Range<usize>, pieces: &mut VecDeque<Piece>) {
        if self.range.end == taken.start && !self.range.is_empty() {
            self.range.end = taken.end;
        } else {
            self.flush(pieces);
            self.range = taken;
        }
    }

    pub(super) fn flush(&mut self, pieces: &mut VecDeque<Piece>) {
        let range = std::mem::take(&mut self.range);
        if !range.is_empty() {
            pieces.push_back(Piece::Chunk(range));
        }
    }
}
