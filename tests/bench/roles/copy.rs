//! The baseline: what a few lines of tokio forward without looking at a byte.

use std::io::Write;
use std::net::SocketAddr;
use std::str::FromStr;

use anyhow::Context;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::net::{TcpListener, TcpStream};

/// On what it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// One thread and nothing but sockets, not even time: the least that tokio can do.
    Lean,
    /// What `#[tokio::main]` makes: a thread a processor, all drivers.
    Usual,
}

impl Runtime {
    /// As it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Runtime::Lean => "lean",
            Runtime::Usual => "usual",
        }
    }
}

impl FromStr for Runtime {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Runtime> {
        let all = [Runtime::Lean, Runtime::Usual];
        all.into_iter().find(|one| one.name() == text).with_context(|| format!("no such runtime: {text}"))
    }
}

/// Accepts for ever; no delay on either side.
pub fn serve(upstream: SocketAddr, buffer: usize, runtime: Runtime) -> anyhow::Result<()> {
    let runtime = match runtime {
        Runtime::Lean => tokio::runtime::Builder::new_current_thread().enable_io().build()?,
        Runtime::Usual => tokio::runtime::Builder::new_multi_thread().enable_all().build()?,
    };
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
