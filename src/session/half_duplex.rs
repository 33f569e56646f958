//! One direction of the conversation, with its I/O: a chunk is read, looked at, and sent on, in one
//! go.
//!
//! A direction has no buffer of its own: it reads into one that all sessions of the thread share,
//! and sends from there before anything else happens. Only what the receiver does not take at once
//! is kept, and nothing is read before it is gone. So an idle session costs no buffer, and a
//! receiver that stalls costs one chunk.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::filter::{FilterEvent, MessageFilter, Piece, Unframed};
use super::news::SessionNews;
use dlvgate_recording::{Sender, Tap};

/// Bytes read at once, and all that one direction ever keeps of what passes. A variables reply of
/// dlv's mostly fits.
const CHUNK: usize = 64 * 1024;

/// Most pieces sent with one call; a chunk is one piece, unless a header in it is normalized.
const PIECES: usize = 16;

/// Most events for which memory is kept between two chunks, 11 KiB for a direction: a client that
/// sends many requests at once does so again.
const EVENTS_KEPT: usize = 64;

/// A padding's write, and the largest body whose missing rest is made up for.
const PAD: [u8; 4096] = [b' '; 4096];
const MAX_PADDED: u64 = 16 * 1024 * 1024;

thread_local! {
    /// Used within one poll, never across two.
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into_boxed_slice());
}

/// Why a direction carries nothing more.
#[derive(Debug)]
pub(super) enum CopyEnd {
    /// The sender has closed.
    End,
    /// The sender's connection has failed.
    Unreadable,
    /// The receiver's connection has failed.
    Unwritable,
    /// The stream cannot be followed any more; the bytes before that were sent.
    Unframed(Unframed),
}

/// A filter with its I/O. Every method can be cancelled: unsent bytes stay, in order.
pub(super) struct HalfDuplex {
    filter: MessageFilter,
    recorder: DirectionRecorder,
    /// When the present chunk was read, until all of it is sent.
    read_at: Option<Instant>,
    /// The present chunk's; empty between two polls.
    pieces: VecDeque<Piece>,
    /// The present chunk's: see [`HalfDuplex::drain_events`].
    events: Vec<FilterEvent>,
    /// What the receiver has not taken yet.
    unsent: BytesMut,
    /// The receiver may hold something back.
    unflushed: bool,
    broken: Option<Unframed>,
}

impl HalfDuplex {
    pub(super) fn new(filter: MessageFilter, recorder: DirectionRecorder) -> HalfDuplex {
        HalfDuplex {
            filter,
            recorder,
            read_at: None,
            pieces: VecDeque::new(),
            events: Vec::new(),
            unsent: BytesMut::new(),
            unflushed: false,
            broken: None,
        }
    }

    /// Hands over what was found in the bytes that were read last, before the next are read.
    pub(super) fn drain_events(&mut self, mut act: impl FnMut(&FilterEvent)) {
        self.events.iter().for_each(&mut act);
        self.events.clear();
        // A chunk of empty JSON-RPC objects has 32,768, 6 MB.
        if self.events.capacity() > EVENTS_KEPT {
            self.events = Vec::new();
        }
    }

    /// From now on messages are read for the session's user.
    pub(super) fn read_news(&mut self) {
        self.filter.read_news();
    }

    /// Takes what the messages have said since the last call.
    pub(super) fn take_news(&mut self) -> Vec<SessionNews> {
        self.filter.take_news()
    }

    /// The other direction's request for a stack trace, whose answer comes in this one.
    pub(super) fn expect_stack(&mut self, seq: i64, thread: i64) {
        self.filter.expect_stack(seq, thread);
    }

