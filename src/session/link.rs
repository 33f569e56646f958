//! The client's end: a connection over TCP, over a Unix socket, or standard input and output.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, Stdin, Stdout};
use tokio::net::{TcpStream, UnixStream};

/// A client.
#[derive(Debug)]
pub enum Link {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
    /// The program that has started us.
    Stdio(Stdin, Stdout),
}

impl Link {
    /// The client at standard input and output.
    pub fn stdio() -> Link {
        Link::Stdio(tokio::io::stdin(), tokio::io::stdout())
    }

    /// Whether our end can be closed on its own, so that the client closes its end in turn. Standard output cannot before we
    /// end.
    pub(super) fn can_be_closed(&self) -> bool {
        !matches!(self, Link::Stdio(..))
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Link::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Link::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            Link::Stdio(stdin, _) => Pin::new(stdin).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Link {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            Link::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Link::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
            Link::Stdio(_, stdout) => Pin::new(stdout).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Link::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Link::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, parts),
            Link::Stdio(_, stdout) => Pin::new(stdout).poll_write_vectored(cx, parts),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Link::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Link::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Link::Stdio(_, stdout) => Pin::new(stdout).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Link::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Link::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Link::Stdio(_, stdout) => Pin::new(stdout).poll_flush(cx),
        }
    }
}
