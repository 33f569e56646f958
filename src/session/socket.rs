//! What is done with a connection besides forwarding: dialled, and emptied.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpStream;

/// Connects to dlv: the only connection that it ever gets from us.
///
/// # Errors
/// What the system says, or that nothing answered in time.
pub(super) async fn dial(address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let stream = tokio::time::timeout(limit, TcpStream::connect(address)).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs()))
    })??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads and drops until the other side closes.
///
/// # Errors
/// Where the connection fails before.
pub(super) async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut dropped = [0; 4096];
    while stream.read(&mut dropped).await? > 0 {}
    Ok(())
}
