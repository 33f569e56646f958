//! What of a direction's bytes goes into the recording: all that the client says, as it says it,
//! and all that it hears.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use dlvgate_recording::{Sender, Tap};

use super::lane::Piece;

/// Listens to one direction.
pub(super) struct Ear {
    tap: Tap,
    from: Sender,
    /// The recording's queue is full, and waited for.
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl Ear {
    pub(super) fn of_client(tap: Tap) -> Ear {
        Ear { tap, from: Sender::Client, waiting: None }
    }

    pub(super) fn of_dlv(tap: Tap) -> Ear {
        Ear { tap, from: Sender::Dlv, waiting: None }
    }

    pub(super) fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Ready when the recording can be told of the next chunk.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.waiting.is_none() {
            if !self.tap.is_on() {
                return Poll::Ready(());
            }
            if pin!(self.tap.room()).poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let tap = self.tap.clone();
            self.waiting = Some(Box::pin(async move { tap.room().await }));
        }
        if let Some(waiting) = &mut self.waiting {
            ready!(waiting.as_mut().poll(cx));
            self.waiting = None;
        }
        Poll::Ready(())
    }

    /// A chunk was read.
    pub(super) fn read(&self, chunk: &[u8]) {
        if self.from == Sender::Client {
            self.tap.heard(self.from, chunk);
        }
    }

    /// These pieces of a chunk are to be sent.
    pub(super) fn sending(&self, pieces: &VecDeque<Piece>, chunk: &[u8]) {
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
    pub(super) fn sending_own(&self, message: &[u8]) {
        if self.from == Sender::Dlv {
            self.tap.heard(Sender::Dlvgate, message);
        }
    }
}
