//! What of a direction's bytes goes into the recording: all that the client says, as it says it, and all that it hears.

use std::collections::VecDeque;

use super::lane::Piece;
use crate::recording::{Sender, Tap};

/// Listens to one direction.
pub(super) struct Ear {
    tap: Tap,
    from: Sender,
}

impl Ear {
    pub(super) fn of_client(tap: Tap) -> Ear {
        Ear { tap, from: Sender::Client }
    }

    pub(super) fn of_dlv(tap: Tap) -> Ear {
        Ear { tap, from: Sender::Dlv }
    }

    pub(super) fn tap(&self) -> &Tap {
        &self.tap
    }

    /// A chunk was read.
    pub(super) fn read(&self, chunk: &[u8]) {
        if self.from == Sender::Client {
            self.tap.heard(self.from, chunk);
        }
    }

    /// These pieces of a chunk are to be sent.
    pub(super) fn sending<'a>(&self, pieces: impl Iterator<Item = &'a Piece>, chunk: &[u8]) {
        if self.from == Sender::Client || !self.tap.is_on() {
            return;
        }
        for piece in pieces {
            match piece {
                Piece::Chunk(range) => self.tap.heard(self.from, &chunk[range.clone()]),
                Piece::Changed(bytes) => self.tap.heard(self.from, bytes),
                Piece::Own(bytes) => self.tap.heard(Sender::Dlvgate, bytes),
            }
        }
    }

    /// A message of ours is to be sent.
    pub(super) fn sending_own(&self, pieces: &VecDeque<Piece>) {
        self.sending(pieces.back().into_iter(), &[]);
    }
}
