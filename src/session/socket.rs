//! Dials connections, and drains them.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::link::Link;
use crate::delve::Address;

/// Connects to dlv: the only connection that it ever gets from us.
///
/// # Errors
/// What the system says, or that nothing answered in time.
pub(super) async fn dial(address: &Address, limit: Duration) -> io::Result<Link> {
    let dialled = async {
        match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Link::Tcp(stream))
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(Link::Unix),
        }
    };
    tokio::time::timeout(limit, dialled).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
    })?
}

/// Reads and drops until the other side closes.
///
/// # Errors
/// Where the connection fails before.
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
