//! A dlv that only listens: it keeps every byte that it gets, and says what a test has it say.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::{PATIENCE, poll};

#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    connections: Vec<TcpStream>,
    ended: usize,
}

/// The listener.
pub struct Recorder {
    address: SocketAddr,
    heard: Arc<Mutex<Heard>>,
}

impl Recorder {
    /// On a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let into = Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                lock(&into).connections.push(stream.try_clone().unwrap());
                let into = Arc::clone(&into);
                std::thread::spawn(move || {
                    let mut chunk = [0; 4096];
                    while let Ok(read @ 1..) = stream.read(&mut chunk) {
                        lock(&into).bytes.extend_from_slice(&chunk[..read]);
                    }
                    lock(&into).ended += 1;
                });
            }
        });
        Self { address, heard }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many have connected.
    pub fn connections(&self) -> usize {
        lock(&self.heard).connections.len()
    }

    /// Every byte so far.
    pub fn bytes(&self) -> Vec<u8> {
        lock(&self.heard).bytes.clone()
    }

    /// Waits for as many bytes, and gives them all.
    pub fn wait(&self, len: usize) -> Vec<u8> {
        let got = poll(PATIENCE, || Some(self.bytes()).filter(|bytes| bytes.len() >= len));
        got.unwrap_or_else(|| panic!("only {:?}", String::from_utf8_lossy(&self.bytes())))
    }

    /// Waits until a client has ended its side.
    pub fn wait_for_end(&self) {
        poll(PATIENCE, || (lock(&self.heard).ended > 0).then_some(())).expect("the connection ends");
    }

    /// Says something on the last connection.
    pub fn say(&self, bytes: &[u8]) {
        lock(&self.heard).connections.last().expect("a connection").write_all(bytes).unwrap();
    }

    /// Closes the last connection.
    pub fn close(&self) {
        let _ = lock(&self.heard).connections.last().expect("a connection").shutdown(Shutdown::Both);
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
