//! A service on the loopback interface.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::machine::PEER;

/// Listens on 127.0.0.1 until the tests end.
pub struct Service {
    port: u16,
}

impl Service {
    /// One that sends every byte back.
    pub fn echo() -> Service {
        Service::serving(|mut stream| {
            let mut bytes = [0; 64];
            while let Ok(count @ 1..) = stream.read(&mut bytes) {
                if stream.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
        })
    }

    /// One that does this with each connection.
    pub fn serving(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> Service {
        let listener = TcpListener::bind((PEER, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
        Service { port }
    }

    /// The port, one of those that the system gives out: no service of /etc/services has it.
    pub fn port(&self) -> u16 {
        self.port
    }
}
