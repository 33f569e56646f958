//! The stand-in for dlv: it answers at once, so that the figures are of the way and not of dlv.

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;

use super::conversation::Conversation;
use super::replies::Replies;

/// A thousand connections at once are served: their threads need little.
const STACK: usize = 128 * 1024;

/// Accepts for ever; a thread a connection.
pub fn serve() -> anyhow::Result<()> {
    let replies = Arc::new(Replies::recorded()?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    for stream in listener.incoming() {
        let stream = stream?;
        let replies = Arc::clone(&replies);
        std::thread::Builder::new().stack_size(STACK).spawn(move || {
            if let Err(error) = Conversation::new(stream, replies).and_then(Conversation::hold) {
                eprintln!("the stand-in upstream: {error:#}");
            }
        })?;
    }
    Ok(())
}