    /// Carries one chunk, once there is one and what came before it is sent. `insert` goes between
    /// two messages, as soon as the stream stands there.
    pub(super) fn poll_carry(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut (impl AsyncRead + Unpin),
        to: &mut (impl AsyncWrite + Unpin),
        insert: &mut VecDeque<Bytes>,
    ) -> Poll<Result<(), CopyEnd>> {
        if ready!(self.poll_send(cx, to)).is_err() {
            return Poll::Ready(Err(CopyEnd::Unwritable));
        }
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Err(CopyEnd::Unframed(error)));
        }
        if !insert.is_empty() {
            self.take(&[], insert);
            if ready!(self.poll_send(cx, to)).is_err() {
                return Poll::Ready(Err(CopyEnd::Unwritable));
            }
        }
        ready!(self.recorder.poll_room(cx));
        SHARED.with_borrow_mut(|chunk| {
            let filled = match ready!(poll_read(cx, from, chunk)) {
                Ok(0) => return Poll::Ready(Err(CopyEnd::End)),
                Ok(filled) => filled,
                Err(_) => return Poll::Ready(Err(CopyEnd::Unreadable)),
            };
            let chunk = &chunk[..filled];
            self.inspect(chunk, insert);
            let sent = self.send_now(cx, chunk, to);
            Poll::Ready(sent.map_err(|_| CopyEnd::Unwritable))
        })
    }

    /// Queues bytes that were read elsewhere.
    pub(super) fn take(&mut self, bytes: &[u8], insert: &mut VecDeque<Bytes>) {
        self.inspect(bytes, insert);
        self.keep(bytes);
    }

    /// Queues bytes of our own.
    pub(super) fn queue(&mut self, bytes: Bytes) {
        self.recorder.sending_own(&bytes);
        self.unsent.extend_from_slice(&bytes);
    }

    /// The receiver has not taken yet all that came.
    pub(super) fn is_behind(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// As much is queued as is read at once: it is to be sent before there is more.
    pub(super) fn is_full(&self) -> bool {
        self.unsent.len() >= CHUNK
    }

    /// From now on nothing is held to be changed, and nothing goes on.
    pub(super) fn keep_back(&mut self) {
        self.filter.keep_back();
    }

    /// Reads a chunk, of which nothing goes on. `false` is the end: of the stream, or of what can
    /// be followed.
    pub(super) async fn hear(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<bool> {
        poll_fn(|cx| {
            SHARED.with_borrow_mut(|chunk| {
                let filled = ready!(poll_read(cx, from, chunk))?;
                Poll::Ready(Ok(filled > 0 && self.overhear(&chunk[..filled])))
            })
        })
        .await
    }

    /// As [`HalfDuplex::hear`], of bytes that were read elsewhere.
    pub(super) fn overhear(&mut self, bytes: &[u8]) -> bool {
        self.inspect(bytes, &mut VecDeque::new());
        self.pieces.clear();
        self.broken.take().is_none()
    }

    /// Sends all that is queued.
    pub(super) async fn flush(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        poll_fn(|cx| self.poll_send(cx, to)).await
    }

    /// Makes up for the rest of a body whose sender is gone, so that the messages after it can be
    /// read. The receiver finds one message that is not JSON and, unlike a hang, can say so.
    ///
    /// # Errors
    /// If the receiver is gone too, too much is missing to fill in, or it is not known how much.
    pub(super) async fn complete(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        self.flush(to).await?;
        let mut missing = match self.filter.missing() {
            Some(missing) if missing <= MAX_PADDED => missing,
            _ => return Err(io::Error::other("a cut message cannot be made up for")),
        };
        while missing > 0 {
            let part = missing.min(PAD.len() as u64) as usize;
            to.write_all(&PAD[..part]).await?;
            missing -= part as u64;
        }
        Ok(())
    }

    /// Looks at a chunk and notes which pieces of it go on, and what was found.
    fn inspect(&mut self, chunk: &[u8], insert: &mut VecDeque<Bytes>) {
        self.recorder.read(chunk);
        self.read_at = (!chunk.is_empty() && self.recorder.tap().is_on()).then(Instant::now);
        self.broken = self.filter.advance(chunk, insert, &mut self.pieces, &mut self.events).err();
        self.recorder.sending(&self.pieces, chunk);
    }

    /// Sends the pieces of `chunk` as far as they are taken, and keeps the rest.
    fn send_now(
        &mut self,
        cx: &mut Context<'_>,
        chunk: &[u8],
        to: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        self.unflushed = true;
        while !self.pieces.is_empty() {
            let sent = match self.pieces.len() {
                1 => Pin::new(&mut *to).poll_write(cx, self.pieces[0].bytes(chunk)),
                _ => {
                    let mut parts = [IoSlice::new(&[]); PIECES];
                    for (part, piece) in parts.iter_mut().zip(&self.pieces) {
                        *part = IoSlice::new(piece.bytes(chunk));
                    }
                    let count = self.pieces.len().min(PIECES);
                    Pin::new(&mut *to).poll_write_vectored(cx, &parts[..count])
                }
            };
            match sent {
                Poll::Ready(sent) => self.sent(written(sent)?),
                Poll::Pending => break,
            }
        }
        self.keep(chunk);
        match self.poll_send(cx, to) {
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }

    /// This many bytes of the pieces are gone.
    fn sent(&mut self, mut bytes: usize) {
        while let Some(piece) = self.pieces.front_mut() {
            let left = piece.len();
            if bytes < left {
                piece.advance(bytes);
                break;
            }
            bytes -= left;
            self.pieces.pop_front();
        }
    }

    /// Keeps the unsent pieces of `chunk`.
    fn keep(&mut self, chunk: &[u8]) {
        for piece in self.pieces.drain(..) {
            self.unsent.extend_from_slice(piece.bytes(chunk));
        }
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        if !self.unsent.is_empty() {
            self.unflushed = true;
            while !self.unsent.is_empty() {
                let sent = written(ready!(Pin::new(&mut *to).poll_write(cx, &self.unsent)))?;
                self.unsent.advance(sent);
            }
            self.unsent = BytesMut::new(); // a session that waits keeps no memory
        }
        if self.unflushed {
            // standard output holds back a line that has no end
            ready!(Pin::new(to).poll_flush(cx))?;
            self.unflushed = false;
            if let Some(read_at) = self.read_at.take() {
                self.recorder.tap().held(read_at.elapsed());
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What of a direction's bytes goes into the recording: all that the client says, as it says it,
/// and all that it hears.
pub(super) struct DirectionRecorder {
    tap: Tap,
    from: Sender,
    /// The recording's queue is full, and waited for.
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl DirectionRecorder {
    pub(super) fn of_client(tap: Tap) -> DirectionRecorder {
        DirectionRecorder { tap, from: Sender::Client, waiting: None }
    }

    pub(super) fn of_dlv(tap: Tap) -> DirectionRecorder {
        DirectionRecorder { tap, from: Sender::Dlv, waiting: None }
    }

    pub(super) fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Ready when the recording can take the next chunk.
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

fn poll_read(
    cx: &mut Context<'_>,
    from: &mut (impl AsyncRead + Unpin),
    chunk: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut chunk = ReadBuf::new(chunk);
    ready!(Pin::new(from).poll_read(cx, &mut chunk))?;
    Poll::Ready(Ok(chunk.filled().len()))
}

fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
