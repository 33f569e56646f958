//! A stand-in for a dlv that serves as many clients as come: it answers at once, and says as much
//! as it is asked to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::frames;

/// It listens until the test's process ends.
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

/// The request that is answered with a body of `bytes` bytes.
pub const SAY: &str = "say";

impl Upstream {
    /// On a loopback port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let open = Arc::clone(&connections);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let open = Arc::clone(&open);
                open.fetch_add(1, Ordering::SeqCst);
                let serve = move || {
                    // A client that goes in mid-sentence is no failure.
                    let _ = serve(stream);
                    open.fetch_sub(1, Ordering::SeqCst);
                };
                std::thread::Builder::new().stack_size(128 * 1024).spawn(serve).unwrap();
            }
        });
        Self { address, connections }
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        while let Some((request, used)) = frames::split_first(&bytes).expect("what reaches dlv is DAP") {
            bytes.drain(..used);
            answer(&mut stream, &request)?;
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// A success; for [`SAY`] with as many `x` as make the body as long as asked for.
fn answer(stream: &mut TcpStream, request: &serde_json::Value) -> std::io::Result<()> {
    let head = format!(
        r#"{{"seq":0,"type":"response","request_seq":{},"success":true,"command":{},"body":{{"said":""#,
        request["seq"], request["command"]
    );
    const TAIL: &str = "\"}}";
    let least = head.len() + TAIL.len();
    let length = request["arguments"]["bytes"].as_u64().unwrap_or_default() as usize;
    let mut missing = length.saturating_sub(least);
    let mut text = format!("Content-Length: {}\r\n\r\n{head}", least + missing).into_bytes();
    while missing > 0 {
        let part = missing.min(64 * 1024);
        text.resize(text.len() + part, b'x');
        missing -= part;
        if text.len() >= 64 * 1024 {
            stream.write_all(&text)?;
            text.clear();
        }
    }
    text.extend_from_slice(TAIL.as_bytes());
    stream.write_all(&text)
}
