//! One direction of the conversation, with its I/O: a chunk is read, looked at, and sent on.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::ear::Ear;
use super::lane::{Lane, Piece, Unframed, Watcher};

/// Bytes read at once, and all that one direction ever keeps of what passes.
const CHUNK: usize = 16 * 1024;

/// A padding's write, and the largest body whose missing rest is made up for.
const PAD: [u8; 4096] = [b' '; 4096];
const MAX_PADDED: u64 = 16 * 1024 * 1024;

/// A lane with its buffer. Every method can be cancelled: what is not sent yet stays, in order.
pub(super) struct Carrier {
    lane: Lane,
    ear: Ear,
    /// When the present chunk was read, until all of it is sent.
    read_at: Option<Instant>,
    chunk: Box<[u8]>,
    pieces: VecDeque<Piece>,
}

impl Carrier {
    pub(super) fn new(lane: Lane, ear: Ear) -> Carrier {
        let chunk = vec![0; CHUNK].into_boxed_slice();
        Carrier { lane, ear, read_at: None, chunk, pieces: VecDeque::new() }
    }

    /// Reads a chunk and looks at it. Returns its length: 0 is the end of the stream. Nothing may be waiting to
    /// be sent.
    pub(super) async fn read(&mut self, from: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        self.ear.tap().room().await;
        from.read(&mut self.chunk).await
    }

    /// Takes bytes that were read elsewhere, at most a chunk of them, instead of reading.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(CHUNK);
        self.chunk[..taken].copy_from_slice(&bytes[..taken]);
        taken
    }

    /// Looks at the first `filled` bytes of the chunk and queues what of them goes on.
    ///
    /// # Errors
    /// Where the stream is no longer framed.
    pub(super) fn inspect(
        &mut self,
        filled: usize,
        watcher: &mut impl Watcher,
        insert: &mut VecDeque<Bytes>,
    ) -> Result<(), Unframed> {
        let (chunk, queued) = (&self.chunk[..filled], self.pieces.len());
        self.ear.read(chunk);
        self.read_at = (filled > 0 && self.ear.tap().is_on()).then(Instant::now);
        let advanced = self.lane.advance(chunk, watcher, insert, &mut self.pieces);
        self.ear.sending(self.pieces.iter().skip(queued), chunk);
        advanced
    }

    /// Queues bytes of our own.
    pub(super) fn queue(&mut self, bytes: Bytes) {
        self.pieces.push_back(Piece::Own(bytes));
        self.ear.sending_own(&self.pieces);
    }

    /// Sends all that is queued.
    pub(super) async fn flush(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        while let Some(piece) = self.pieces.front_mut() {
            let left = match piece {
                Piece::Chunk(range) => {
                    range.start += written(to.write(&self.chunk[range.clone()]).await)?;
                    range.start < range.end
                }
                Piece::Changed(bytes) | Piece::Own(bytes) => {
                    let sent = written(to.write(bytes).await)?;
                    bytes::Buf::advance(bytes, sent);
                    !bytes.is_empty()
                }
            };
            if !left {
                self.pieces.pop_front();
            }
        }
        to.flush().await?; // standard output holds back a line that has no end
        if let Some(read_at) = self.read_at.take() {
            self.ear.tap().held(read_at.elapsed());
        }
        Ok(())
    }

    /// Makes up for the rest of a body whose sender is gone, so that the messages after it can be read. The
    /// receiver finds one message that is no JSON and, unlike a hang, can say so.
    ///
    /// # Errors
    /// Where the receiver is gone too, more is missing than is worth making up for, or nobody knows how much is.
    pub(super) async fn complete(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        self.flush(to).await?;
        let mut missing = match self.lane.missing() {
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
}

fn written(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Tap;
    use crate::session::amendments::Amendments;
    use dlvgate_protocol::conversation::Message;
    use dlvgate_protocol::sniff::Protocol;

    struct PassAll;

    impl Watcher for PassAll {
        fn begins(&mut self, _: u64) -> bool {
            true
        }
        fn message(&mut self, _: Message, _: bool) {}
    }

    #[tokio::test]
    async fn a_cut_message_keeps_its_length() {
        let mut carrier =
            Carrier::new(Lane::up(Protocol::Dap, &Amendments::default()), Ear::of_client(Tap::none()));
        let filled = carrier.take(b"Content-Length: 10\r\n\r\n{\"a\":");
        carrier.inspect(filled, &mut PassAll, &mut VecDeque::new()).unwrap();
        let mut sent = Vec::new();
        carrier.complete(&mut sent).await.unwrap();
        assert_eq!(sent, b"Content-Length: 10\r\n\r\n{\"a\":     ");
    }

    #[tokio::test]
    async fn what_a_cancelled_write_left_is_sent_by_the_next() {
        let mut carrier =
            Carrier::new(Lane::up(Protocol::Dap, &Amendments::default()), Ear::of_client(Tap::none()));
        let message = b"Content-Length: 10\r\n\r\n0123456789";
        let filled = carrier.take(message);
        carrier.inspect(filled, &mut PassAll, &mut VecDeque::new()).unwrap();
        carrier.queue(Bytes::from_static(b"OURS"));
        let (mut narrow, mut reader) = tokio::io::duplex(5);
        let stuck =
            tokio::time::timeout(std::time::Duration::from_millis(10), carrier.flush(&mut narrow)).await;
        assert!(stuck.is_err());
        let mut got = vec![0; 5];
        reader.read_exact(&mut got).await.unwrap();
        let rest = tokio::spawn(async move {
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest).await.unwrap();
            rest
        });
        carrier.flush(&mut narrow).await.unwrap();
        drop(narrow);
        got.extend(rest.await.unwrap());
        assert_eq!(got, [&message[..], b"OURS"].concat());
    }
}
