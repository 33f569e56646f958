//! A connection that carries whole messages, in either protocol.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use dlvgate_protocol::frame;
use dlvgate_protocol::sniff::Protocol;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::format::MESSAGE_MAX;
use crate::recorder::assembler::{Assembler, Unit};

/// Bytes read at once.
const CHUNK: usize = 16 * 1024;

/// The receiving half.
pub(super) struct Incoming<R> {
    stream: R,
    assembler: Assembler,
    ready: VecDeque<Bytes>,
    /// Pieces of a message that comes in parts.
    long: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Incoming<R> {
    pub(super) fn new(stream: R, protocol: Protocol) -> Incoming<R> {
        Incoming { stream, assembler: Assembler::new(protocol), ready: VecDeque::new(), long: Vec::new() }
    }

    /// The next message; `None` at the end of the stream. Can be cancelled.
    ///
    /// # Errors
    /// If the connection breaks; of [`io::ErrorKind::InvalidData`] where what comes is not a
    /// message, or too long a one.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut chunk = [0; CHUNK];
        loop {
            if let Some(body) = self.ready.pop_front() {
                return Ok(Some(body));
            }
            let read = self.stream.read(&mut chunk).await?;
            if read == 0 {
                return Ok(None);
            }
            let mut units = Vec::new();
            self.assembler.take(&chunk[..read], &mut units);
            for unit in units {
                match unit {
                    Unit::Message { body, .. } => self.ready.push_back(body),
                    Unit::Part { bytes, more } => {
                        if self.long.len() + bytes.len() > MESSAGE_MAX {
                            let mib = MESSAGE_MAX / 1024 / 1024;
                            let text = format!("a message of more than {mib} MiB came, which is the limit");
                            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
                        }
                        self.long.extend_from_slice(&bytes);
                        if !more {
                            self.ready.push_back(std::mem::take(&mut self.long).into());
                        }
                    }
                    Unit::Unframed(_) => {
                        return Err(io::Error::new(
                            io::ErrorKind::InvalidData,
                            "the received bytes are not a message",
                        ));
                    }
                }
            }
        }
    }
}

/// Sends a message.
///
/// # Errors
/// If the connection breaks.
pub(super) async fn send(
    stream: &mut (impl AsyncWrite + Unpin),
    protocol: Protocol,
    body: &[u8],
) -> io::Result<()> {
    match protocol {
        Protocol::Dap => stream.write_all(&frame::frame(body)).await?,
        // Delve ends each answer with a line feed.
        Protocol::JsonRpc => stream.write_all(&[body, b"\n"].concat()).await?,
    }
    stream.flush().await
}
