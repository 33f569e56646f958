//! The baseline: what a few lines of tokio forward without looking at a byte.

use std::io::Write;
use std::net::SocketAddr;

use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};

/// Accepts for ever. One thread, no delay on either side.
pub fn serve(upstream: SocketAddr, buffer: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::spawn(forward(client, upstream, buffer));
        }
    })
}

async fn forward(mut client: TcpStream, upstream: SocketAddr, buffer: usize) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    copy_bidirectional_with_sizes(&mut client, &mut server, buffer, buffer).await?;
    Ok(())
}
