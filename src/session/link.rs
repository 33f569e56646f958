//! One end of a session, the client's or dlv's: a connection over TCP, over a Unix socket, or
//! standard input and output.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Stdin, Stdout};
use tokio::net::{TcpStream, UnixStream};

use crate::delve::Address;

/// A client, or a dlv.
#[derive(Debug)]
pub enum Transport {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
    /// The program that has started us.
    Stdio(Stdin, Stdout),
}

impl Transport {
    /// The client at standard input and output.
    pub fn stdio() -> Transport {
        Transport::Stdio(tokio::io::stdin(), tokio::io::stdout())
    }

    /// Connects to dlv: the only connection that it ever gets from us.
    ///
    /// # Errors
    /// What the system says, or that nothing answered in time.
    pub(super) async fn dial(address: &Address, limit: Duration) -> io::Result<Transport> {
        let connected = async {
            match address {
                Address::Tcp(address) => {
                    let stream = TcpStream::connect(address).await?;
                    stream.set_nodelay(true)?;
                    Ok(Transport::Tcp(stream))
                }
                Address::Unix(path) => UnixStream::connect(path).await.map(Transport::Unix),
            }
        };
        tokio::time::timeout(limit, connected).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
        })?
    }

    /// Has the kernel ask the other side, where it is over TCP, whether it is there still.
    ///
    /// # Errors
    /// If it is closed already.
    pub(super) fn keep_alive(&self, keepalive: &TcpKeepalive) -> io::Result<()> {
        match self {
            Transport::Tcp(stream) => SockRef::from(stream).set_tcp_keepalive(keepalive),
            Transport::Unix(_) | Transport::Stdio(..) => Ok(()),
        }
    }

    /// Ends what [`Transport::keep_alive`] has begun.
    pub(super) fn end_keepalive(&self) {
        if let Transport::Tcp(stream) = self {
            // fails where it is closed already
            let _ = SockRef::from(stream).set_keepalive(false);
        }
    }

    /// Ready once the other side has said something, has closed, or is lost. Nothing is taken.
    pub(super) fn poll_anything(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // Readiness may be out of date: then it is cleared by this, and waited for again.
            let peeked = match self {
                Transport::Tcp(stream) => ready!(stream.poll_read_ready(cx))
                    .and_then(|()| stream.try_io(Interest::READABLE, || self.peek())),
                Transport::Unix(stream) => ready!(stream.poll_read_ready(cx))
                    .and_then(|()| stream.try_io(Interest::READABLE, || self.peek())),
                Transport::Stdio(..) => return Poll::Ready(()),
            };
            match peeked {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return Poll::Ready(()),
            }
        }
    }

    /// Asks the system how much of the next byte there is, and does not take it. Standard input
    /// cannot be asked.
    pub(super) fn peek(&self) -> io::Result<usize> {
        let mut byte = [MaybeUninit::uninit()];
        match self {
            Transport::Tcp(stream) => SockRef::from(stream).peek(&mut byte),
            Transport::Unix(stream) => SockRef::from(stream).peek(&mut byte),
            Transport::Stdio(..) => Ok(0),
        }
    }

    /// Whether the other side has sent bytes that are not read yet.
    pub(super) fn has_unread(&self) -> bool {
        matches!(self.peek(), Ok(1..))
    }

    /// Whether our end can be closed on its own, so that the client closes its end in turn.
    /// Standard output cannot before we end.
    pub(super) fn can_be_closed(&self) -> bool {
        !matches!(self, Transport::Stdio(..))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Transport::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Transport::Stdio(stdin, _) => Pin::new(stdin).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Transport::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Transport::Stdio(_, stdout) => Pin::new(stdout).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Transport::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Transport::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Transport::Stdio(_, stdout) => Pin::new(stdout).poll_write_vectored(cx, parts),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Transport::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Transport::Stdio(_, stdout) => Pin::new(stdout).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Transport::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Transport::Stdio(_, stdout) => Pin::new(stdout).poll_flush(cx),
        }
    }
}

/// Reads and drops until the other side closes.
///
/// # Errors
/// If the connection fails before.
pub(super) async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    // Not kept while it waits: every session would carry the buffer from its beginning.
    poll_fn(|cx| {
        let mut dropped = [0; 4096];
        loop {
            let mut dropped = ReadBuf::new(&mut dropped);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut dropped))?;
            if dropped.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    })
    .await
}
